import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SPAN_STATES, type SpanInput, type SpanSummary } from "../../../src/model/span.ts";
import type { TraceEntry } from "../../../src/model/traceEntry.ts";
import type { TraceStore as Store } from "../../../src/model/traceStore.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import {
	encodeTraceColumns,
	type TimeBase,
	type TraceColumns,
	timeBaseOf,
} from "../../../src/protocol/traceColumns.ts";
import { at, span } from "./spans.ts";

/** A message as a webview reads it, written from the description of the format alone. */
function decode(columns: TraceColumns, base: TimeBase, knownIds: readonly string[] = []) {
	const text = (index: number) => (index < 0 ? undefined : columns.strings[index]);
	const number = (value: number) => (Number.isNaN(value) ? undefined : value);
	const time = (offsetNs: number) => {
		if (Number.isNaN(offsetNs)) return undefined;
		const ns = BigInt(base.ms) * 1_000_000n + BigInt(base.subNs) + BigInt(offsetNs);
		const ms = (ns - (((ns % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n;
		return { ms: Number(ms), subNs: Number(ns - ms * 1_000_000n) };
	};
	const ids = [...columns.idEnd].map((end, index) =>
		new TextDecoder().decode(columns.idBytes.subarray(index === 0 ? 0 : columns.idEnd[index - 1], end)),
	);
	const idOfOrdinal = new Map([
		...knownIds.entries(),
		...[...columns.ordinal].map((ordinal, index) => [ordinal, ids[index]] as const),
	]);
	return [...columns.ordinal].map((ordinal, index) => {
		const parent = columns.parent[index];
		return {
			ordinal,
			spanId: ids[index],
			parentSpanId:
				parent >= 0 ? idOfOrdinal.get(parent) : parent === -1 ? null : columns.missingParentIds[-2 - parent],
			isOrphan: parent < -1,
			start: time(columns.startNs[index]),
			end: time(columns.endNs[index]),
			state: SPAN_STATES[columns.state[index]],
			name: text(columns.name[index]),
			kindName: text(columns.kind[index]),
			model: text(columns.model[index]),
			error: text(columns.error[index]),
			inputTokens: number(columns.inputTokens[index]),
			outputTokens: number(columns.outputTokens[index]),
			costUsd: number(columns.costUsd[index]),
		};
	});
}

function entryOf(store: Store, traceId: string): TraceEntry {
	const entry = store.entry(traceId);
	if (entry === undefined) throw new Error(`no trace ${traceId}`);
	return entry;
}

/** What `spanAt` says, without what the columns do not carry. */
function expected(store: Store, row: number): unknown {
	const { traceId, provider, isCostEstimated, kindType, ...whole }: SpanSummary = store.spanAt(row);
	const { cacheReadTokens, cacheWriteTokens, reasoningTokens, isRollup, ...rest } = whole;
	return { ordinal: store.columns.ordinal[row], ...rest, parentSpanId: rest.parentSpanId ?? null };
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const id = fc.oneof(
	fc.constantFrom("a", "b", "c", "ü", "🙂", "a".repeat(300)),
	fc.string({ unit: "grapheme", minLength: 1 }),
);
const time = fc
	.record({ ms: fc.integer({ min: -1e6, max: 1e6 }), subNs: fc.nat(999_999) })
	.map(({ ms, subNs }) => at(ms, subNs));
const anySpan: fc.Arbitrary<SpanInput> = fc.record({
	traceId: fc.constant("t"),
	spanId: id,
	parentSpanId: fc.option(id),
	name: fc.string({ unit: "binary", maxLength: 10 }),
	kindType: fc.constantFrom("custom", "llm_call"),
	kindName: fc.constantFrom("tool", "llm_call", ""),
	model: maybe(fc.constantFrom("gpt-4o", "unpriced")),
	inputTokens: maybe(fc.nat()),
	outputTokens: maybe(fc.nat()),
	costUsd: maybe(fc.double({ min: 0, max: 10, noNaN: true })),
	state: fc.constantFrom(...SPAN_STATES),
	error: maybe(fc.constantFrom("reset", "timeout")),
	start: maybe(time),
	end: maybe(time),
});

describe("encodeTraceColumns", { timeout: 30_000 }, () => {
	it("carries everything that spanAt says of a trace", () => {
		fc.assert(
			fc.property(
				fc.array(anySpan, { minLength: 1, maxLength: 12 }),
				fc.array(id, { maxLength: 2 }),
				time,
				(spans, deleted, base) => {
					const store = new TraceStore();
					for (const one of spans) store.upsertSpan(one);
					for (const spanId of deleted) store.deleteSpan(spanId, "t");
					const entry = entryOf(store, "t");
					expect(decode(encodeTraceColumns(store, entry, base), base)).toEqual(
						entry.rows.map((row) => expected(store, row)),
					);
				},
			),
		);
	});

	it("carries some rows of a trace, whose parents may have gone before", () => {
		const store = new TraceStore();
		for (const spanId of ["a", "b", "c", "d"])
			store.upsertSpan(span("t", spanId, { parentSpanId: spanId === "a" ? null : "a" }));
		store.upsertSpan(span("t", "e", { parentSpanId: "never" }));
		store.upsertSpan(span("t", "f", { parentSpanId: "never" }));
		const entry = entryOf(store, "t");
		const base = at(-5);
		const rows = [entry.rows[2], entry.rows[4], entry.rows[5]];
		const columns = encodeTraceColumns(store, entry, base, rows);
		expect(decode(columns, base, ["a"])).toEqual(rows.map((row) => expected(store, row)));
		expect(columns.missingParentIds).toEqual(["never"]);
	});

	it("sends a text that many spans share once", () => {
		const store = new TraceStore();
		for (let index = 0; index < 100; index++) {
			store.upsertSpan(
				span("t", `s${index}`, { name: "same", model: "o3", state: "failed", error: ["reset", "by peer"].join(" ") }),
			);
		}
		expect(encodeTraceColumns(store, entryOf(store, "t"), at(0)).strings).toEqual([
			"same",
			"tool",
			"o3",
			"reset by peer",
		]);
	});

	it("sends of an error its first line with text, at most 200 characters, no half of a pair", () => {
		const store = new TraceStore();
		const errors = ["one\ntwo", "\r\n  \n  at x\r\ny", "", "e".repeat(200), "e".repeat(201), `${"e".repeat(198)}🙂🙂`];
		for (const [index, error] of errors.entries()) store.upsertSpan(span("t", `s${index}`, { state: "failed", error }));
		const base = at(0);
		const sent = decode(encodeTraceColumns(store, entryOf(store, "t"), base), base).map(({ error }) => error);
		expect(sent).toEqual(["one", "at x", "", "e".repeat(200), `${"e".repeat(199)}…`, `${"e".repeat(198)}\ufffd…`]);
	});

	it("carries spans of equal ids of other traces apart, cycles, and spans that are their own parents", () => {
		const store = new TraceStore();
		store.upsertSpan(span("other", "a"));
		store.upsertSpan(span("t", "a", { parentSpanId: "b" }));
		store.upsertSpan(span("t", "b", { parentSpanId: "a" }));
		store.upsertSpan(span("t", "c", { parentSpanId: "c" }));
		expect([...encodeTraceColumns(store, entryOf(store, "t"), at(0)).parent]).toEqual([1, 0, 2]);
	});

	it("carries an empty trace", () => {
		const store = new TraceStore();
		store.upsertTrace({ traceId: "t" });
		const columns = encodeTraceColumns(store, entryOf(store, "t"), at(0));
		expect([columns.ordinal.length, columns.idBytes.length, columns.strings.length]).toEqual([0, 0, 0]);
	});
});

describe("timeBaseOf", () => {
	it("is the earliest start of the trace", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t", "a", { start: at(7, 1) }));
		store.upsertSpan(span("t", "b", { start: at(7, 0) }));
		expect(timeBaseOf(store, entryOf(store, "t"))).toEqual(at(7, 0));
	});

	it("is the present for a trace that has none", () => {
		const store = new TraceStore();
		store.upsertTrace({ traceId: "t" });
		const before = Date.now();
		expect(timeBaseOf(store, entryOf(store, "t")).ms).toBeGreaterThanOrEqual(before);
	});
});
