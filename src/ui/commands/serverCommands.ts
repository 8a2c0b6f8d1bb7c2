import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import * as vscode from "vscode";
import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import { LOCAL_SOURCE_ID } from "../sources/sourceEntry.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";

const START_TIMEOUT_MS = 20_000;
const DEMO_TRACES = 12;

export function registerServerCommands(context: CommandContext): Disposable[] {
	return [
		register(context, CommandId.serverStart, async () => {
			await context.miniServer.ensure(AbortSignal.timeout(START_TIMEOUT_MS));
			await context.manager.select(LOCAL_SOURCE_ID);
		}),
		register(context, CommandId.serverStop, async () => {
			context.manager.disconnect(LOCAL_SOURCE_ID);
			await context.miniServer.stop();
		}),
		register(context, CommandId.serverCopyUrl, () => copyUrl(context)),
		register(context, CommandId.demoRun, () => runDemo(context)),
	];
}

async function copyUrl(context: CommandContext): Promise<void> {
	const { url } = await context.miniServer.ensure(AbortSignal.timeout(START_TIMEOUT_MS));
	let address = url;
	if (vscode.env.remoteName !== undefined) {
		const external = (await vscode.env.asExternalUri(vscode.Uri.parse(url))).toString(true).replace(/\/$/, "");
		if (external !== url) {
			const picked = await vscode.window.showQuickPick(
				[
					{ label: url, description: vscode.l10n.t("for programs that run here"), address: url },
					{ label: external, description: vscode.l10n.t("from your own computer"), address: external },
				],
				{ placeHolder: vscode.l10n.t("Which address?") },
			);
			if (picked === undefined) return;
			address = picked.address;
		}
	}
	await vscode.env.clipboard.writeText(address);
	vscode.window.setStatusBarMessage(vscode.l10n.t("$(check) Copied {0}", address), 3_000);
}

/** Sends demo traces to the mini-server through its public API, as a program of the user's would. */
async function runDemo(context: CommandContext): Promise<void> {
	const { url } = await context.miniServer.ensure(AbortSignal.timeout(START_TIMEOUT_MS));
	if (context.manager.active?.isLocal !== true) await context.manager.select(LOCAL_SOURCE_ID);
	const child = spawn(
		process.execPath,
		[context.cliPath, "demo", "--url", url, "--traces", String(DEMO_TRACES), "--rate", "2", "--live"],
		{ stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" } },
	);
	createInterface({ input: child.stderr }).on("line", (line) => context.logger.debug(`demo: ${line}`));
	await new Promise<void>((resolve, reject) => {
		child.once("error", reject);
		child.once("spawn", resolve);
	});
	child.once("exit", (code) => context.logger.info(`demo ended with exit code ${code}`));
}
