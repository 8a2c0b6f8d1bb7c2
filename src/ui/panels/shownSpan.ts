import * as vscode from "vscode";
import { isAbortError } from "../../base/abort.ts";
import { displayText } from "../../base/displayText.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import { differenceNs } from "../../base/timestamp.ts";
import { countSaidBefore, previousCalls, type SaidBefore, saidIn } from "../../model/conversationHistory.ts";
import type { SpanDetail, SpanSummary } from "../../model/span.ts";
import { toolTest } from "../../model/toolSpans.ts";
import type {
	HistoryView,
	PartText,
	SpanDetailView,
	SpanPart,
	SpanRefView,
	ToolLinkView,
} from "../../protocol/messages.ts";
import type { Source } from "../../sources/source.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import { copySpan } from "./spanCopyPick.ts";
import { linkTarget, stackOf } from "./spanDetailFacts.ts";
import { buildSpanDetailView, conversationsOf, isLlmSpan, partImage, partText, wholePart } from "./spanDetailView.ts";
import { NO_SUBAGENTS, SubagentLinker, type SubagentLinks } from "./subagentLinks.ts";
import { type AskedTools, askedTools, NO_TOOL_LINKS, ToolLinker, type ToolLinks } from "./toolLinks.ts";
import { openFrame, type WorkspaceFrame, workspaceFrames } from "./workspaceFrames.ts";

/** A conversation of fewer messages has no history worth a fold. */
const MIN_MESSAGES = 3;

/** Frames with files in the workspace, and the texts that they were found in. */
interface SpanFrames {
	readonly errorText: string | undefined;
	readonly stackText: string | undefined;
	readonly error: readonly WorkspaceFrame[];
	readonly stack: readonly WorkspaceFrame[];
}

interface PreviousCall {
	readonly call: SpanSummary;
	readonly said: SaidBefore;
}

/** What was learnt of spans holds as long as their store. */
const linkers = new WeakMap<SourceConnection, ToolLinker>();
const subagentLinkers = new WeakMap<SourceConnection, SubagentLinker>();

/**
 * A span as it was read, with what is found out about it while it is on screen: the files that its error names, and what the call
 * before it showed. Loaded when the first details are opened; nothing else imports it.
 */
export class ShownSpan {
	readonly detail: SpanDetail;
	readonly #connection: SourceConnection;
	readonly #logger: Logger;
	#frames: SpanFrames = { errorText: undefined, stackText: undefined, error: [], stack: [] };
	/** Undefined until they were read; calls that have ended do not change. */
	#previous: readonly PreviousCall[] | undefined;
	#links: ToolLinks = NO_TOOL_LINKS;
	/** What this span started, and what started its session. */
	subagents: SubagentLinks = NO_SUBAGENTS;
	/** Read from the messages once: changes of a live trace come sixty times a second. */
	#askedTools: AskedTools | undefined;

	/** `before` is an earlier reading of the same span: what was found out then still holds. */
	constructor(detail: SpanDetail, connection: SourceConnection, logger: Logger, before: ShownSpan | undefined) {
		this.detail = detail;
		this.#connection = connection;
		this.#logger = logger;
		if (before === undefined) return;
		this.#frames = before.#frames;
		this.#previous = before.#previous;
		this.#links = before.#links;
		this.subagents = before.subagents;
	}

	view(isMarked: boolean): SpanDetailView {
		const { store, config, status } = this.#connection;
		const { traceId } = this.detail.summary;
		return buildSpanDetailView({
			detail: this.detail,
			sourceId: config.id,
			traceName: store.summary(traceId)?.name ?? traceId,
			clockOffsetMs: status.clockOffsetMs,
			isMarked,
			history: this.#history(),
			toolLinks: this.#toolLinks(),
			askedBy: this.#askedBy(),
			startedSession: this.subagents.startedSession,
			startedBy: this.#startedBy(),
			errorFrames: this.#frames.error,
			stackFrames: this.#frames.stack,
			nameOfTrace: (linkedId) => store.summary(linkedId)?.name,
			t: vscode.l10n.t,
		});
	}

	text(part: SpanPart): string {
		return partText(this.detail, part).text;
	}

	whole(part: SpanPart): PartText {
		return wholePart(this.detail, part);
	}

	/** Data URI; undefined when the part is no image that can be shown. */
	image(part: SpanPart): string | undefined {
		return partImage(this.detail, part);
	}

	async copy(): Promise<void> {
		await copySpan(this.detail);
	}

	/** Where a link leads, if that trace is there. */
	linkTarget(index: number): { readonly traceId: string; readonly spanId: string } | undefined {
		const target = linkTarget(this.detail, index);
		return target !== undefined && this.#connection.store.entry(target.traceId) !== undefined ? target : undefined;
	}

	async openFrame(part: "error" | "stack", index: number): Promise<void> {
		const frame = this.#frames[part][index];
		if (frame !== undefined) await openFrame(frame);
	}

