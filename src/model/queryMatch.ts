import { differenceNs, type Timestamp } from "../base/timestamp.ts";
import type { Bounds, Query, QueryTerm, QueryTime } from "./query.ts";
import { type TraceSummary, totalTokens, traceDurationNs } from "./span.ts";
import type { TraceEntry } from "./traceEntry.ts";
import type { TraceStore } from "./traceStore.ts";

/** One search that only the server can answer, because payloads are not here: one substring in one place of a span. */
export type RemotePart = { readonly text: string } | { readonly input: string } | { readonly output: string };

/**
 * The searches that `query` needs from the server, at most `MAX_TEXT_TERMS`, no two alike; empty when the store alone can
 * tell. Each text, input and output term is one, negated or not: ask for the ids of the traces in which it is found.
 */
export function remoteParts(query: Query): readonly RemotePart[] {
	return matcherOf(query).parts;
}

/**
 * Whether a trace of the store matches a query: when every term holds for it. A negated term holds exactly when the same
 * term without `-` does not, so an unknown value never matches `cost:>0` and always matches `-cost:>0`. Upper and lower
 * case are alike everywhere.
 *
 * - Of the trace as a whole: `status` (its state); `name` (part of its name); `trace`, `session`, `service` (equal);
 *   `duration` (so far, while it runs), `tokens`, `input_tokens`, `output_tokens`, `cost` (sums over its spans);
 *   `since`, `until` (its start is not before, not after).
 * - Of its spans: `model`, `provider`, `path` (equal), `kind` (equal to the kind shown or to its type on the wire). Those
 *   that are not negated hold when one span satisfies all of them together; a negated one when no span satisfies it.
 * - `text` (bare words too): part of the trace's id or name, of a span's name or error, a whole span id, or found by
 *   the server. `input` and `output`: found by the server.
 *
 * `found` has the trace ids that the server found for each of `remoteParts(query)`, in that order; what is missing counts
 * as found nowhere. False for a trace that is not in the store. `nowMs` is the source's clock.
 */
export function matchTrace(
	query: Query,
	store: TraceStore,
	traceId: string,
	nowMs: number,
	found: readonly ReadonlySet<string>[] = [],
): boolean {
	const entry = store.entry(traceId);
	const summary = store.summary(traceId);
	if (entry === undefined || summary === undefined) return false;
	return matcherOf(query).matches(store, entry, summary, nowMs, found);
}

/** A query made ready to be asked of many traces many times. */
class Matcher {
	readonly parts: readonly RemotePart[];
	readonly #traceTests: readonly ((summary: TraceSummary, nowMs: number) => boolean)[];
	readonly #together: readonly SpanTest[];
	readonly #none: readonly SpanTest[];
	readonly #texts: readonly TextTest[];
	/** What the spans of a trace said at a revision of it: all but the clock and the server's findings. */
	readonly #scans = new WeakMap<TraceEntry, { revision: number; isMatch: boolean; texts: readonly boolean[] }>();

	constructor(query: Query) {
		const parts: RemotePart[] = [];
		const texts: TextTest[] = [];
		const traceTests: ((summary: TraceSummary, nowMs: number) => boolean)[] = [];
		const spanTerms: SpanTest[] = [];
		for (const term of query.terms) {
			const { isNegated } = term;
			if ("value" in term) {
				const value = fold(term.value);
				if (term.key === "text" || term.key === "input" || term.key === "output") {
					const isAsked = (part: RemotePart) => (part as Record<string, string>)[term.key] === term.value;
					let part = parts.findIndex(isAsked);
					if (part < 0) part = parts.push({ [term.key]: term.value } as RemotePart) - 1;
					texts.push({ isLocal: term.key === "text", exact: term.value, value, isNegated, part, hits: new Map() });
					continue;
				}
				if (term.key === "model" || term.key === "provider" || term.key === "kind" || term.key === "path") {
					spanTerms.push({ key: term.key, value, isNegated, hits: new Map() });
					continue;
				}
			}
			const test = traceTest(term);
			traceTests.push((summary, nowMs) => test(summary, nowMs) !== isNegated);
		}
		this.parts = parts;
		this.#traceTests = traceTests;
		this.#together = spanTerms.filter((term) => !term.isNegated);
		this.#none = spanTerms.filter((term) => term.isNegated);
		this.#texts = texts;
	}

