import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { SpanAddress } from "../markedSpan.ts";
import { plainLabel } from "../plainMarkdown.ts";
import type { CommandContext } from "./context.ts";
import { registerForRow } from "./register.ts";

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
async function spanToCompare(context: CommandContext, argument: unknown): Promise<SpanAddress | undefined> {
	const { panels, tracesView } = context;
	const named = addressIn(argument);
	const given =
		(named && panels.resolve(named)) ??
		panels.activeSpan ??
		addressIn(await tracesView.selection()) ??
		panels.shownSpan;
	if (given === undefined) void vscode.window.showInformationMessage(vscode.l10n.t("Select a span first."));
	return given;
}

/** Arguments come from rows, from the menus of panels and from other extensions. */
function addressIn(argument: unknown): SpanAddress | undefined {
	if (typeof argument !== "object" || argument === null) return undefined;
	const { traceId, spanId, kind } = argument as Record<string, unknown>;
	// A row that stands for a parent that has not arrived has its id, and nothing to compare.
	if (typeof traceId !== "string" || typeof spanId !== "string" || kind === "placeholder") return undefined;
	return { traceId, spanId };
}

function mark(context: CommandContext, span: SpanAddress): void {
	context.marked.mark(context.manager.start(), span);
	vscode.window.setStatusBarMessage(vscode.l10n.t("$(git-compare) Marked: {0}", nameOf(context, span)), 3_000);
}

async function compareWithMarked(context: CommandContext, span: SpanAddress): Promise<void> {
	const marked = context.marked.of(context.manager.start());
	if (marked === undefined) {
		void vscode.window.showInformationMessage(
			vscode.l10n.t('No span is marked. Use "Mark Span for Compare" on one first.'),
		);
	} else if (context.marked.isMarked(span.traceId, span.spanId)) {
		void vscode.window.showInformationMessage(
			vscode.l10n.t("This is the marked span itself. Pick another one to compare it with."),
		);
	} else await compare(context, marked, span);
}

async function compareWithPrevious(context: CommandContext, span: SpanAddress): Promise<void> {
	const previous = await previousOf(context, span);
	if (previous !== undefined) await compare(context, previous, span);
	else {
		void vscode.window.showInformationMessage(vscode.l10n.t("Nothing like this span came before it in its trace."));
	}
}

async function compare(context: CommandContext, left: SpanAddress, right: SpanAddress): Promise<void> {
	const { compareSpans } = await import("../panels/compareSpans.ts");
	await compareSpans(context.manager.start(), context.documents, left, right);
}

/** What can be done with this span, for the button in its details. */
async function pickComparison(context: CommandContext, span: SpanAddress): Promise<void> {
	const { marked, manager } = context;
	const markedSpan = marked.of(manager.start());
	const isMarked = marked.isMarked(span.traceId, span.spanId);
	const previous = await previousOf(context, span);
	const choices: (vscode.QuickPickItem & { readonly run: () => unknown })[] = [];
	if (markedSpan !== undefined && !isMarked) {
		choices.push({
			label: vscode.l10n.t("Compare with Marked"),
			description: nameOf(context, markedSpan),
			run: () => compare(context, markedSpan, span),
		});
	}
	if (previous !== undefined) {
		choices.push({
			label: vscode.l10n.t("Compare with Previous Call"),
			description: nameOf(context, previous),
			run: () => compare(context, previous, span),
		});
	}
	choices.push(
		isMarked
			? { label: vscode.l10n.t("Remove the Mark"), run: () => marked.clear() }
			: {
					label: vscode.l10n.t("Mark Span for Compare"),
					description: vscode.l10n.t("Then pick another span, in any trace, and compare it with this one"),
					run: () => mark(context, span),
				},
	);
	const picked = await vscode.window.showQuickPick(choices, {
		placeHolder: plainLabel(vscode.l10n.t("Compare {0}", nameOf(context, span))),
	});
	await picked?.run();
}

async function previousOf(
	{ manager }: CommandContext,
	{ traceId, spanId }: SpanAddress,
): Promise<SpanAddress | undefined> {
	const { previousAlike } = await import("../../model/previousSpan.ts");
	const { store } = manager.start();
	const span = store.span(traceId, spanId);
	return span === undefined ? undefined : previousAlike(store, span);
}

/** For labels: icons in it stay text. */
function nameOf({ manager }: CommandContext, { traceId, spanId }: SpanAddress): string {
	return plainLabel(displayText(manager.start().store.span(traceId, spanId)?.name ?? spanId, 80));
}
