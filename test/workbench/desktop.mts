import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { downloadAndUnzipVSCode, runTests } from "@vscode/test-electron";
import { bundleSuite } from "./inHost/bundle.mts";
import { ROOT } from "./workbench.mts";

/**
 * `npm run test:desktop`: the in-host suite in a desktop VS Code, the one that VSCODE_PATH names or a downloaded one. Where
 * there is neither it says so and ends well: the same suite runs in the browser's workbench as part of `npm test`.
 */

async function findDesktop(): Promise<string | undefined> {
	const given = process.env.VSCODE_PATH;
	if (given !== undefined && given !== "") return given;
	try {
		return await downloadAndUnzipVSCode("stable");
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		console.log(`skipped: no desktop VS Code can be downloaded (${why}); give one by VSCODE_PATH`);
		return undefined;
	}
}

const vscodeExecutablePath = await findDesktop();
if (vscodeExecutablePath !== undefined) {
	const userDataDir = await mkdtemp(join(tmpdir(), "traceway-desktop-"));
	try {
		process.exitCode = await runTests({
			vscodeExecutablePath,
			extensionDevelopmentPath: ROOT,
			extensionTestsPath: await bundleSuite(),
			extensionTestsEnv: {
				TRACEWAY_TEST_STORAGE: join(userDataDir, "User", "globalStorage", "traceway-live.traceway-live"),
			},
			launchArgs: [
				`--user-data-dir=${userDataDir}`,
				`--extensions-dir=${join(userDataDir, "extensions")}`,
				"--disable-workspace-trust",
				"--disable-telemetry",
				...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
			],
		});
	} finally {
		await rm(userDataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
	}
}
