import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SpanInput } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import type { TimeBase, TraceColumns } from "../../../src/protocol/traceColumns.ts";
import { SessionContent } from "../../../src/ui/panels/sessionContent.ts";
import { TraceContent } from "../../../src/ui/panels/waterfallContent.ts";
import { SpanTable } from "../../../webview/waterfall/spanTable.ts";
import { at, NOON, span } from "../model/spans.ts";

const BASE: TimeBase = at(0);

function sessionOf(store: TraceStore, sessionId = "s"): SessionContent {
	return new SessionContent(store, sessionId, () => NOON + 60_000);
}

/** What a page shows of a table: each span with its parent, by the ids that the page has. */
function shown(table: SpanTable): unknown[] {
	return Array.from({ length: table.count }, (_, ordinal) => {
		const parent = table.parent[ordinal];
		return {
			id: table.idOf(ordinal),
			parent: parent >= 0 ? table.idOf(parent) : parent === -1 ? null : `missing ${table.missingParentId(-2 - parent)}`,
			name: table.string(table.name[ordinal]),
			start: table.startNs[ordinal],
			end: table.endNs[ordinal],
			state: table.state[ordinal],
		};
	}).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function tableOf(columns: TraceColumns): SpanTable {
	const table = new SpanTable();
	if (table.apply(columns) === undefined) throw new Error("the columns do not fit each other");
	return table;
}

/** A page and its host: takes a snapshot when ordinals have moved, else what has changed. */
class Page {
	table: SpanTable;
	snapshots = 1;
	readonly content: SessionContent;
	readonly #store: TraceStore;

	constructor(store: TraceStore, content: SessionContent) {
		this.#store = store;
		this.content = content;
		this.table = tableOf(content.encode(BASE));
		store.onDidChange((changes) => {
			const change = content.change(changes);
			if (change.type === "none") return;
			if (change.type === "gone" || change.isRestructured) {
				this.snapshots++;
				this.table = tableOf(content.encode(BASE));
				return;
			}
			const rows = [...new Set(change.rows)].sort((a, b) => content.ordinalOf(a) - content.ordinalOf(b));
			if (this.table.apply(content.encode(BASE, rows)) === undefined) throw new Error("the delta does not fit");
		});
	}

	show(): unknown[] {
		this.#store.flush();
		return shown(this.table);
	}
}

/** Of each trace of the session alone, with the ids that are the session's. */
function union(store: TraceStore, content: SessionContent, traceIds: readonly string[]): unknown[] {
	return traceIds
		.flatMap((traceId) => {
			const rename = (id: string) => content.idOf({ traceId, spanId: id });
			const trace = new TraceContent(store, traceId, () => NOON);
			const spans = shown(tableOf(trace.encode(BASE))) as { id: string; parent: string | null }[];
			trace.dispose();
			return spans.map((one) => ({
				...one,
				id: rename(one.id),
				parent: one.parent === null || one.parent.startsWith("missing ") ? one.parent : rename(one.parent),
			}));
		})
		.sort((a, b) => (a.id < b.id ? -1 : 1));
}

const TRACES = ["t1", "t2", "t3"];
const step = fc.oneof(
	{
		weight: 6,
		arbitrary: fc.record({
			type: fc.constant("span" as const),
			traceId: fc.constantFrom(...TRACES),
			spanId: fc.constantFrom("a", "b", "c", "d", "e"),
			parentSpanId: fc.option(fc.constantFrom("a", "b", "c", "lost")),
			sessionId: fc.option(fc.constantFrom("s", "other"), { nil: undefined }),
			startMs: fc.nat(20),
			isRunning: fc.boolean(),
		}),
	},
	fc.record({
		type: fc.constant("deleteSpan" as const),
		traceId: fc.constantFrom(...TRACES),
		spanId: fc.constantFrom("a", "b", "c"),
	}),
	fc.record({ type: fc.constant("deleteTrace" as const), traceId: fc.constantFrom(...TRACES) }),
	fc.constant({ type: "flush" as const }),
	fc.constant({ type: "clear" as const }),
);

function apply(store: TraceStore, one: typeof step extends fc.Arbitrary<infer T> ? T : never, position: number): void {
	switch (one.type) {
		case "span": {
			const { traceId, spanId, parentSpanId, sessionId, startMs, isRunning } = one;
			const input: SpanInput = span(traceId, spanId, {
				parentSpanId: parentSpanId === spanId ? null : parentSpanId,
				sessionId,
				start: at(startMs),
				...(isRunning ? { state: "running", end: undefined } : { end: at(startMs + 5) }),
			});
			store.upsertSpan(input, position);
			break;
		}
		case "deleteSpan":
			store.deleteSpan(one.spanId, one.traceId, position);
			break;
		case "deleteTrace":
			store.deleteTrace(one.traceId, position);
			break;
		case "flush":
			store.flush();
			break;
		case "clear":
			store.clear(position);
			break;
	}
}

describe("the spans of a session in a waterfall", () => {
	it("are those of its traces, however they come, change and go", { timeout: 60_000 }, () => {
		fc.assert(
			fc.property(fc.array(step, { maxLength: 40 }), fc.nat(39), (steps, openAt) => {
				const store = new TraceStore();
				let page: Page | undefined;
				for (const [index, one] of steps.entries()) {
					if (index === openAt) page = new Page(store, sessionOf(store));
					apply(store, one, index + 1);
				}
				page ??= new Page(store, sessionOf(store));
				const rows = page.show();
				const members = TRACES.filter((traceId) => store.summary(traceId)?.sessionId === "s");
				expect([...page.content.traceIds].sort()).toEqual(members);
				expect(rows).toEqual(union(store, page.content, members));
				expect(page.content.header().spanCount).toBe(rows.length);
				page.content.dispose();
				store.dispose();
			}),
			{ numRuns: 500 },
		);
	});

	it("come as additions while traces only grow and join", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t1", "a", { sessionId: "s" }));
		const page = new Page(store, sessionOf(store));
		store.upsertSpan(span("t1", "b", { parentSpanId: "a" }));
		store.upsertSpan(span("t2", "c", { parentSpanId: null }));
		store.flush();
		// Only now is it known where its trace belongs.
		store.upsertSpan(span("t2", "d", { parentSpanId: "c", sessionId: "s" }));
		expect(page.show()).toHaveLength(4);
		expect(page.snapshots).toBe(1);
	});

	it("are told apart where traces use the same ids", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t1", "1", { sessionId: "s", start: at(0) }));
		store.upsertSpan(span("t2", "1", { sessionId: "s", start: at(50) }));
		store.upsertSpan(span("t2", "2", { parentSpanId: "1", start: at(60) }));
		const content = sessionOf(store);
		const ids = shown(tableOf(content.encode(BASE))) as { id: string; parent: string | null }[];
		expect(ids.map(({ id, parent }) => [id, parent])).toEqual([
			["1", null],
			["1 t2", null],
			["2", "1 t2"],
		]);
		expect(content.addressOf("1")).toEqual({ traceId: "t1", spanId: "1" });
		expect(content.addressOf("1 t2")).toEqual({ traceId: "t2", spanId: "1" });
		expect(content.idOf({ traceId: "t2", spanId: "1" })).toBe("1 t2");
		expect(content.addressOf("nobody")).toBeUndefined();
	});

	it("takes in rows that no change set has told of yet, with their parents", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t1", "child", { sessionId: "s", parentSpanId: "root" }));
		store.flush();
		const content = sessionOf(store);
		content.encode(BASE);
		store.upsertSpan(span("t1", "root", { parentSpanId: null }));
		const rows = shown(tableOf(content.encode(BASE))) as { id: string; parent: string | null }[];
		expect(rows.map(({ id, parent }) => [id, parent])).toEqual([
			["child", "root"],
			["root", null],
		]);
	});

	it("says that it is gone when its last trace is, and that it is there again", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t1", "a", { sessionId: "s" }));
		store.flush();
		const content = sessionOf(store);
		const told: string[] = [];
		store.onDidChange((changes) => told.push(content.change(changes).type));
		store.deleteTrace("t1");
		store.flush();
		store.upsertSpan(span("t9", "x", { sessionId: "other" }));
		store.flush();
		store.upsertSpan(span("t2", "b", { sessionId: "s" }));
		store.flush();
		expect(told).toEqual(["gone", "none", "changed"]);
	});
});
