import { isAbortError } from "../../base/abort.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { SpanDetail } from "../../model/span.ts";
import {
	isToolKind,
	matchToolCalls,
	type ToolCall,
	type ToolRun,
	type ToolRunFacts,
	toolCallsIn,
	toolRunFacts,
} from "../../model/toolCalls.ts";
import { isBelow, possibleAskers, type ToolSpans, toolSpansOf } from "../../model/toolSpans.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { SpanPart } from "../../protocol/messages.ts";
import type { Source } from "../../sources/source.ts";
import { conversationsOf, isLlmSpan } from "./spanDetailView.ts";

/** Tool spans read at most for each side of a call, the nearest first. */
const MAX_RUNS = 24;
/** Calls read at most to find the one that asked for a tool. */
const MAX_ASKERS = 8;
/** Of those, how many are matched with their tools where no id says whose the run is. */
const MAX_MATCHED_ASKERS = 2;
const READS_AT_ONCE = 4;
const MAX_KEPT = 200;

/** What of a span's payload is kept: enough to match it, and no more. */
interface ToolFacts {
	readonly run: ToolRunFacts;
	/** What the span's answer asks for. */
	readonly asked: ReadonlyMap<number, ToolCall>;
}

/** A span that may run a tool or ask for one; anything else has nothing to link. */
export interface ToolLinks {
	/** Spans that ran the calls of the messages, by the messages' parts. */
	readonly runs: ReadonlyMap<SpanPart, string>;
	/** The model call that asked for this tool run. */
	readonly askedBy: string | undefined;
}

export const NO_TOOL_LINKS: ToolLinks = { runs: new Map(), askedBy: undefined };

/**
 * Links between tool calls in messages and the spans that ran them, of one store. The store knows no payloads: those of the nearest
 * candidates are read, a bounded number of them, and what was learnt of a span is kept, the least recently used going first.
 */
export class ToolLinker {
	readonly #store: TraceStore;
	readonly #logger: Logger;
	readonly #facts = new Map<string, ToolFacts>();

	constructor(store: TraceStore, logger: Logger) {
		this.#store = store;
		this.#logger = logger;
	}

