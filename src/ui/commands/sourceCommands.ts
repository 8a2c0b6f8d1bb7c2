import * as vscode from "vscode";
import type { Disposable } from "../../base/disposable.ts";
import type { SourceConfig } from "../../sources/source.ts";
import { CommandId } from "../ids.ts";
import { checkSourceUrl, LOCAL_SOURCE_ID, readSources, writeSources } from "../settings.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";
import { pickSource, sourceOf } from "./sourcePick.ts";

export function registerSourceCommands(context: CommandContext): Disposable[] {
	return [
		register(context, CommandId.sourceAdd, () => addSource(context)),
		register(context, CommandId.sourceSelect, async (argument) => {
			const config = await pickSource(context, argument, context.manager.configs);
			if (config !== undefined) await context.manager.select(config.id);
		}),
		register(context, CommandId.sourceRemove, (argument) => removeSource(context, argument)),
		register(context, CommandId.sourceSetToken, (argument) => setToken(context, argument)),
	];
}

async function addSource(context: CommandContext): Promise<void> {
	const address = await vscode.window.showInputBox({
		title: vscode.l10n.t("Add Source"),
		prompt: vscode.l10n.t("Address of a Traceway server"),
		placeHolder: "http://127.0.0.1:3000",
		ignoreFocusOut: true,
		validateInput: (value) => {
			const checked = checkSourceUrl(value);
			return checked.ok || value.trim() === "" ? undefined : vscode.l10n.t("The address {0}", checked.problem);
		},
	});
	if (address === undefined) return;
	const checked = checkSourceUrl(address);
	if (!checked.ok) return;
	const host = new URL(checked.url).host;
	const name = await vscode.window.showInputBox({
		title: vscode.l10n.t("Add Source"),
		prompt: vscode.l10n.t("Name of the source"),
		value: host,
		ignoreFocusOut: true,
	});
	if (name === undefined) return;
	const { configs } = readSources();
	const config: SourceConfig = {
		id: freeId(
			host.replace(/[^a-zA-Z0-9]+/g, "-"),
			configs.map((other) => other.id),
		),
		name: name.trim() || host,
		type: "traceway",
		url: checked.url,
	};
	await writeSources([...configs, config]);
	context.manager.reload();
	await context.manager.select(config.id);
}

async function removeSource(context: CommandContext, argument: unknown): Promise<void> {
	const { configs } = readSources();
	const config = await pickSource(context, argument, configs);
	if (config === undefined) return;
	const remove = vscode.l10n.t("Remove");
	const choice = await vscode.window.showWarningMessage(
		vscode.l10n.t('Remove the source "{0}" and its token? Its traces stay on the server.', config.name),
		{ modal: true },
		remove,
	);
	if (choice !== remove) return;
	await context.tokens.set(config.id, undefined);
	await writeSources(configs.filter((other) => other.id !== config.id));
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

function freeId(wanted: string, taken: readonly string[]): string {
	const base = wanted.replace(/^-+|-+$/g, "") || "source";
	if (base !== LOCAL_SOURCE_ID && !taken.includes(base)) return base;
	for (let number = 2; ; number++) {
		if (!taken.includes(`${base}-${number}`)) return `${base}-${number}`;
	}
}