	/** Looks which lines of the error lead to files of the workspace, again when the texts changed. True when the view is another. */
	async findFrames(signal: AbortSignal): Promise<boolean> {
		const errorText = this.detail.summary.error;
		const stackText = stackOf(this.detail);
		if (errorText === this.#frames.errorText && stackText === this.#frames.stackText) return false;
		const [error, stack] = await Promise.all([workspaceFrames(errorText ?? ""), workspaceFrames(stackText ?? "")]);
		if (signal.aborted) return false;
		this.#frames = { errorText, stackText, error, stack };
		return true;
	}

	/** Reads what the calls before said, at most two and once a span. True when the view is another. */
	async readPrevious(source: Source, signal: AbortSignal): Promise<boolean> {
		if (this.#previous !== undefined || !isLlmSpan(this.detail.summary)) return false;
		if (conversationsOf(this.detail).input.messages.length < MIN_MESSAGES) return false;
		const previous: PreviousCall[] = [];
		for (const call of previousCalls(this.#connection.store, this.detail.summary)) {
			try {
				const { input, output } = conversationsOf(await source.loadSpan(call.traceId, call.spanId, signal));
				previous.push({ call, said: saidIn(input.messages, output.messages) });
			} catch (error) {
				if (signal.aborted || isAbortError(error)) return false;
				// The history is then shown like any other messages.
				this.#logger.warn(`span ${call.spanId}, the call before, could not be read: ${describeError(error)}`);
			}
		}
		if (signal.aborted) return false;
		this.#previous = previous;
		return this.#history() !== undefined;
	}

	/** Looks for the spans that ran the tools of the messages, or for the call that asked for this one. True when the view is another. */
	async linkTools(source: Source, signal: AbortSignal): Promise<boolean> {
		const links = await this.#linker().linksOf(this.detail, source, signal);
		if (signal.aborted) return false;
		const before = JSON.stringify([[...this.#links.runs], this.#links.askedBy]);
		this.#links = links;
		return JSON.stringify([[...links.runs], links.askedBy]) !== before;
	}

	/** Looks for the session that this span started, or for what started its own. True when the view is another. */
	async linkSubagents(source: Source, signal: AbortSignal): Promise<boolean> {
		let linker = subagentLinkers.get(this.#connection);
		if (linker === undefined) {
			linker = new SubagentLinker(this.#connection.store, this.#logger);
			subagentLinkers.set(this.#connection, linker);
		}
		const links = await linker.linksOf(this.detail, source, signal);
		if (signal.aborted) return false;
		const before = JSON.stringify(this.subagents);
		this.subagents = links;
		return JSON.stringify(links) !== before;
	}

	#startedBy(): SpanRefView | undefined {
		const { startedBy } = this.subagents;
		const task = startedBy && this.#connection.store.span(startedBy.traceId, startedBy.spanId);
		return task && { spanId: task.spanId, name: displayText(task.name, 120) };
	}

	/** Whether what changed is a tool run that this span leads to, or may be one that it asked for: then its links are old. */
	mayLink(rows: ReadonlySet<number>): boolean {
		this.#askedTools ??= askedTools(this.detail);
		if (this.#askedTools.names.size === 0) return false;
		const { store } = this.#connection;
		if (this.#isLinked(this.#askedTools)) {
			return [...this.#links.runs.values()].some((spanId) =>
				rows.has(store.rowOf(spanId, this.detail.summary.traceId) ?? -1),
			);
		}
		const isTool = toolTest(store, this.#askedTools.names);
		for (const row of rows) if (isTool(row)) return true;
		return false;
	}

	/** Nothing is left to be found: looking again takes a pass over the trace. */
	#isLinked({ parts, haveIds }: AskedTools): boolean {
		return haveIds && parts.every((part) => this.#links.runs.has(part));
	}

	#linker(): ToolLinker {
		let linker = linkers.get(this.#connection);
		if (linker === undefined) {
			linker = new ToolLinker(this.#connection.store, this.#logger);
			linkers.set(this.#connection, linker);
		}
		return linker;
	}

	#toolLinks(): ToolLinkView[] {
		const views: ToolLinkView[] = [];
		for (const [part, spanId] of this.#links.runs) {
			const run = this.#connection.store.span(this.detail.summary.traceId, spanId);
			if (run === undefined) continue;
			const { name, state, start, end } = run;
			const durationNs = start === undefined || end === undefined ? undefined : differenceNs(end, start);
			views.push({ part, spanId, name: displayText(name, 120), state, durationNs });
		}
		return views;
	}

	#askedBy(): SpanRefView | undefined {
		const { askedBy } = this.#links;
		const call = askedBy === undefined ? undefined : this.#connection.store.span(this.detail.summary.traceId, askedBy);
		return call === undefined ? undefined : { spanId: call.spanId, name: displayText(call.name, 120) };
	}

	/** What of the messages a call before showed; of two such calls, by the one that showed more. */
	#history(): HistoryView | undefined {
		if (this.#previous === undefined) return undefined;
		const { messages } = conversationsOf(this.detail).input;
		let best: HistoryView | undefined;
		for (const { call, said } of this.#previous) {
			const count = countSaidBefore(messages, said);
			if (count > (best?.count ?? 0)) best = { count, spanId: call.spanId, name: displayText(call.name, 120) };
		}
		return best;
	}
}
