import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";

const run = promisify(execFile);

/** Set this to the path of a Chromium, Chrome or Edge to use that one. */
const PATH_VARIABLE = "TRACEWAY_CHROMIUM";

const ON_PATH = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];

function knownPlaces(): string[] {
	switch (process.platform) {
		case "darwin":
			return ["", homedir()].flatMap((base) => [
				`${base}/Applications/Google Chrome.app/Contents/MacOS/Google Chrome`,
				`${base}/Applications/Chromium.app/Contents/MacOS/Chromium`,
				`${base}/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge`,
			]);
		case "win32":
			return [process.env.PROGRAMFILES, process.env["PROGRAMFILES(X86)"], process.env.LOCALAPPDATA]
				.filter((base) => base !== undefined)
				.flatMap((base) => [
					join(base, "Google", "Chrome", "Application", "chrome.exe"),
					join(base, "Microsoft", "Edge", "Application", "msedge.exe"),
				]);
		default:
			return (process.env.PATH ?? "")
				.split(delimiter)
				.concat("/usr/bin", "/usr/local/bin", "/opt/google/chrome", "/snap/bin")
				.flatMap((folder) => ON_PATH.concat("chrome").map((name) => join(folder, name)));
	}
}

let found: Promise<string> | undefined;

/**
 * Path of a Chromium that runs, installing one when the machine has none: by apt where that needs no password, else
 * Playwright's own. Says on `log` what it installs. Throws with what to do when there is no way.
 */
export function findChromium(log: (line: string) => void = console.log): Promise<string> {
	found ??= search(log);
	return found;
}

async function search(log: (line: string) => void): Promise<string> {
	const given = process.env[PATH_VARIABLE];
	if (given) {
		if (await isExecutable(given)) return given;
		throw new Error(`${PATH_VARIABLE} names ${given}, which is no program.`);
	}
	const there = await firstExecutable([...knownPlaces(), chromium.executablePath()]);
	if (there !== undefined) return there;
	const failures: string[] = [];
	for (const install of [installByApt, installByPlaywright]) {
		try {
			await install(log);
		} catch (error) {
			failures.push((error as Error).message.trim().split("\n").slice(-3).join(" "));
		}
		const installed = await firstExecutable([...knownPlaces(), chromium.executablePath()]);
		if (installed !== undefined) return installed;
	}
	throw new Error(
		`No Chromium was found and none could be installed. Install Chromium, Chrome or Edge, or set ${PATH_VARIABLE} to ` +
			`its path.\n${failures.join("\n")}`,
	);
}

async function installByApt(log: (line: string) => void): Promise<void> {
	const apt = await firstExecutable(["/usr/bin/apt-get"]);
	if (apt === undefined) return;
	const isRoot = process.getuid?.() === 0;
	if (!isRoot) await run("sudo", ["-n", "true"]);
	const [command, first] = isRoot ? [apt, []] : ["sudo", ["-n", apt]];
	const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
	log("Chromium: not found; installing it with apt-get …");
	await run(command, [...first, "update", "-qq"], { env, maxBuffer: 16_000_000 });
	// Fonts by name: without recommends Chromium has none at all, and text of width 0 fails tests in odd places.
	const packages = ["chromium", "fonts-dejavu-core", "fonts-noto-color-emoji"];
	await run(command, [...first, "install", "-y", "-qq", "--no-install-recommends", ...packages], {
		env,
		maxBuffer: 16_000_000,
	});
	log("Chromium: installed.");
}

async function installByPlaywright(log: (line: string) => void): Promise<void> {
	log("Chromium: not found; downloading Playwright's …");
	const cli = join(dirname(fileURLToPath(import.meta.resolve("playwright-core"))), "cli.js");
	await run(process.execPath, [cli, "install", "chromium"], { maxBuffer: 16_000_000 });
	log("Chromium: installed.");
}

/** The first of the paths that can be run. */
export async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
	for (const path of paths) if (await isExecutable(path)) return path;
	return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
	return access(path, constants.X_OK).then(
		() => path !== "",
		() => false,
	);
}

/** A headless browser that behaves the same on every machine. The caller closes it. */
export async function launchBrowser(options: { readonly args?: readonly string[] } = {}): Promise<Browser> {
	return await chromium.launch({
		executablePath: await findChromium(),
		headless: true,
		args: [
			// As root and in containers: there is no sandbox to be had, and /dev/shm may be 64 MB.
			"--no-sandbox",
			"--disable-dev-shm-usage",
			"--force-color-profile=srgb",
			"--disable-features=Translate,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
			...(options.args ?? []),
		],
	});
}
