import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { BoundSpan } from "../markedSpan.ts";
import { plainLabel } from "../plainMarkdown.ts";
import type { CommandContext } from "./context.ts";
import { registerForRow } from "./register.ts";

const LOAD_TIMEOUT_MS = 60_000;

export function registerCompareCommands(context: CommandContext): Disposable[] {
	return [
		registerForRow(context, CommandId.compareMark, async (argument) => {
			const span = await spanToCompare(context, argument);
			if (span !== undefined) mark(context, span);
		}),
		registerForRow(context, CommandId.compareWithMarked, async (argument) => {
			const span = await spanToCompare(context, argument);
			if (span !== undefined) await compareWithMarked(context, span);
		}),
		registerForRow(context, CommandId.compareWithPrevious, async (argument) => {
			const span = await spanToCompare(context, argument);
			if (span !== undefined) await compareWithPrevious(context, span);
		}),
		registerForRow(context, CommandId.comparePick, async (argument) => {
			const span = await spanToCompare(context, argument);
			if (span !== undefined) await pickComparison(context, span);
		}),
	];
}

/** The span of a row or of a panel's menu, else the one of the panel in front, else the selected row, else the one that a panel shows. */
async function spanToCompare(context: CommandContext, argument: unknown): Promise<BoundSpan | undefined> {
	const { panels, tracesView } = context;
	const traceId = traceIn(argument);
	if (traceId !== undefined) return await outcomeOf(context, traceId);
	const given =
		spanIn(context, argument) ?? panels.activeSpan ?? spanIn(context, await tracesView.selection()) ?? panels.shownSpan;
	if (given === undefined) void vscode.window.showInformationMessage(vscode.l10n.t("Select a span first."));
	return given;
}

/** The trace of a row of the tree or of the live panel. */
function traceIn(argument: unknown): string | undefined {
	const { kind, traceId } = (argument ?? {}) as Record<string, unknown>;
	return kind === "trace" && typeof traceId === "string" ? traceId : undefined;
}

/** What stands for a trace when it is compared with another one. */
async function outcomeOf({ manager }: CommandContext, traceId: string): Promise<BoundSpan | undefined> {
	const connection = manager.start();
	const { store } = connection;
	if (store.entry(traceId)?.isWhole !== true) {
		await connection.requireSource().loadTrace(traceId, AbortSignal.timeout(LOAD_TIMEOUT_MS));
	}
	const { outcomeSpanOf } = await import("../../model/outcomeSpan.ts");
	const spanId = outcomeSpanOf(store, traceId);
	if (spanId !== undefined) return { connection, traceId, spanId };
	void vscode.window.showInformationMessage(vscode.l10n.t("This trace has no spans yet."));
	return undefined;
}

/** Arguments come from rows, from the menus of panels, which name theirs, and from other extensions. */
function spanIn({ panels, manager }: CommandContext, argument: unknown): BoundSpan | undefined {
	if (typeof argument !== "object" || argument === null) return undefined;
	const { traceId, spanId, kind, webview } = argument as Record<string, unknown>;
	// A row that stands for a parent that has not arrived has its id, and nothing to compare.
	if (typeof traceId !== "string" || typeof spanId !== "string" || kind === "placeholder") return undefined;
	if (typeof webview === "string") return panels.resolve(webview, { traceId, spanId });
	return { connection: manager.start(), traceId, spanId };
}

function mark(context: CommandContext, span: BoundSpan): void {
	context.marked.mark(span);
	vscode.window.setStatusBarMessage(vscode.l10n.t("$(git-compare) Marked: {0}", nameOf(span)), 3_000);
}

async function compareWithMarked(context: CommandContext, span: BoundSpan): Promise<void> {
	const { marked } = context;
	if (marked.span === undefined) {
		void vscode.window.showInformationMessage(
			vscode.l10n.t('Nothing is marked. Use "Mark for Compare" on a span or a trace first.'),
		);
	} else if (marked.isMarked(span.connection, span)) {
		void vscode.window.showInformationMessage(
			vscode.l10n.t("This is the marked span itself. Pick another one to compare it with."),
		);
	} else await compare(context, marked.span, span);
}

async function compareWithPrevious(context: CommandContext, span: BoundSpan): Promise<void> {
	const previous = await previousOf(span);
	if (previous !== undefined) await compare(context, previous, span);
	else {
		void vscode.window.showInformationMessage(vscode.l10n.t("Nothing like this span came before it in its trace."));
	}
}

async function compare(context: CommandContext, left: BoundSpan, right: BoundSpan): Promise<void> {
	const { compareSpans } = await import("../panels/compareSpans.ts");
	await compareSpans(context.documents, left, right);
}

/** What can be done with this span, for the button in its details. */
async function pickComparison(context: CommandContext, span: BoundSpan): Promise<void> {
	const { marked } = context;
	const isMarked = marked.isMarked(span.connection, span);
	const markedSpan = marked.span;
	const previous = await previousOf(span);
	const choices: (vscode.QuickPickItem & { readonly run: () => unknown })[] = [];
	if (markedSpan !== undefined && !isMarked) {
		choices.push({
			label: vscode.l10n.t("Compare with Marked"),
			description: nameOf(markedSpan),
			run: () => compare(context, markedSpan, span),
		});
	}
	if (previous !== undefined) {
		choices.push({
			label: vscode.l10n.t("Compare with Previous Call"),
			description: nameOf(previous),
			run: () => compare(context, previous, span),
		});
	}
	choices.push(
		isMarked
			? { label: vscode.l10n.t("Remove the Mark"), run: () => marked.clear() }
			: {
					label: vscode.l10n.t("Mark for Compare"),
					description: vscode.l10n.t("Then pick another span, in any trace, and compare it with this one"),
					run: () => mark(context, span),
				},
	);
	const picked = await vscode.window.showQuickPick(choices, {
		placeHolder: plainLabel(vscode.l10n.t("Compare {0}", nameOf(span))),
	});
	await picked?.run();
}

async function previousOf({ connection, traceId, spanId }: BoundSpan): Promise<BoundSpan | undefined> {
	const { previousAlike } = await import("../../model/previousSpan.ts");
	const span = connection.store.span(traceId, spanId);
	const previous = span === undefined ? undefined : previousAlike(connection.store, span);
	return previous === undefined ? undefined : { connection, traceId: previous.traceId, spanId: previous.spanId };
}

/** For labels: icons in it stay text. */
function nameOf({ connection, traceId, spanId }: BoundSpan): string {
	return plainLabel(displayText(connection.store.span(traceId, spanId)?.name ?? spanId, 80));
}
