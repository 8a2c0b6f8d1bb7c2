import * as vscode from "vscode";
import type { Disposable } from "../../base/disposable.ts";
import { parseQuery } from "../../model/query.ts";
import { CommandId } from "../ids.ts";
import { sourceThatCan } from "../sources/capability.ts";
import { GROUPINGS, type Grouping, SORTINGS, type Sorting } from "../traces/traceNodes.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";

const REQUEST_TIMEOUT_MS = 60_000;

export function registerTracesCommands(context: CommandContext): Disposable[] {
	return [
		register(context, CommandId.tracesRefresh, async () => {
			const connection = context.manager.start();
			const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
			await (await connection.whenSource(signal)).refresh(signal);
		}),
		register(context, CommandId.tracesFilter, () => editFilter(context)),
		register(context, CommandId.tracesClearFilter, () => context.tracesView.arrange({ filter: "" })),
		register(context, CommandId.tracesGroupBy, () => pickGrouping(context)),
		register(context, CommandId.tracesSortBy, () => pickSorting(context)),
		register(context, CommandId.tracesLoadMore, () => loadMore(context)),
		register(context, CommandId.tracesClearAll, () => clearAll(context)),
	];
}

async function editFilter(context: CommandContext): Promise<void> {
	const filter = await vscode.window.showInputBox({
		// A look at the traces, to copy a name, must not throw away what was typed.
		ignoreFocusOut: true,
		title: vscode.l10n.t("Filter Traces"),
		prompt: vscode.l10n.t("Words and key:value, for example  status:failed model:gpt-4o duration:>2s -name:health"),
		value: context.tracesView.filter,
		validateInput: (value) => {
			const parsed = parseQuery(value);
			if (parsed.ok) return undefined;
			const { message, column } = parsed.error;
			return vscode.l10n.t("Column {0}: {1}", column + 1, message);
		},
	});
	if (filter !== undefined) await context.tracesView.arrange({ filter: filter.trim() });
}

async function pickGrouping(context: CommandContext): Promise<void> {
	const labels: Record<Grouping, string> = {
		none: vscode.l10n.t("None"),
		session: vscode.l10n.t("Session"),
		status: vscode.l10n.t("Status"),
		service: vscode.l10n.t("Source Service"),
	};
	const current = context.tracesView.arrangement.grouping;
	const picked = await vscode.window.showQuickPick(
		GROUPINGS.map((grouping) => ({
			label: labels[grouping],
			description: grouping === current ? vscode.l10n.t("current") : "",
			grouping,
		})),
		{ placeHolder: vscode.l10n.t("Group traces by") },
	);
	if (picked !== undefined) await context.tracesView.arrange({ grouping: picked.grouping });
}

async function pickSorting(context: CommandContext): Promise<void> {
	const labels: Record<Sorting, string> = {
		newest: vscode.l10n.t("Newest First"),
		duration: vscode.l10n.t("Longest First"),
		tokens: vscode.l10n.t("Most Tokens First"),
		cost: vscode.l10n.t("Highest Cost First"),
		name: vscode.l10n.t("Name"),
	};
	const current = context.tracesView.arrangement.sorting;
	const picked = await vscode.window.showQuickPick(
		SORTINGS.map((sorting) => ({
			label: labels[sorting],
			description: sorting === current ? vscode.l10n.t("current") : "",
			sorting,
		})),
		{ placeHolder: vscode.l10n.t("Sort traces by") },
	);
	if (picked !== undefined) await context.tracesView.arrange({ sorting: picked.sorting });
}

/** Below the selected "Load more", first what is here already, then older traces from the server. */
async function loadMore(context: CommandContext): Promise<void> {
	const node = await context.tracesView.selection();
	const parentKey = node?.kind === "loadMore" ? node.parentKey : "root";
	const connection = context.manager.start();
	const shown = context.tracesView.tree.list?.ids(Date.now()).length ?? 0;
	context.tracesView.tree.showMore(parentKey);
	const { source } = connection;
	if (parentKey !== "root" || source === undefined || !source.hasMore || shown < connection.store.traceCount) return;
	await source.loadMore(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
	context.tracesView.tree.rearrange();
}

async function clearAll(context: CommandContext): Promise<void> {
	const connection = context.manager.start();
	const source = sourceThatCan(context.manager, connection, "delete");
	const clear = vscode.l10n.t("Delete All");
	const choice = await vscode.window.showWarningMessage(
		vscode.l10n.t('Delete all traces on "{0}"?', connection.config.name),
		{ modal: true, detail: vscode.l10n.t("They are deleted on the server and cannot be brought back.") },
		clear,
	);
	if (choice !== clear) return;
	await source.clearAll(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
}
