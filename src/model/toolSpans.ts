import { isToolKind, toolNameIn } from "./toolCalls.ts";
import type { TraceStore } from "./traceStore.ts";

/** Steps upwards at most: parents of a damaged trace may form a circle. */
const MAX_CLIMB = 2_000;
/** Spans around a call within which its tools are looked for. */
const MAX_SCOPES = 6;

/** Spans around a model call that may hold its tools: from the nearest outwards, no further than the agent that made it. */
export interface ToolScope {
	/** Row of the span around. */
	readonly row: number;
	/** Start of the next model call in here, milliseconds since the epoch; infinity where there is none. What ran later, that one asked for. */
	readonly untilMs: number;
}

/** What of a trace may have run the tools that a model call names. */
export interface ToolSpans {
	/** Rows that began before the call, the newest first: what its history tells of. */
	readonly before: readonly number[];
	/** Rows that began with the call or later, in order: what its answer asked for. */
	readonly after: readonly number[];
	readonly scopes: readonly ToolScope[];
}

/** Whether the span in row `inner` lies below the one in row `outer`. */
export function isBelow(store: TraceStore, inner: number, outer: number): boolean {
	const { parentRow } = store.columns;
	let row = parentRow[inner];
	for (let step = 0; row >= 0 && step < MAX_CLIMB; step++) {
		if (row === outer) return true;
		row = parentRow[row];
	}
	return false;
}

function ancestorsOf(store: TraceStore, row: number): ReadonlySet<number> {
	const { parentRow } = store.columns;
	const found = new Set<number>();
	for (let at = parentRow[row]; at >= 0 && !found.has(at); at = parentRow[at]) found.add(at);
	return found;
}

/** Tells spans that run tools by what is known of them without their payload: their kind, or the name of a tool that was asked for. */
export function toolTest(store: TraceStore, names: ReadonlySet<string>): (row: number) => boolean {
	const { kindName, name } = store.columns;
	// Texts are few and spans are many.
	const kinds = new Map<number, boolean>();
	const named = new Map<number, boolean>();
	const look = (known: Map<number, boolean>, index: number, test: (text: string) => boolean): boolean => {
		let answer = known.get(index);
		if (answer === undefined) {
			const text = store.strings.at(index);
			answer = text !== undefined && test(text);
			known.set(index, answer);
		}
		return answer;
	};
	return (row) =>
		store.kindTypeOf(row) !== "llm_call" &&
		(look(kinds, kindName[row], isToolKind) || look(named, name[row], (text) => names.has(toolNameIn(text))));
}

/** Spans that may have run tools for the model call in `row`. One pass over the trace; none while the call's start is not known. */
export function toolSpansOf(store: TraceStore, row: number, names: ReadonlySet<string>): ToolSpans {
	const { startMs, endMs } = store.columns;
	const own = startMs[row];
	const before: number[] = [];
	const after: number[] = [];
	const laterCalls: number[] = [];
	const isTool = toolTest(store, names);
	// What the call runs inside of asked for it.
	const around = ancestorsOf(store, row);
	for (const other of store.entryOfRow(row).rows) {
		if (other === row || Number.isNaN(startMs[other])) continue;
		if (store.kindTypeOf(other) === "llm_call") {
			// A call that began before this one ended runs beside it.
			if (startMs[other] >= endMs[row]) laterCalls.push(other);
		} else if (isTool(other) && !around.has(other)) {
			if (startMs[other] < own) before.push(other);
			else if (startMs[other] >= own) after.push(other);
		}
	}
	const byStart = (a: number, b: number): number => startMs[a] - startMs[b];
	return {
		before: before.sort((a, b) => byStart(b, a)),
		after: after.sort(byStart),
		scopes: scopesOf(store, row, laterCalls),
	};
}

function scopesOf(store: TraceStore, row: number, laterCalls: readonly number[]): ToolScope[] {
	const { startMs, parentRow, kindName } = store.columns;
	const scopes: ToolScope[] = [];
	for (let around = parentRow[row]; around >= 0 && scopes.length < MAX_SCOPES; around = parentRow[around]) {
		let untilMs = Number.POSITIVE_INFINITY;
		for (const call of laterCalls) {
			if (startMs[call] < untilMs && isBelow(store, call, around)) untilMs = startMs[call];
		}
		scopes.push({ row: around, untilMs });
		// The tools of an agent's call run inside of that agent.
		if (/agent/i.test(store.strings.at(kindName[around]) ?? "")) break;
	}
	return scopes;
}

/** Model calls that may have asked for the tool run in `row`: those in the span around it first, then the others, the newest first. */
export function possibleAskers(store: TraceStore, row: number): readonly number[] {
	const { startMs, parentRow } = store.columns;
	const around = parentRow[row];
	const near: number[] = [];
	const far: number[] = [];
	for (const other of store.entryOfRow(row).rows) {
		if (!(startMs[other] <= startMs[row]) || store.kindTypeOf(other) !== "llm_call" || isBelow(store, other, row))
			continue;
		const isNear = around >= 0 && (other === around || parentRow[other] === around);
		(isNear ? near : far).push(other);
	}
	const newestFirst = (a: number, b: number): number => startMs[b] - startMs[a];
	return [...near.sort(newestFirst), ...far.sort(newestFirst)];
}