	async linksOf(detail: SpanDetail, source: Source, signal: AbortSignal): Promise<ToolLinks> {
		const { traceId, spanId } = detail.summary;
		const row = this.#store.rowOf(spanId, traceId);
		if (row === undefined) return NO_TOOL_LINKS;
		if (!isLlmSpan(detail.summary)) {
			return { runs: new Map(), askedBy: await this.#askerOf(detail, row, source, signal) };
		}
		const { input, output } = conversationsOf(detail);
		const runs = new Map<SpanPart, string>();
		for (const [side, messages] of [["output", output.messages] as const, ["input", input.messages] as const]) {
			const calls = toolCallsIn(messages);
			if (calls.size === 0) continue;
			const found = await this.#runsOf(traceId, row, calls, side, source, signal);
			for (const [index, runId] of found) runs.set(`${side}Message-${index}`, runId);
		}
		return { runs, askedBy: undefined };
	}

	async #runsOf(
		traceId: string,
		row: number,
		calls: ReadonlyMap<number, ToolCall>,
		side: "input" | "output",
		source: Source,
		signal: AbortSignal,
	): Promise<ReadonlyMap<number, string>> {
		const spans = toolSpansOf(this.#store, row, namesOf(calls));
		const candidates = side === "output" ? spans.after : spans.before;
		const near = candidates.slice(0, MAX_RUNS);
		const ids = near.map((candidate) => this.#store.columns.ids[candidate]);
		const { startMs } = this.#store.columns;
		const times = new Map(near.map((candidate, place) => [ids[place], startMs[candidate]]));
		const firstLeftOutMs = candidates.length > MAX_RUNS ? startMs[candidates[MAX_RUNS]] : Number.POSITIVE_INFINITY;
		const facts = await this.#readAll(traceId, ids, source, signal);
		const runs: ToolRun[] = [];
		for (const spanId of ids) {
			const known = facts.get(spanId);
			if (known !== undefined) runs.push({ spanId, ...known.run });
		}
		// The order of the calls is the order of the runs.
		if (side === "input") runs.reverse();
		const isInside = (spanId: string, otherId: string): boolean => this.#isInside(traceId, spanId, otherId);
		const found = matchToolCalls(calls, runs, isInside, false);
		const areAllRead = runs.length === ids.length;
		for (const scope of this.#scopes(spans)) {
			const left = new Map([...calls].filter(([index]) => !found.has(index)));
			if (left.size === 0 || !areAllRead) break;
			const scopeId = this.#store.columns.ids[scope.row];
			const untilMs = side === "output" ? scope.untilMs : Number.POSITIVE_INFINITY;
			const isWhole = side === "output" ? firstLeftOutMs >= untilMs : candidates.length <= MAX_RUNS;
			const taken = new Set(found.values());
			const inScope = runs.filter(
				({ spanId }) => !taken.has(spanId) && (times.get(spanId) ?? Number.NaN) < untilMs && isInside(spanId, scopeId),
			);
			for (const [index, runId] of matchToolCalls(left, inScope, isInside, isWhole)) found.set(index, runId);
		}
		return found;
	}

	/** Rows may have been freed while payloads were read. */
	#scopes({ scopes }: ToolSpans): ToolSpans["scopes"] {
		return scopes.filter(({ row }) => this.#store.columns.traceIndex[row] >= 0);
	}

	async #askerOf(detail: SpanDetail, row: number, source: Source, signal: AbortSignal): Promise<string | undefined> {
		const { traceId, spanId, kindName } = detail.summary;
		const own = toolRunFacts(detail);
		if (own.callId === undefined && !isToolKind(kindName)) return undefined;
		const { ids } = this.#store.columns;
		const askers = possibleAskers(this.#store, row).slice(0, MAX_ASKERS);
		const askerIds = askers.map((asker) => ids[asker]);
		const facts = await this.#readAll(traceId, askerIds, source, signal);
		if (own.callId !== undefined) {
			const byId = askerIds.filter((id) =>
				[...(facts.get(id)?.asked.values() ?? [])].some((call) => call.id === own.callId),
			);
			if (byId.length > 0) return byId[0];
		}
		const named = askerIds.filter((id) =>
			[...(facts.get(id)?.asked.values() ?? [])].some((call) => call.name === own.toolName),
		);
		for (const id of named.slice(0, MAX_MATCHED_ASKERS)) {
			const askerRow = this.#store.rowOf(id, traceId);
			const asked = facts.get(id)?.asked;
			if (askerRow === undefined || asked === undefined) continue;
			const runs = await this.#runsOf(traceId, askerRow, asked, "output", source, signal);
			if ([...runs.values()].includes(spanId)) return id;
		}
		return undefined;
	}

	#isInside(traceId: string, spanId: string, otherId: string): boolean {
		const inner = this.#store.rowOf(spanId, traceId);
		const outer = this.#store.rowOf(otherId, traceId);
		return inner !== undefined && outer !== undefined && isBelow(this.#store, inner, outer);
	}

	/** Facts of these spans, as far as they can be read. */
	async #readAll(
		traceId: string,
		spanIds: readonly string[],
		source: Source,
		signal: AbortSignal,
	): Promise<ReadonlyMap<string, ToolFacts>> {
		const found = new Map<string, ToolFacts>();
		const left = [...spanIds];
		const readNext = async (): Promise<void> => {
			for (let spanId = left.shift(); spanId !== undefined; spanId = left.shift()) {
				const facts = await this.#read(traceId, spanId, source, signal);
				if (facts !== undefined) found.set(spanId, facts);
			}
		};
		await Promise.all(Array.from({ length: READS_AT_ONCE }, readNext));
		return found;
	}

	async #read(traceId: string, spanId: string, source: Source, signal: AbortSignal): Promise<ToolFacts | undefined> {
		// What a span said while it ran may be less than what it says at its end.
		const key = JSON.stringify([traceId, spanId, this.#store.span(traceId, spanId)?.state]);
		const kept = this.#facts.get(key);
		if (kept !== undefined) {
			this.#facts.delete(key);
			this.#facts.set(key, kept);
			return kept;
		}
		try {
			const detail = await source.loadSpan(traceId, spanId, signal);
			const asked = isLlmSpan(detail.summary) ? toolCallsIn(conversationsOf(detail).output.messages) : new Map();
			const facts: ToolFacts = { run: toolRunFacts(detail), asked };
			this.#facts.set(key, facts);
			if (this.#facts.size > MAX_KEPT) {
				const [oldest] = this.#facts.keys();
				this.#facts.delete(oldest);
			}
			return facts;
		} catch (error) {
			if (signal.aborted || isAbortError(error)) throw error;
			// Without it nothing is matched by name: what cannot be read may be what is looked for.
			this.#logger.debug(`span ${spanId} could not be read for links of tools: ${describeError(error)}`);
			return undefined;
		}
	}
}

function namesOf(calls: ReadonlyMap<unknown, ToolCall>): ReadonlySet<string> {
	return new Set([...calls.values()].map(({ name }) => name).filter((name) => name !== undefined));
}

/** The tools that a model call's answer asks for. */
export interface AskedTools {
	readonly names: ReadonlySet<string>;
	readonly parts: readonly SpanPart[];
	/** Every call has an id: what was linked stays, whatever runs later. */
	readonly haveIds: boolean;
}

/** Empty for any other span. */
export function askedTools(detail: SpanDetail): AskedTools {
	const calls: ReadonlyMap<number, ToolCall> = isLlmSpan(detail.summary)
		? toolCallsIn(conversationsOf(detail).output.messages)
		: new Map();
	return {
		names: namesOf(calls),
		parts: [...calls.keys()].map((index) => `outputMessage-${index}` as const),
		haveIds: [...calls.values()].every(({ id }) => id !== undefined),
	};
}
