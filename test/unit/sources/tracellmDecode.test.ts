import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TraceStore } from "../../../src/model/traceStore.ts";
import {
	decodeEvent,
	decodeList,
	decodeRoot,
	decodeTrace,
	MAX_STEPS,
	spanIn,
} from "../../../src/sources/tracellm/decode.ts";
import { TraceApplier } from "../../../src/sources/tracellm/traceApplier.ts";
import { normalise } from "../../peers/tracellmDocument.ts";

/** As REST sends it, with defaults. */
function document(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
	return { ...normalise({ trace_id: "tr-1", created_at: "2026-03-06T09:00:00Z", ...fields }) };
}

function rootOf(fields: Readonly<Record<string, unknown>>) {
	return decodeTrace(document(fields))?.spans[0];
}

function stepOf(step: Readonly<Record<string, unknown>>) {
	return decodeTrace({ ...document(), steps: [step] })?.spans[1];
}

describe("a document", () => {
	it("becomes a root with prompt, model, tokens and latency, and its steps as children", () => {
		const decoded = decodeTrace(
			document({
				prompt: "\n  Summarise the minutes\nof yesterday",
				latency: 912.4,
				token_count: 148,
				model: "gpt-4.1-mini",
				project_name: "shop",
				steps: [{ tool_name: "search", duration: 120.5, timestamp: "2026-03-06T09:00:00.200Z" }],
			}),
		);
		expect(decoded?.trace).toMatchObject({ traceId: "tr-1", name: "Summarise the minutes", tags: ["env:development"] });
		expect(decoded?.spans).toMatchObject([
			{
				spanId: "tr-1",
				parentSpanId: null,
				kindType: "llm_call",
				model: "gpt-4.1-mini",
				inputTokens: 148,
				state: "completed",
				serviceName: "shop",
				start: { ms: Date.UTC(2026, 2, 6, 9), subNs: 0 },
				end: { ms: Date.UTC(2026, 2, 6, 9, 0, 0, 912), subNs: 400_000 },
			},
			{
				spanId: "step_1",
				parentSpanId: "tr-1",
				name: "search",
				kindName: "tool",
				toolName: "search",
				state: "completed",
				start: { ms: Date.UTC(2026, 2, 6, 9, 0, 0, 200), subNs: 0 },
				end: { ms: Date.UTC(2026, 2, 6, 9, 0, 0, 320), subNs: 500_000 },
			},
		]);
	});

	it("leaves unknown what nobody measured, counted or named: the wire's 0 and `unknown`", () => {
		expect(rootOf({})).toMatchObject({ end: undefined, inputTokens: undefined, model: undefined, name: "llm_call" });
		expect(stepOf({ tool_name: "x", timestamp: "2026-03-06T09:00:00Z", duration: 0 })).toMatchObject({
			end: undefined,
		});
		expect(decodeTrace({ trace_id: "a" })?.spans[0]).toMatchObject({ start: undefined, end: undefined });
		expect(decodeTrace(document({ prompt: " \n " }))?.trace.name).toBeUndefined();
	});

	it("takes times without a zone for UTC, and MongoDB's dates", () => {
		const start = { ms: Date.UTC(2026, 2, 6, 9), subNs: 0 };
		for (const created_at of ["2026-03-06T09:00:00", "2026-03-06 09:00:00+00:00", new Date(start.ms)]) {
			expect(decodeTrace({ trace_id: "a", created_at })?.spans[0].start).toEqual(start);
		}
		expect(decodeTrace({ trace_id: "a", created_at: new Date(Number.NaN) })?.spans[0].start).toBeUndefined();
	});

	it("has failed when it says failed or warning, each with its reason", () => {
		expect(rootOf({ status: "success", failure_reason: "x" })).toMatchObject({ state: "completed", error: undefined });
		expect(rootOf({ status: "failed" })).toMatchObject({ state: "failed", error: "failed" });
		expect(rootOf({ status: "failed", failure_reason: "no quota" })).toMatchObject({ error: "no quota" });
		expect(rootOf({ retry_count: 2 })).toMatchObject({ state: "failed", error: "warning: 2 retries" });
		expect(rootOf({ failure_reason: "slow disk" })).toMatchObject({ error: "warning: slow disk" });
	});

	it("tells what it says beside its call as tags", () => {
		const tags = (fields: Readonly<Record<string, unknown>>) => decodeTrace(document(fields))?.trace.tags;
		expect(tags({ latency: 1500 })).toEqual(["env:development", "slow"]);
		expect(tags({ latency: 1499.9 })).toEqual(["env:development"]);
		expect(tags({ latency: 1500, slow_request: false, environment: "production" })).toEqual(["env:production"]);
		expect(tags({ steps: ["a", "b", "a", "a"].map((tool_name) => ({ tool_name })) })).toEqual([
			"env:development",
			"retries:2",
		]);
		expect(decodeTrace({ ...document(), slow_request: 1 })?.trace.tags).toContain("slow");
	});

	it("has steps that failed with their own reason, whatever the trace says of itself", () => {
		const step = (output: unknown) => stepOf({ tool_name: "search", success: false, output });
		expect(step({ error: "no index" })).toMatchObject({ state: "failed", error: "no index" });
		expect(step({ message: "later" })).toMatchObject({ error: "later" });
		expect(step({})).toMatchObject({ error: "search" });
		expect(stepOf({ success: 0 })).toMatchObject({ state: "failed", error: "failed" });
	});

	it("keeps every step, also those with the id of another one or of the trace", () => {
		const steps = ["a", "a", "tr-1", "a#2", "a", ""].map((step_id) => ({ step_id }));
		const ids = decodeTrace({ ...document(), steps })?.spans.map((span) => span.spanId) ?? [];
		expect(new Set(ids).size).toBe(7);
		expect(ids[1]).toBe("a");
		expect(ids[6]).toBe("step_6");
	});

	it("reads steps from SQLite's text, and does without those that it cannot read", () => {
		const steps = JSON.stringify([{ tool_name: "x" }]);
		expect(decodeTrace({ ...document(), steps })?.spans).toHaveLength(2);
		expect(decodeTrace({ ...document(), steps: "[" })?.spans).toHaveLength(1);
	});

	it("has a bound on its steps, and says where it cut", () => {
		const decoded = decodeTrace({ ...document(), steps: Array.from({ length: MAX_STEPS + 5 }, () => ({})) });
		expect(decoded?.spans).toHaveLength(MAX_STEPS + 1);
		expect(decoded?.trace.tags).toContain(`first ${MAX_STEPS} steps`);
	});
});

