import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { downloadAndUnzipVSCode, runTests } from "@vscode/test-electron";
import { disposeInHost, inHostSettings, prepareInHost, readInHostResults } from "./inHost.mts";
import { ROOT } from "./workbench.mts";

/**
 * `npm run test:desktop`: the in-host suite in a desktop VS Code. VSCODE_PATH names one that is installed, VSCODE_VERSION a
 * version to download. Where there is none and none can be downloaded it says so and ends well.
 */

async function findVsCode(): Promise<string | undefined> {
	const given = process.env.VSCODE_PATH;
	if (given) {
		if (existsSync(given)) return given;
		throw new Error(`VSCODE_PATH names ${given}, which does not exist.`);
	}
	try {
		return await downloadAndUnzipVSCode({
			version: process.env.VSCODE_VERSION ?? "stable",
			cachePath: join(ROOT, "test", "workbench", ".run", "vscode"),
		});
	} catch (error) {
		console.log(`Skipped: no desktop VS Code here, and none can be downloaded (${(error as Error).message}).`);
		console.log("Set VSCODE_PATH to the program of an installed one to run these tests.");
		return undefined;
	}
}

async function main(vscodeExecutablePath: string): Promise<number> {
	const run = await prepareInHost();
	try {
		const userDataDir = join(run.base, "user-data");
		const workspace = join(run.base, "workspace");
		await mkdir(join(userDataDir, "User"), { recursive: true });
		await mkdir(workspace);
		await writeFile(join(userDataDir, "User", "settings.json"), JSON.stringify(inHostSettings(run)));
		await runTests({
			vscodeExecutablePath,
			extensionDevelopmentPath: ROOT,
			extensionTestsPath: run.entry,
			extensionTestsEnv: run.env,
			launchArgs: [
				workspace,
				`--user-data-dir=${userDataDir}`,
				`--extensions-dir=${join(run.base, "extensions")}`,
				"--disable-extensions",
				"--disable-workspace-trust",
				"--skip-welcome",
				"--skip-release-notes",
				"--disable-updates",
				"--disable-telemetry",
				// As root, as in a container, Electron has no sandbox.
				...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
			],
		}).catch((error: Error) => console.error(error.message));
		const results = await readInHostResults(run);
		for (const { title, ms, error } of results) {
			console.log(`${error === undefined ? "✓" : "×"} ${title} ${ms} ms${error === undefined ? "" : `\n${error}`}`);
		}
		const failed = results.filter(({ error }) => error !== undefined).length;
		console.log(`${results.length - failed} passed, ${failed} failed`);
		return failed === 0 ? 0 : 1;
	} finally {
		await disposeInHost(run);
	}
}

const vsCode = await findVsCode();
if (vsCode !== undefined) process.exitCode = await main(vsCode);
