import { differenceNs, type Timestamp } from "../base/timestamp.ts";
import { isToolKind } from "./overview.ts";
import { type SpanState, type TraceSummary, traceDurationNs } from "./span.ts";
import { Parent } from "./spanColumns.ts";
import type { TraceEntry } from "./traceEntry.ts";
import type { TraceStore } from "./traceStore.ts";
import { nanoUsd } from "./usage.ts";

/** A session without any news for so long is not open any more: a root that never came was lost. */
const OPEN_FOR_MS = 15 * 60_000;

/** Roots of one trace that are told as awaited; in a trace with more the others look lost. */
const MAX_AWAITED = 100;

/** Different models, and agents, that are told by name; a hostile trace can make up any number. */
const MAX_NAMES = 20;

/** What lists tell of a session, also of one whose traces are not here; unknown is undefined. */
export interface ListedSession {
	readonly sessionId: string;
	readonly traceCount: number;
	readonly failedTraces: number;
	readonly state: SpanState;
	readonly isOpen: boolean;
	readonly inputTokens: number | undefined;
	readonly outputTokens: number | undefined;
	readonly costUsd: number | undefined;
	readonly isCostEstimated: boolean;
	readonly start: Timestamp | undefined;
	/** Latest start or end that is known; while a session is open it lasts until now. */
	readonly lastTime: Timestamp | undefined;
	/** Missing where a server does not tell; so the next ones. */
	readonly modelCalls?: number | undefined;
	readonly toolCalls?: number | undefined;
	/** Names, sorted, `MAX_NAMES` at most; so the agents. */
	readonly models?: readonly string[] | undefined;
	readonly agents?: readonly string[] | undefined;
}

/** What a session sums up to over its traces. Unknown is undefined. */
export interface SessionSummary extends ListedSession {
	/** Oldest first; of equal starts by id. */
	readonly traceIds: readonly string[];
	/** More is to come: a span runs, or the root of a trace has not arrived yet (`awaitedRoots`). */
	readonly isOpen: boolean;
	readonly spanCount: number;
	readonly runningCount: number;
	readonly failedCount: number;
	/** Mean over the traces that have ended, nanoseconds; undefined while none has. */
	readonly averageTraceNs: number | undefined;
	readonly modelCalls: number;
	readonly toolCalls: number;
	readonly models: readonly string[];
	readonly agents: readonly string[];
	readonly droppedSpans: number;
	/** Ids of roots that are awaited, of all traces of the session; `MAX_AWAITED` at most a trace. */
	readonly awaitedRootIds: readonly string[];
}

/** What one trace adds to its session beyond its own sums. */
interface TracePart {
	readonly revision: number;
	readonly modelCalls: number;
	readonly toolCalls: number;
	readonly models: ReadonlySet<string>;
	readonly agents: ReadonlySet<string>;
	readonly lastTime: Timestamp | undefined;
	readonly awaitedRootIds: readonly string[];
}

/**
 * The sessions of a store. A session is the traces that the tree groups under its id: whole traces, each in one session. A span
 * that names another session than its trace stays with its trace, below its parent; a server's sums, which count by span, may
 * differ there.
 */
export class StoreSessions {
	readonly #store: TraceStore;
	readonly #parts = new WeakMap<TraceEntry, TracePart>();

	constructor(store: TraceStore) {
		this.#store = store;
	}

	/** All of them, each with its traces, in no order. */
	all(nowMs: number): SessionSummary[] {
		const traceIds = new Map<string, string[]>();
		for (const { traceId } of this.#store.entries()) {
			const sessionId = this.#store.summary(traceId)?.sessionId;
			if (sessionId === undefined) continue;
			const known = traceIds.get(sessionId);
			if (known === undefined) traceIds.set(sessionId, [traceId]);
			else known.push(traceId);
		}
		return [...traceIds].map(([sessionId, ids]) => this.summary(sessionId, ids, nowMs));
	}