describe("the details of a span", () => {
	it("are the document's own words, prompt and response as input and output, without the project's key", () => {
		const whole = document({
			prompt: "Hi",
			response: "Ho",
			api_key: "tlm_sk_topsecret",
			steps: [{ input: { a: 1 }, output: "x" }],
		});
		const root = spanIn(whole, "tr-1");
		expect(root).toMatchObject({
			input: "Hi",
			output: "Ho",
			attributes: { environment: "development", api_key: "•••" },
		});
		expect(root?.raw).toMatchObject({ trace_id: "tr-1", steps: [{ step_id: "step_1" }] });
		expect(JSON.stringify(root)).not.toContain("topsecret");
		expect(spanIn(whole, "step_1")).toMatchObject({ input: { a: 1 }, output: { value: "x" } });
		expect(spanIn(whole, "step_2")).toBeUndefined();
	});
});

describe("a frame", () => {
	it("is told by its type, with whatever other keys", () => {
		expect(decodeEvent('{"type":"system.connected","x":1}')).toEqual({ type: "connected" });
		expect(decodeEvent('{"type":"system.pong","timestamp":42}')).toEqual({ type: "pong" });
		expect(decodeEvent('{"type":"trace.created","trace":{"trace_id":"a"}}')).toMatchObject({ type: "trace" });
		expect(decodeEvent('{"type":"else"}')).toEqual({ type: "unknown", name: "else" });
	});

	it.each(["", "x", "1", "null", "[]", "{}", '{"type":1}', '{"type":"trace.created"}'])("is none: %s", (text) => {
		expect(decodeEvent(text)).toBeUndefined();
	});
});

