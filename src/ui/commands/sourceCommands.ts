import * as vscode from "vscode";
import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import { readSources, removeSourceEntry } from "../settings.ts";
import type { CommandContext } from "./context.ts";
import { register, registerForRow } from "./register.ts";
import { pickSource, sourceOf } from "./sourcePick.ts";

export function registerSourceCommands(context: CommandContext): Disposable[] {
	return [
		register(context, CommandId.sourceAdd, async () => {
			// What finds and asks backends is loaded when the first one is added.
			const { addSource } = await import("../sources/addSource.ts");
			await addSource(context);
		}),
		registerForRow(context, CommandId.sourceSelect, async (argument) => {
			const config = await pickSource(context, argument, context.manager.configs);
			if (config !== undefined) await context.manager.select(config.id);
		}),
		register(context, CommandId.sourceShow, async () => {
			const sourceId = await context.sourcesTree.selected();
			if (sourceId !== undefined) await context.manager.select(sourceId);
		}),
		registerForRow(context, CommandId.sourceRemove, (argument) => removeSource(context, argument)),
		registerForRow(context, CommandId.sourceSetToken, (argument) => setToken(context, argument)),
	];
}

async function removeSource(context: CommandContext, argument: unknown): Promise<void> {
	const config = await pickSource(context, argument, readSources().configs);
	if (config === undefined) return;
	const remove = vscode.l10n.t("Remove");
	const choice = await vscode.window.showWarningMessage(
		vscode.l10n.t('Remove the source "{0}" and its token? Its traces stay on the server.', config.name),
		{ modal: true },
		remove,
	);
	if (choice !== remove) return;
	await context.tokens.set(config.id, undefined);
	await removeSourceEntry(config.id);
	context.manager.reload();
}

async function setToken(context: CommandContext, argument: unknown): Promise<void> {
	const active = context.manager.active?.config;
	const config =
		sourceOf(context, argument) ?? active ?? (await pickSource(context, argument, context.manager.configs));
	if (config === undefined) return;
	const token = await vscode.window.showInputBox({
		title: vscode.l10n.t("Set Token"),
		prompt: vscode.l10n.t(
			'Token for "{0}". It is kept in the secret storage; leave it empty to delete it.',
			config.name,
		),
		password: true,
		ignoreFocusOut: true,
	});
	if (token === undefined) return;
	await context.tokens.set(config.id, token.trim());
	if (context.manager.connectionOf(config.id) !== undefined) context.manager.reconnect(config.id);
}
