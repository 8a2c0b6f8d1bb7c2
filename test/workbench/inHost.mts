import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { type InHostResult, RESULT_FILE_VARIABLE } from "../e2e/inHost/runner.ts";
import { launchBrowser } from "./browser.mts";
import { endMiniServer, ROOT, startWorkbench } from "./workbench.mts";

const TIMEOUT_MS = 120_000;

/** Places of one run, in a folder that is thrown away. */
interface Run {
	readonly base: string;
	/** Entry for `extensionTestsPath`. */
	readonly entry: string;
	readonly serverDir: string;
	readonly env: Readonly<Record<string, string>>;
}

/** Bundles the suite as the extension host loads it, and names the files that it needs. */
export async function prepareInHost(): Promise<Run> {
	const base = await mkdtemp(join(tmpdir(), "traceway-in-host-"));
	const entry = join(base, "suite.cjs");
	await build({
		entryPoints: [join(ROOT, "test", "e2e", "inHost", "suite.ts")],
		outfile: entry,
		bundle: true,
		platform: "node",
		format: "cjs",
		target: "node22",
		external: ["vscode"],
		logLevel: "warning",
	});
	const serverDir = join(base, "mini-server");
	return {
		base,
		entry,
		serverDir,
		env: { [RESULT_FILE_VARIABLE]: join(base, "results.json"), IN_HOST_SERVER_DIR: serverDir },
	};
}

/** Settings that a run needs beside the quiet ones. */
export function inHostSettings(run: Run): Record<string, unknown> {
	return { "traceway.server.dataDirectory": run.serverDir };
}

/** What the suite wrote; throws when it wrote nothing, because it did not get as far as that. */
export async function readInHostResults(run: Run): Promise<InHostResult[]> {
	return JSON.parse(await readFile(join(run.base, "results.json"), "utf8")) as InHostResult[];
}

export async function disposeInHost(run: Run): Promise<void> {
	await endMiniServer(run.serverDir);
	await rm(run.base, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** Runs the suite in the extension host of a workbench in the browser. */
export async function runInHost(): Promise<InHostResult[]> {
	const run = await prepareInHost();
	const workbench = await startWorkbench({
		allowsTestPayload: true,
		settings: inHostSettings(run),
		env: run.env,
	});
	const browser = await launchBrowser();
	try {
		const page = await browser.newPage();
		const lines: string[] = [];
		const ended = new Promise<void>((resolve, reject) => {
			const timer = setTimeout(
				() => reject(new Error(`no end within ${TIMEOUT_MS} ms:\n${lines.join("\n")}`)),
				TIMEOUT_MS,
			);
			// The workbench calls these two, as it does for `@vscode/test-web`.
			void page.exposeFunction("codeAutomationExit", () => {
				clearTimeout(timer);
				resolve();
			});
			void page.exposeFunction("codeAutomationLog", (type: string, args: unknown[]) => {
				lines.push(`${type}: ${args.map(String).join(" ")}`);
			});
		});
		const remote = `vscode-remote://127.0.0.1:${workbench.port}`;
		const payload = [
			["extensionDevelopmentPath", `${remote}${ROOT}`],
			["extensionTestsPath", `${remote}${run.entry}`],
		];
		await page.goto(`${workbench.url}&payload=${encodeURIComponent(JSON.stringify(payload))}`, { waitUntil: "commit" });
		await ended;
		return await readInHostResults(run);
	} finally {
		await browser.close();
		await workbench.dispose();
		await disposeInHost(run);
	}
}