describe("an answer", () => {
	it("is a list with the number of all matches, which is never less than what it lists", () => {
		expect(decodeList({ total: 7, items: [1] })).toEqual({ total: 7, items: [1] });
		expect(decodeList({ items: [1, 2] })).toEqual({ total: 2, items: [1, 2] });
		for (const value of [null, [], {}, { items: {} }]) expect(decodeList(value)).toBeUndefined();
	});

	it("is TraceLLM's root only with its storage", () => {
		expect(decodeRoot({ mongodb_connected: false, storage_type: "sqlite" })).toEqual({ storage: "sqlite" });
		for (const value of [null, {}, { storage_type: "sqlite" }, { mongodb_connected: true }]) {
			expect(decodeRoot(value)).toBeUndefined();
		}
	});
});

describe("whatever comes", () => {
	const keys = [
		"trace_id",
		"prompt",
		"latency",
		"status",
		"steps",
		"created_at",
		"step_id",
		"duration",
		"success",
		"output",
	];
	const value = fc.letrec((tie) => ({
		any: fc.oneof(
			{ depthSize: "small" },
			fc.jsonValue(),
			fc.double(),
			fc.date(),
			fc.string({ maxLength: 600 }),
			fc.array(tie("any"), { maxLength: 5 }),
			fc.dictionary(fc.constantFrom(...keys), tie("any")),
		),
	})).any;

	it("is decoded without a throw, into spans with ids that are there once, inside their bounds", () => {
		fc.assert(
			fc.property(value, fc.string({ minLength: 1, maxLength: 256 }), (any, traceId) => {
				decodeEvent(JSON.stringify(any) ?? "");
				decodeList(any);
				decodeRoot(any);
				const fields = typeof any === "object" && any !== null ? any : { steps: any };
				const decoded = decodeTrace({ ...fields, trace_id: traceId });
				const ids = decoded?.spans.map((span) => span.spanId) ?? [];
				expect(ids[0]).toBe(traceId);
				expect(new Set(ids).size).toBe(ids.length);
				for (const span of decoded?.spans ?? []) {
					expect(span.name?.length ?? 0).toBeLessThanOrEqual(256);
					expect(span.error?.length ?? 0).toBeLessThanOrEqual(4000);
					expect(span.inputTokens === undefined || span.inputTokens > 0).toBe(true);
					if (decoded !== undefined) expect(spanIn({ ...fields, trace_id: traceId }, span.spanId)).toBeDefined();
				}
			}),
			{ numRuns: 300 },
		);
	});

	it("leads to the same store in whatever order and however often versions of a trace come", () => {
		const versions = [0, 1, 2].map(
			(second) =>
				decodeTrace({
					trace_id: "a",
					prompt: `version ${second}`,
					created_at: "2026-03-06T09:00:00Z",
					updated_at: `2026-03-06T09:00:0${second}Z`,
					status: second === 0 ? "failed" : "success",
					failure_reason: second === 0 ? "no" : null,
					steps: Array.from({ length: 3 - second }, () => ({ tool_name: "x" })),
				})!,
		);
		fc.assert(
			fc.property(
				fc.array(fc.constantFrom(0, 1), { maxLength: 6 }),
				fc.array(fc.constantFrom(0, 1, 2), { maxLength: 6 }),
				(before, after) => {
					const store = new TraceStore();
					const applier = new TraceApplier(store, undefined);
					for (const index of [...before, 2, ...after]) applier.apply(versions[index], false);
					expect(store.summary("a")).toMatchObject({
						name: "version 2",
						spanCount: 2,
						state: "completed",
						error: undefined,
					});
					expect(store.span("a", "a")?.error).toBeUndefined();
					store.dispose();
				},
			),
		);
	});
});