	matches(
		store: TraceStore,
		entry: TraceEntry,
		summary: TraceSummary,
		nowMs: number,
		found: readonly ReadonlySet<string>[],
	): boolean {
		for (const test of this.#traceTests) if (!test(summary, nowMs)) return false;
		if (this.#together.length + this.#none.length + this.#texts.length === 0) return true;
		let scan = this.#scans.get(entry);
		if (scan?.revision !== entry.revision) {
			scan = {
				revision: entry.revision,
				isMatch: this.#matchesSpans(store, entry),
				texts: this.#texts.map((text) => text.isLocal && hasText(store, entry, summary, text)),
			};
			this.#scans.set(entry, scan);
		}
		if (!scan.isMatch) return false;
		for (let index = 0; index < this.#texts.length; index++) {
			const { part, isNegated } = this.#texts[index];
			const isFound = scan.texts[index] || found[part]?.has(entry.traceId) === true;
			if (isFound === isNegated) return false;
		}
		return true;
	}

	#matchesSpans(store: TraceStore, entry: TraceEntry): boolean {
		let isTogether = this.#together.length === 0;
		if (isTogether && this.#none.length === 0) return true;
		for (const row of entry.rows) {
			for (const test of this.#none) if (spanHolds(store, row, test)) return false;
			if (!isTogether) isTogether = this.#together.every((test) => spanHolds(store, row, test));
			if (isTogether && this.#none.length === 0) return true;
		}
		return isTogether;
	}
}

/** Compiled once a query object; the ui asks for each trace on each change. */
const matchers = new WeakMap<Query, Matcher>();

function matcherOf(query: Query): Matcher {
	let matcher = matchers.get(query);
	if (matcher === undefined) {
		matcher = new Matcher(query);
		matchers.set(query, matcher);
	}
	return matcher;
}

interface SpanTest {
	readonly key: "model" | "provider" | "kind" | "path";
	readonly value: string;
	readonly isNegated: boolean;
	readonly hits: Map<string, boolean>;
}

interface TextTest {
	readonly isLocal: boolean;
	/** As written, for whole span ids. */
	readonly exact: string;
	readonly value: string;
	readonly isNegated: boolean;
	/** Index of its search in `remoteParts`. */
	readonly part: number;
	readonly hits: Map<string, boolean>;
}

/** Names and models repeat by the thousand; the answers for that many different ones are kept. */
const MAX_HITS = 10_000;

function remembered(hits: Map<string, boolean>, text: string, test: (folded: string) => boolean): boolean {
	let isHit = hits.get(text);
	if (isHit === undefined) {
		if (hits.size >= MAX_HITS) hits.clear();
		isHit = test(fold(text));
		hits.set(text, isHit);
	}
	return isHit;
}

function spanHolds(store: TraceStore, row: number, test: SpanTest): boolean {
	const c = store.columns;
	const equals = (text: string | undefined) =>
		text !== undefined && remembered(test.hits, text, (folded) => folded === test.value);
	switch (test.key) {
		case "model":
			return equals(store.strings.at(c.model[row]));
		case "provider":
			return equals(store.strings.at(c.provider[row]));
		case "path":
			return equals(store.pathOf(row));
		case "kind": {
			return equals(store.kindTypeOf(row)) || equals(store.strings.at(c.kindName[row]));
		}
	}
}

function hasText(store: TraceStore, entry: TraceEntry, summary: TraceSummary, text: TextTest): boolean {
	const has = (candidate: string | undefined) =>
		candidate !== undefined && remembered(text.hits, candidate, (folded) => folded.includes(text.value));
	if (fold(entry.traceId).includes(text.value) || has(summary.name)) return true;
	if (store.rowOf(text.exact, entry.traceId) !== undefined) return true;
	for (const row of entry.rows) {
		if (has(store.strings.at(store.columns.name[row]))) return true;
		const error = store.errorOf(row);
		if (error !== undefined && fold(error).includes(text.value)) return true;
	}
	return false;
}

function traceTest(term: QueryTerm): (summary: TraceSummary, nowMs: number) => boolean {
	if ("bounds" in term) {
		const { key, bounds } = term;
		return (summary, nowMs) => isWithin(numberOf(key, summary, nowMs), bounds);
	}
	if ("time" in term) {
		const { key, time } = term;
		return (summary, nowMs) => {
			if (summary.start === undefined) return false;
			const distance = differenceNs(summary.start, timestampOf(time, nowMs));
			return key === "since" ? distance >= 0 : distance <= 0;
		};
	}
	const value = fold(term.value);
	switch (term.key) {
		case "status":
			return (summary) => summary.state === value;
		case "name":
			return (summary) => fold(summary.name).includes(value);
		case "trace":
			return (summary) => fold(summary.traceId) === value;
		case "session":
			return (summary) => summary.sessionId !== undefined && fold(summary.sessionId) === value;
		case "service":
			return (summary) => summary.serviceName !== undefined && fold(summary.serviceName) === value;
		default:
			throw new Error(`"${term.key}" is no key of a whole trace`);
	}
}

function numberOf(
	key: Extract<QueryTerm, { bounds: Bounds }>["key"],
	summary: TraceSummary,
	nowMs: number,
): number | undefined {
	switch (key) {
		case "cost":
			return summary.costUsd;
		case "tokens":
			return totalTokens(summary.inputTokens, summary.outputTokens);
		case "input_tokens":
			return summary.inputTokens;
		case "output_tokens":
			return summary.outputTokens;
		case "duration": {
			const durationNs = traceDurationNs(summary, nowMs);
			return durationNs === undefined ? undefined : durationNs / 1e6;
		}
	}
}

function isWithin(value: number | undefined, bounds: Bounds): boolean {
	if (value === undefined) return false;
	const { min, max, isOpen } = bounds;
	if (min !== undefined && (isOpen ? value <= min : value < min)) return false;
	return max === undefined || (isOpen ? value < max : value <= max);
}

function timestampOf(time: QueryTime, nowMs: number): Timestamp {
	return "at" in time ? time.at : { ms: nowMs - time.agoMs, subNs: 0 };
}

function fold(text: string): string {
	return text.toLowerCase();
}
