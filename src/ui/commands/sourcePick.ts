import * as vscode from "vscode";
import type { SourceConfig } from "../../sources/source.ts";
import { plainLabel } from "../plainMarkdown.ts";
import { LOCAL_SOURCE_ID } from "../sources/sourceEntry.ts";
import type { CommandContext } from "./context.ts";

/** The source of a row of the sources view, or of an id given by a key binding. */
export function sourceOf({ manager }: CommandContext, argument: unknown): SourceConfig | undefined {
	const sourceId =
		typeof argument === "string"
			? argument
			: (argument as { readonly sourceId?: unknown } | undefined | null)?.sourceId;
	return manager.configs.find((config) => config.id === sourceId);
}

/** The source that is meant, else the one that the user picks of these; says so when there is none to pick. */
export async function pickSource(
	context: CommandContext,
	argument: unknown,
	configs: readonly SourceConfig[],
	words: { readonly placeHolder?: string; readonly empty?: string } = {},
): Promise<SourceConfig | undefined> {
	const given = sourceOf(context, argument);
	if (given !== undefined) return configs.find(({ id }) => id === given.id);
	if (configs.length === 0) {
		void vscode.window.showInformationMessage(words.empty ?? vscode.l10n.t("No source is configured."));
		return undefined;
	}
	const picked = await vscode.window.showQuickPick(
		configs.map((config) => ({
			label: plainLabel(config.name),
			description: config.id === LOCAL_SOURCE_ID ? vscode.l10n.t("bundled") : config.url,
			config,
		})),
		{ placeHolder: words.placeHolder ?? vscode.l10n.t("Pick a source") },
	);
	return picked?.config;
}
