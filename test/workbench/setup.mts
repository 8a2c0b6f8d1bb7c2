import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runNpm } from "./npm.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const codeServer = join(here, "node_modules", "code-server");
const vscode = join(codeServer, "lib", "vscode");
const stampFile = join(here, "node_modules", ".setup-stamp");
const logReplacement = join(here, "spdlog.cjs");

/** Entry of the installed code-server: VS Code's workbench and extension host without a desktop. */
export const CODE_SERVER_ENTRY = join(codeServer, "out", "node", "entry.js");

/**
 * Installs code-server beside this file as its lock file wants it, without any install script; does nothing when that has
 * been done. code-server 4.139 refuses a plain `npm install` on anything but Node 24, so its three levels are installed one
 * by one, each exactly as its own lock file says. Resolves to the entry.
 */
export async function setUpWorkbench(log: (line: string) => void): Promise<string> {
	const stamp = await wantedStamp();
	if ((await readFile(stampFile, "utf8").catch(() => "")) === stamp) return CODE_SERVER_ENTRY;
	log("VS Code (code-server): installing, about 600 MB on disk, half a minute …");
	const startedAt = Date.now();
	const common = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
	await rm(stampFile, { force: true });
	await runNpm(common, here);
	// Its shrinkwrap lacks a peer (tslib), which a plain `npm ci` refuses; legacy-peer-deps takes the shrinkwrap as it is.
	await runNpm([...common, "--omit=dev", "--legacy-peer-deps"], vscode);
	await runNpm([...common, "--omit=dev"], join(vscode, "extensions"));
	await copyFile(logReplacement, join(vscode, "node_modules", "@vscode", "spdlog", "index.js"));
	await mkdir(dirname(stampFile), { recursive: true });
	await writeFile(stampFile, stamp);
	log(`VS Code (code-server): installed in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
	return CODE_SERVER_ENTRY;
}

async function wantedStamp(): Promise<string> {
	const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
	for (const file of [join(here, "package-lock.json"), logReplacement]) hash.update(await readFile(file));
	return hash.digest("hex");
}
