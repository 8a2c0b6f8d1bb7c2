import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { decodeEvent, type TracewayEvent } from "../../../src/sources/traceway/decode.ts";
import { EventApplier } from "../../../src/sources/traceway/eventApplier.ts";
import { modelOfStore } from "../../peers/storeModel.ts";

function decode(event: object): TracewayEvent {
	const decoded = decodeEvent(JSON.stringify(event));
	if (decoded === undefined) throw new Error("undecodable");
	return decoded;
}

function make(filter?: { kind?: string; model?: string }) {
	const store = new TraceStore();
	const partial: string[] = [];
	const applier = new EventApplier(store, filter, (spanId) => partial.push(spanId));
	return { store, applier, partial };
}

const at = (second: number) => `2026-03-06T09:00:${String(second).padStart(2, "0")}Z`;

function span(traceId: string, id: string, more: object = {}): object {
	return {
		id,
		trace_id: traceId,
		parent_id: null,
		name: id,
		kind: { type: "custom", kind: "tool" },
		status: "running",
		started_at: at(1),
		ended_at: null,
		...more,
	};
}

/** What a server says of one trace: creation, spans with their parents, ends, and now and then a deletion. */
const story = fc
	.record({
		spans: fc.array(
			fc.record({
				parent: fc.nat({ max: 5 }),
				end: fc.constantFrom("running", "completed", "failed"),
				isDeleted: fc.boolean(),
			}),
			{ minLength: 1, maxLength: 6 },
		),
		isTraceDeleted: fc.boolean(),
	})
	.map(({ spans, isTraceDeleted }) => {
		const events: object[] = [{ type: "trace_created", trace: { id: "t", name: "run", tags: [], started_at: at(0) } }];
		spans.forEach(({ parent, end, isDeleted }, index) => {
			const parentId = parent < index ? `s${parent}` : null;
			events.push({ type: "span_created", span: span("t", `s${index}`, { parent_id: parentId }) });
			if (end === "completed") {
				const done = { parent_id: parentId, status: "completed", ended_at: at(9) };
				events.push({ type: "span_completed", span: span("t", `s${index}`, done) });
			}
			if (end === "failed") {
				const failed = { parent_id: parentId, status: { failed: { error: "no" } }, ended_at: at(8) };
				events.push({ type: "span_failed", span: span("t", `s${index}`, failed) });
			}
			if (isDeleted) events.push({ type: "span_deleted", span_id: `s${index}` });
		});
		if (isTraceDeleted) events.push({ type: "trace_deleted", trace_id: "t" });
		return events.map(decode);
	});

describe("EventApplier", () => {
	it("makes the same store of the same events in any order and any number", () => {
		const shuffled = story.chain((events) => {
			const numbered = events.map((event, index) => ({ event, position: index + 1 }));
			return fc.record({
				told: fc.constant(numbered),
				heard: fc
					.tuple(fc.subarray(numbered), fc.shuffledSubarray(numbered, { minLength: numbered.length }))
					.chain(([again, all]) => fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length })),
			});
		});
		fc.assert(
			fc.property(shuffled, ({ told, heard }) => {
				const [wanted, got] = [make(), make()];
				for (const { event, position } of told) wanted.applier.apply(event, position, false);
				for (const { event, position } of heard) got.applier.apply(event, position, false);
				expect(modelOfStore(got.store)).toEqual(modelOfStore(wanted.store));
			}),
			{ numRuns: 300 },
		);
	});

	it("announces what is new, and history not", () => {
		const { store, applier } = make();
		const fresh: string[] = [];
		store.onDidChange((changes) => fresh.push(...changes.newLiveTraceIds));
		applier.apply(decode({ type: "trace_created", trace: { id: "old" } }), 1, true);
		applier.apply(decode({ type: "trace_created", trace: { id: "new" } }), 2, false);
		store.flush();
		expect(fresh).toEqual(["new"]);
		store.dispose();
	});

	it("asks for a span of which nobody said the trace, and for the end of one that has ended", () => {
		const { store, applier, partial } = make();
		applier.apply(decode({ type: "span_completed", span: { id: "lost", status: "completed" } }), 1, false);
		applier.apply(decode({ type: "span_created", span: span("t", "known") }), 2, false);
		applier.apply(decode({ type: "span_completed", span: { id: "known", status: "completed" } }), 3, false);
		expect(partial).toEqual(["lost", "known"]);
		applier.apply(decode({ type: "span_completed", span: { id: "known", ended_at: at(5) } }), 4, false);
		expect(partial).toHaveLength(2);
		store.dispose();
	});

	it("keeps a trace aside until one of its spans passes the filter", () => {
		const { store, applier } = make({ kind: "search" });
		applier.apply(decode({ type: "trace_created", trace: { id: "t", name: "run" } }), 1, false);
		applier.apply(decode({ type: "span_created", span: span("t", "a") }), 2, false);
		expect(store.traceCount).toBe(0);
		const kind = { type: "custom", kind: "search" };
		applier.apply(decode({ type: "span_created", span: span("t", "b", { kind }) }), 3, false);
		expect(store.entry("t")?.name).toBe("run");
		expect(store.spanCount).toBe(1);
		applier.apply(
			decode({ type: "span_completed", span: { id: "b", status: "completed", ended_at: at(7) } }),
			4,
			false,
		);
		expect(store.span("t", "b")?.state).toBe("completed");
		applier.apply(decode({ type: "span_completed", span: { id: "a", status: "completed" } }), 5, false);
		expect(store.spanCount).toBe(1);
		store.dispose();
	});
});
