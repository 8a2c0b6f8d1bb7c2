import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { ROOT } from "../workbench.mts";

/** Bundles the suite as the extension host loads it, and returns its path. */
export async function bundleSuite(): Promise<string> {
	const directory = join(ROOT, "test", ".output", "inHost");
	await mkdir(directory, { recursive: true });
	const outfile = join(directory, "suite.cjs");
	await build({
		absWorkingDir: ROOT,
		entryPoints: ["test/workbench/inHost/suite.ts"],
		outfile,
		bundle: true,
		format: "cjs",
		platform: "node",
		target: "node22",
		external: ["vscode"],
		logLevel: "warning",
	});
	return outfile;
}