	/** Ids of the traces of a session, oldest first. */
	traceIds(sessionId: string): string[] {
		const ids: string[] = [];
		for (const { traceId } of this.#store.entries()) {
			if (this.#store.summary(traceId)?.sessionId === sessionId) ids.push(traceId);
		}
		return ids.sort((a, b) => compareTraces(this.#store.summary(a), this.#store.summary(b)));
	}

	/** `nowMs` is the source's clock. Tokens and cost are those of the traces that know theirs. */
	summary(sessionId: string, traceIds: readonly string[], nowMs: number): SessionSummary {
		const summaries = traceIds.flatMap((traceId) => this.#store.summary(traceId) ?? []).sort(compareTraces);
		let costNano: number | undefined;
		let inputTokens: number | undefined;
		let outputTokens: number | undefined;
		let modelCalls = 0;
		let toolCalls = 0;
		const models = new Set<string>();
		const agents = new Set<string>();
		let spanCount = 0;
		let runningCount = 0;
		let failedCount = 0;
		let failedTraces = 0;
		let endedTraces = 0;
		let endedNs = 0;
		let droppedSpans = 0;
		let isCostEstimated = false;
		let isOpen = false;
		const awaitedRootIds: string[] = [];
		let start: Timestamp | undefined;
		let lastTime: Timestamp | undefined;
		for (const trace of summaries) {
			const part = this.#partOf(trace.traceId);
			spanCount += trace.spanCount;
			runningCount += trace.runningCount;
			failedCount += trace.failedCount;
			if (trace.failedCount > 0) failedTraces++;
			// The clock is asked of traces that run only.
			const durationNs = trace.runningCount > 0 ? undefined : traceDurationNs(trace, 0);
			if (durationNs !== undefined) {
				endedTraces++;
				endedNs += durationNs;
			}
			droppedSpans += trace.droppedSpans;
			inputTokens = plus(inputTokens, trace.inputTokens);
			outputTokens = plus(outputTokens, trace.outputTokens);
			costNano = plus(costNano, trace.costUsd === undefined ? undefined : nanoUsd(trace.costUsd));
			isCostEstimated ||= trace.isCostEstimated;
			start = earlier(start, trace.start);
			// Of a trace whose spans are not here its report knows the end.
			lastTime = later(lastTime, trace.end);
			if (part === undefined) continue;
			modelCalls += part.modelCalls;
			toolCalls += part.toolCalls;
			for (const model of part.models) addName(models, model);
			for (const agent of part.agents) addName(agents, agent);
			lastTime = later(lastTime, part.lastTime);
			const isFresh = trace.runningCount > 0 || hasNews(part.lastTime, nowMs);
			if (isFresh) awaitedRootIds.push(...part.awaitedRootIds);
			isOpen ||= trace.runningCount > 0 || (isFresh && part.awaitedRootIds.length > 0);
		}
		return {
			sessionId,
			traceIds: summaries.map(({ traceId }) => traceId),
			traceCount: summaries.length,
			state: failedCount > 0 ? "failed" : isOpen || spanCount === 0 ? "running" : "completed",
			isOpen,
			spanCount,
			runningCount,
			failedCount,
			failedTraces,
			averageTraceNs: endedTraces === 0 ? undefined : endedNs / endedTraces,
			modelCalls,
			toolCalls,
			models: [...models].sort(),
			agents: [...agents].sort(),
			inputTokens,
			outputTokens,
			costUsd: costNano === undefined ? undefined : costNano / 1e9,
			isCostEstimated,
			droppedSpans,
			start,
			lastTime,
			awaitedRootIds,
		};
	}

	/** One pass over the spans of a trace, again only when it has changed. */
	#partOf(traceId: string): TracePart | undefined {
		const entry = this.#store.entry(traceId);
		if (entry === undefined) return undefined;
		const known = this.#parts.get(entry);
		if (known?.revision === entry.revision) return known;
		const part = partOf(this.#store, entry);
		this.#parts.set(entry, part);
		return part;
	}
}

/**
 * Ids of the parents for which spans of a trace wait while no root is there: programs that tell of a span when it ends tell of
 * the root last. Where a root is there, a parent that is missing was lost on the way and nothing is awaited.
 */
export function awaitedRoots(store: TraceStore, entry: TraceEntry): readonly string[] {
	const { parentRow } = store.columns;
	const ids = new Set<string>();
	for (const row of entry.rows) {
		if (parentRow[row] === Parent.root) return [];
		if (parentRow[row] === Parent.orphan && ids.size < MAX_AWAITED) ids.add(store.missingParentOf(row) ?? "");
	}
	return [...ids];
}

/** Whether something was heard of a trace so lately that its root may come yet; of one that has ended nothing but this is known. */
export function hasNews(lastTime: Timestamp | undefined, nowMs: number): boolean {
	return lastTime !== undefined && nowMs - lastTime.ms < OPEN_FOR_MS;
}

/** From the first start to the last time, or to now while it is open; nanoseconds, undefined while no start is known. */
export function sessionDurationNs({ start, lastTime, isOpen }: ListedSession, nowMs: number): number | undefined {
	if (start === undefined || lastTime === undefined) return undefined;
	const lastNs = (lastTime.ms - start.ms) * 1e6 + (lastTime.subNs - start.subNs);
	return Math.max(0, isOpen ? Math.max(lastNs, (nowMs - start.ms) * 1e6 - start.subNs) : lastNs);
}

function partOf(store: TraceStore, entry: TraceEntry): TracePart {
	const { columns: c, strings } = store;
	// Kinds and names are few and shared: each is looked at when it differs from the row's before, and kept.
	const calls = new Map<number, CallKind>();
	const models = new Set<number>();
	const agents = new Set<number>();
	let modelCalls = 0;
	let toolCalls = 0;
	let lastMs = Number.NEGATIVE_INFINITY;
	let lastSubNs = 0;
	let kindBefore = -1;
	let call: CallKind = "none";
	let modelBefore = -1;
	let agentBefore = -1;
	for (const row of entry.rows) {
		const kind = c.kindType[row] + 256 * (c.kindName[row] + 1);
		if (kind !== kindBefore) {
			kindBefore = kind;
			call = calls.get(kind) ?? callKindOf(store, row);
			calls.set(kind, call);
		}
		if (call === "model") modelCalls++;
		else if (call === "tool" || (strings.at(c.toolName.get(row)) ?? "") !== "") toolCalls++;
		const model = c.model[row];
		if (model !== modelBefore && models.size < MAX_NAMES) models.add(model);
		modelBefore = model;
		const agent = c.agentName.get(row);
		if (agent !== agentBefore && agents.size < MAX_NAMES) agents.add(agent);
		agentBefore = agent;
		const isEnded = !Number.isNaN(c.endMs[row]);
		const ms = isEnded ? c.endMs[row] : c.startMs[row];
		const subNs = isEnded ? c.endSubNs[row] : c.startSubNs[row];
		if (!(ms > lastMs || (ms === lastMs && subNs > lastSubNs))) continue;
		lastMs = ms;
		lastSubNs = subNs;
	}
	const names = (indexes: ReadonlySet<number>) => new Set([...indexes].flatMap((index) => strings.at(index) || []));
	return {
		revision: entry.revision,
		modelCalls,
		toolCalls,
		models: names(models),
		agents: names(agents),
		lastTime: Number.isFinite(lastMs) ? { ms: lastMs, subNs: lastSubNs } : undefined,
		awaitedRootIds: awaitedRoots(store, entry),
	};
}

type CallKind = "model" | "tool" | "none";

/** By the kind alone; a span that names a tool is a tool call whatever its kind, unless it is a model call. */
function callKindOf(store: TraceStore, row: number): CallKind {
	const kindType = store.kindTypeOf(row);
	if (kindType === "llm_call") return "model";
	return isToolKind(undefined, store.strings.at(store.columns.kindName[row]) ?? kindType) ? "tool" : "none";
}

function compareTraces(a: TraceSummary | undefined, b: TraceSummary | undefined): number {
	const byStart = (a?.start?.ms ?? Infinity) - (b?.start?.ms ?? Infinity);
	if (byStart !== 0 && !Number.isNaN(byStart)) return byStart;
	const bySubNs = (a?.start?.subNs ?? 0) - (b?.start?.subNs ?? 0);
	if (bySubNs !== 0) return bySubNs;
	return (a?.traceId ?? "") < (b?.traceId ?? "") ? -1 : 1;
}

function addName(names: Set<string>, name: string): void {
	if (names.size < MAX_NAMES) names.add(name);
}

function plus(sum: number | undefined, value: number | undefined): number | undefined {
	return value === undefined ? sum : (sum ?? 0) + value;
}

function earlier(a: Timestamp | undefined, b: Timestamp | undefined): Timestamp | undefined {
	if (a === undefined || b === undefined) return a ?? b;
	return differenceNs(b, a) < 0 ? b : a;
}

function later(a: Timestamp | undefined, b: Timestamp | undefined): Timestamp | undefined {
	if (a === undefined || b === undefined) return a ?? b;
	return differenceNs(b, a) > 0 ? b : a;
}
