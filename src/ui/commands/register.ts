import * as vscode from "vscode";
import { isAbortError } from "../../base/abort.ts";
import { displayText } from "../../base/displayText.ts";
import type { Disposable } from "../../base/disposable.ts";
import { describeError } from "../../base/logger.ts";
import { SourceError } from "../../sources/source.ts";
import { noticeText } from "../noticeText.ts";
import { plainLabel } from "../plainMarkdown.ts";
import type { TraceNode, TreeNode } from "../traces/traceNodes.ts";
import type { CommandContext } from "./context.ts";

/** Registers one command; what it throws is logged and shown once, with the way to the log. */
export function register(context: CommandContext, id: string, run: (argument: unknown) => unknown): Disposable {
	return vscode.commands.registerCommand(id, (argument: unknown) => guarded(context, id, () => run(argument)));
}

async function guarded(context: CommandContext, id: string, run: () => unknown): Promise<unknown> {
	try {
		return await run();
	} catch (error) {
		if (isAbortError(error)) return undefined;
		const message = describeError(error);
		if (error instanceof SourceError && error.reason === "unsupported") {
			// No failure: this backend cannot do it.
			void vscode.window.showInformationMessage(noticeText(message));
			return undefined;
		}
		context.logger.error(`${id}: ${message}`);
		const show = vscode.l10n.t("Show Log");
		void vscode.window.showErrorMessage(noticeText(message), show).then((choice) => {
			if (choice === show) context.log.show();
		});
		return undefined;
	}
}

/**
 * As `register`, for the commands in the menu of a row. While VS Code draws rows anew it hands over an undefined row: then
 * nothing is done rather than something to the row that happens to be selected.
 */
export function registerForRow(context: CommandContext, id: string, run: (argument: unknown) => unknown): Disposable {
	return vscode.commands.registerCommand(id, (...given: unknown[]) => {
		if (given.length > 0 && (given[0] === undefined || given[0] === null)) {
			void vscode.window.showInformationMessage(vscode.l10n.t("The list was drawn anew just now. Please try again."));
			return undefined;
		}
		return guarded(context, id, () => run(given[0]));
	});
}

/** The trace of the row that a menu handed over, else of the selected one. */
export async function traceOfRow(context: CommandContext, argument: unknown): Promise<TraceNode | undefined> {
	const node = nodeOf(argument) ?? (await context.tracesView.selection());
	return node !== undefined && "traceId" in node ? { kind: "trace", traceId: node.traceId } : undefined;
}

/** The tree row that a menu handed over, else the selected one, else a trace the user picks from a list. */
export async function traceOf(context: CommandContext, argument: unknown): Promise<TraceNode | undefined> {
	const row = await traceOfRow(context, argument);
	if (row !== undefined) return row;
	const connection = context.manager.start();
	const items = (context.tracesView.tree.list?.ids(Date.now()) ?? []).slice(0, 500).map((traceId) => ({
		label: plainLabel(displayText(connection.store.summary(traceId)?.name ?? traceId, 200)),
		description: plainLabel(displayText(traceId, 260)),
		traceId,
	}));
	if (items.length === 0) {
		void vscode.window.showInformationMessage(vscode.l10n.t("There is no trace yet."));
		return undefined;
	}
	const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Pick a trace") });
	return picked === undefined ? undefined : { kind: "trace", traceId: picked.traceId };
}

/** The span row that a menu handed over, else the selected one. */
export async function spanOf(
	context: CommandContext,
	argument: unknown,
): Promise<{ readonly traceId: string; readonly spanId: string } | undefined> {
	const node = nodeOf(argument) ?? (await context.tracesView.selection());
	if (node?.kind === "span") return node;
	void vscode.window.showInformationMessage(vscode.l10n.t("Select a span in the Traces view first."));
	return undefined;
}

/** Arguments come from menus, key bindings and other extensions: only what has the shape of a row is taken as one. */
function nodeOf(argument: unknown): TreeNode | undefined {
	if (typeof argument !== "object" || argument === null) return undefined;
	const { kind, traceId, spanId } = argument as Record<string, unknown>;
	if (kind === "trace" && typeof traceId === "string") return { kind, traceId };
	if (kind === "span" && typeof traceId === "string" && typeof spanId === "string") return { kind, traceId, spanId };
	return undefined;
}
