import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEvent, decodePage, decodeSpan, decodeTrace } from "../../../src/sources/traceway/decode.ts";
import { cut, MAX_ERROR_LENGTH, MAX_ID_LENGTH, MAX_NAME_LENGTH, MAX_TAGS } from "../../../src/sources/wire.ts";

const whole = {
	id: "s1",
	trace_id: "t1",
	parent_id: null,
	name: "draft reply",
	kind: {
		type: "llm_call",
		model: "gpt-4o-mini",
		provider: "openai",
		input_tokens: 210,
		output_tokens: 48,
		cost: 0.0000603,
	},
	status: "completed",
	started_at: "2026-03-06T09:00:00.125Z",
	ended_at: "2026-03-06T09:00:01.480Z",
};

describe("decodeSpan", () => {
	it("reads the span of the reference", () => {
		expect(decodeSpan(whole)).toEqual({
			spanId: "s1",
			traceId: "t1",
			parentSpanId: null,
			name: "draft reply",
			kindType: "llm_call",
			kindName: "llm_call",
			hasWholeKind: true,
			model: "gpt-4o-mini",
			provider: "openai",
			inputTokens: 210,
			outputTokens: 48,
			costUsd: 0.0000603,
			isRollup: false,
			state: "completed",
			error: undefined,
			start: { ms: Date.parse("2026-03-06T09:00:00.125Z"), subNs: 0 },
			end: { ms: Date.parse("2026-03-06T09:00:01.480Z"), subNs: 0 },
			serviceName: undefined,
		});
	});

	it("reads the parts of tokens, what they sum up, and the session", () => {
		const tokens = { cache_read_tokens: 100, cache_write_tokens: 0, reasoning_tokens: 7 };
		const kind = { ...whole.kind, ...tokens, usage_scope: "subtree" };
		expect(decodeSpan({ ...whole, kind, session_id: "S" })).toMatchObject({
			cacheReadTokens: 100,
			cacheWriteTokens: 0,
			reasoningTokens: 7,
			isRollup: true,
			sessionId: "S",
		});
		expect(decodeSpan({ ...whole, kind: { ...kind, usage_scope: "self" }, session_id: 7 })).toMatchObject({
			isRollup: false,
			sessionId: undefined,
		});
	});

	it("reads nanoseconds", () => {
		expect(decodeSpan({ ...whole, started_at: "2026-03-06T09:00:00.125000789Z" })?.start?.subNs).toBe(789);
	});

	it("takes missing fields of a whole span as null", () => {
		const { parent_id: _parent, ended_at: _end, ...omitted } = whole;
		expect(decodeSpan({ ...omitted, status: "running" })).toMatchObject({ parentSpanId: null, end: undefined });
	});

	it("leaves what a partial span does not say unknown", () => {
		expect(decodeSpan({ id: "s1", status: "completed" })).toEqual({ spanId: "s1", state: "completed" });
	});

	it.each([
		[{ failed: { error: "boom" } }, "failed", "boom"],
		[{ failed: "boom" }, "failed", "boom"],
		[{ failed: {} }, "failed", undefined],
		["failed", "failed", undefined],
		["Failed", "failed", undefined],
		["completed", "completed", undefined],
		[{ completed: {} }, "completed", undefined],
		["running", "running", undefined],
	])("reads status %j", (status, state, error) => {
		expect(decodeSpan({ ...whole, status })).toMatchObject({ state, error });
	});

	it("reads the error beside a bare failed", () => {
		expect(decodeSpan({ ...whole, status: "failed", error: "boom" })?.error).toBe("boom");
	});

	it("knows no state from a status of another kind, but from the end or from the event", () => {
		expect(decodeSpan({ ...whole, status: 7, ended_at: null })?.state).toBeUndefined();
		expect(decodeSpan({ ...whole, status: undefined })?.state).toBe("completed");
		expect(decodeSpan({ id: "s1" }, "failed")?.state).toBe("failed");
		expect(decodeSpan({ ...whole, status: "running" }, "completed")?.state).toBe("running");
	});

	it("shows the inner word of a custom kind, and any unknown kind by its type", () => {
		const kindOf = (kind: unknown) => {
			const span = decodeSpan({ ...whole, kind });
			return [span?.kindType, span?.kindName];
		};
		expect(kindOf({ type: "custom", kind: "retrieval", attributes: {} })).toEqual(["custom", "retrieval"]);
		expect(kindOf({ type: "custom" })).toEqual(["custom", "custom"]);
		expect(kindOf({ type: "hologram" })).toEqual(["hologram", "hologram"]);
		expect(kindOf("tool_call")).toEqual(["tool_call", "tool_call"]);
		expect(kindOf(undefined)).toEqual([undefined, undefined]);
	});

	it("finds the service name among the attributes", () => {
		const service = (attributes: unknown) =>
			decodeSpan({ ...whole, kind: { type: "custom", kind: "server", attributes } })?.serviceName;
		expect(service({ "resource.service.name": "shop", "service.name": "other" })).toBe("shop");
		expect(service({ "service.name": "other" })).toBe("other");
		expect(service(["service.name"])).toBeUndefined();
	});

	it("uses the documents' metadata only where the kind is silent", () => {
		const metadata = { model: "m2", input_tokens: 1, output_tokens: 2, total_cost: 9, duration_ms: 1500.25 };
		expect(decodeSpan({ ...whole, metadata })).toMatchObject({
			model: "gpt-4o-mini",
			inputTokens: 210,
			costUsd: 0.0000603,
		});
		const silent = { ...whole, kind: { type: "llm_call" }, ended_at: null, metadata };
		expect(decodeSpan(silent)).toMatchObject({
			model: "m2",
			inputTokens: 1,
			outputTokens: 2,
			costUsd: 9,
			end: { ms: Date.parse("2026-03-06T09:00:01.625Z"), subNs: 250_000 },
		});
		expect(decodeSpan({ ...silent, status: "running" })?.end).toBeUndefined();
	});

	it("completes one token count from the total, and never guesses both", () => {
		const tokens = (metadata: object) => {
			const span = decodeSpan({ ...whole, kind: { type: "llm_call" }, metadata });
			return [span?.inputTokens, span?.outputTokens];
		};
		expect(tokens({ total_tokens: 10, input_tokens: 4 })).toEqual([4, 6]);
		expect(tokens({ total_tokens: 10, output_tokens: 4 })).toEqual([6, 4]);
		expect(tokens({ total_tokens: 10 })).toEqual([undefined, undefined]);
		expect(tokens({ total_tokens: 10, input_tokens: 40 })).toEqual([40, undefined]);
		// The total of the one count that the kind names says nothing about the other.
		const embedding = { ...whole, kind: { type: "llm_call", input_tokens: 10 }, metadata: { total_tokens: 10 } };
		expect(decodeSpan(embedding)).toMatchObject({ inputTokens: 10, outputTokens: undefined });
	});

	it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "many", "-3", true, null, {}, [5]])(
		"takes %j for no number",
		(value) => {
			const kind = { ...whole.kind, input_tokens: value, cost: value };
			expect(decodeSpan({ ...whole, kind })).toMatchObject({ inputTokens: undefined, costUsd: undefined });
		},
	);

	it.each([-0.01, 1_000_001, "1e9"])("takes the cost %s as unknown", (cost) => {
		expect(decodeSpan({ ...whole, kind: { ...whole.kind, cost } })).toMatchObject({ costUsd: undefined });
	});

	it("reads when the first token came, of the kind or of the attributes of a model call", () => {
		const kind = { type: "llm_call", model: "m" };
		expect(decodeSpan({ ...whole, kind: { ...kind, first_token_ms: 320.5 } })).toMatchObject({ firstTokenNs: 320.5e6 });
		const attributes = { "gen_ai.response.time_to_first_chunk": 0.25 };
		expect(decodeSpan({ ...whole, kind, attributes })).toMatchObject({ firstTokenNs: 250e6 });
		expect(decodeSpan({ ...whole, kind: { type: "custom", kind: "tool_call" }, attributes })).toMatchObject({
			firstTokenNs: undefined,
		});
		expect(decodeSpan({ ...whole, kind: { ...kind, first_token_ms: -1 } })).toMatchObject({ firstTokenNs: undefined });
	});

	it("reads numbers that are written as text", () => {
		expect(decodeSpan({ ...whole, kind: { ...whole.kind, input_tokens: "12", cost: "0.5" } })).toMatchObject({
			inputTokens: 12,
			costUsd: 0.5,
		});
	});

	it("refuses ids that are no text, empty or too long", () => {
		for (const id of [undefined, null, 7, "", "x".repeat(MAX_ID_LENGTH + 1), {}]) {
			expect(decodeSpan({ ...whole, id })).toBeUndefined();
		}
		expect(decodeSpan({ ...whole, id: "x".repeat(MAX_ID_LENGTH) })).toBeDefined();
		expect(decodeSpan({ ...whole, trace_id: "x".repeat(MAX_ID_LENGTH + 1) })).toBeUndefined();
	});

	it("cuts long texts and says so with an ellipsis", () => {
		const long = "n".repeat(5_000_000);
		const span = decodeSpan({ ...whole, name: long, status: { failed: { error: long } } });
		expect(span?.name).toBe(`${"n".repeat(MAX_NAME_LENGTH - 1)}…`);
		expect(span?.error).toBe(`${"n".repeat(MAX_ERROR_LENGTH - 1)}…`);
	});

	it("ignores times that are none", () => {
		for (const started_at of ["yesterday", "", 0, null, {}, "2026-13-01T00:00:00Z"]) {
			expect(decodeSpan({ ...whole, started_at })?.start).toBeUndefined();
		}
	});
});

describe("cut", () => {
	it("keeps a text that fits, and never splits a pair of surrogates", () => {
		expect(cut("abc", 3)).toBe("abc");
		expect(cut("abcd", 3)).toBe("ab…");
		expect(cut("a😀bc", 3)).toBe("a…");
		expect(cut("\ud800\udc00\ud800xyz", 4)).toBe("\ud800\udc00…");
	});

	it("never makes a text longer than its bound", () => {
		fc.assert(
			fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 2, max: 20 }), (text, length) => {
				expect(cut(text, length).length).toBeLessThanOrEqual(length);
			}),
		);
	});
});

describe("decodeTrace", () => {
	it("reads a record and bounds its tags", () => {
		const tags = [...Array.from({ length: 100 }, (_, index) => `t${index}`), 7];
		const trace = decodeTrace({ id: "t1", name: null, tags, started_at: "2026-03-06T09:00:00Z", org_id: "o" });
		expect(trace).toMatchObject({ traceId: "t1", name: undefined });
		expect(trace?.tags).toHaveLength(MAX_TAGS);
		expect(decodeTrace({ id: "t1", tags: ["a", 1, "b"] })?.tags).toEqual(["a", "b"]);
		expect(decodeTrace({ name: "no id" })).toBeUndefined();
	});
});

describe("decodeEvent", () => {
	const decode = (event: object) => decodeEvent(JSON.stringify(event));

	it("reads every event about traces", () => {
		expect(decode({ type: "span_created", span: { ...whole, status: "running", ended_at: null } })).toMatchObject({
			type: "span",
			span: { spanId: "s1", state: "running" },
		});
		expect(decode({ type: "span_completed", span: { id: "s1" } })).toMatchObject({ span: { state: "completed" } });
		expect(decode({ type: "span_failed", span: { id: "s1" } })).toMatchObject({ span: { state: "failed" } });
		expect(decode({ type: "span_deleted", span_id: "s1" })).toEqual({ type: "spanDeleted", spanId: "s1" });
		expect(decode({ type: "trace_created", trace: { id: "t1" } })).toMatchObject({
			type: "trace",
			trace: { traceId: "t1" },
		});
		expect(decode({ type: "trace_completed", trace: { id: "t1" } })).toMatchObject({ type: "trace" });
		expect(decode({ type: "trace_deleted", trace_id: "t1" })).toEqual({ type: "traceDeleted", traceId: "t1" });
		expect(decode({ type: "cleared" })).toEqual({ type: "cleared" });
		expect(decode({ type: "reset", reason: "pruned", latest: 9 })).toEqual({ type: "reset", latest: 9 });
	});

	it.each(["eval_run_completed", "eval_progress", "capture_rule_fired", "capture_triggered", "dataset_deleted"])(
		"knows %s as no matter of traces",
		(type) => {
			expect(decode({ type, run: {} })).toEqual({ type: "other" });
		},
	);

	it("names unknown types and refuses what it cannot use", () => {
		expect(decode({ type: "constructor" })).toEqual({ type: "unknown", name: "constructor" });
		for (const data of ["", "{", "null", "[]", "7", '"cleared"', "{}", '{"type":3}', '{"type":"span_created"}']) {
			expect(decodeEvent(data)).toBeUndefined();
		}
		expect(decode({ type: "span_created", span: { trace_id: "t1" } })).toBeUndefined();
		expect(decode({ type: "trace_deleted" })).toBeUndefined();
	});

	it("throws for no JSON whatever", () => {
		const types = [
			"span_created",
			"span_failed",
			"span_deleted",
			"trace_created",
			"trace_deleted",
			"cleared",
			"reset",
			"x",
		];
		const event = fc.record(
			{ type: fc.oneof(fc.constantFrom(...types), fc.jsonValue()), span: fc.jsonValue(), trace: fc.jsonValue() },
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(
				fc.oneof(
					fc.json(),
					fc.string(),
					event.map((value) => JSON.stringify(value)),
				),
				(data) => void decodeEvent(data),
			),
		);
	});

	it("throws for no span whose fields are of the wrong kind, and keeps every bound", () => {
		const any = fc.jsonValue({ maxDepth: 2 });
		const span = fc.record(
			{
				id: fc.oneof(fc.string(), any),
				trace_id: fc.oneof(fc.string(), any),
				parent_id: any,
				name: fc.oneof(fc.string({ minLength: 500, maxLength: 600 }), any),
				kind: fc.oneof(
					fc.record({ type: any, kind: any, model: any, cost: any, attributes: any, input_tokens: any }),
					any,
				),
				status: fc.oneof(fc.record({ failed: any }), any),
				started_at: any,
				ended_at: any,
				metadata: fc.oneof(fc.record({ duration_ms: any, total_tokens: any, input_tokens: any }), any),
			},
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(span, (value) => {
				const decoded = decodeSpan(value);
				if (decoded === undefined) return;
				expect(decoded.spanId.length).toBeLessThanOrEqual(MAX_ID_LENGTH);
				expect(decoded.name?.length ?? 0).toBeLessThanOrEqual(MAX_NAME_LENGTH);
				for (const number of [decoded.inputTokens, decoded.outputTokens, decoded.costUsd]) {
					expect(number === undefined || (Number.isFinite(number) && number >= 0)).toBe(true);
				}
			}),
		);
	});
});

describe("decodePage", () => {
	it("reads both list shapes, both cursor names and a bare list", () => {
		expect(decodePage({ items: [1], next_cursor: "a", has_more: true }, "spans")).toMatchObject({
			items: [1],
			nextCursor: "a",
		});
		expect(decodePage({ spans: [1], count: 1, cursor: 50 }, "spans")).toMatchObject({ items: [1], nextCursor: "50" });
		expect(decodePage({ traces: [1], count: 1 }, "traces")).toEqual({ items: [1], nextCursor: undefined, total: 1 });
		expect(decodePage([1, 2], "traces")).toEqual({ items: [1, 2], nextCursor: undefined, total: 0 });
	});

	it("tells how many items there must be before a list counts as complete", () => {
		const total = (page: object) => decodePage({ items: [1], ...page }, "spans")?.total;
		expect(total({ total: 7, has_more: false })).toBe(7);
		expect(total({ count: 3 })).toBe(3);
		expect(total({ has_more: true })).toBe(Number.POSITIVE_INFINITY);
		expect(total({ total: -1 })).toBe(0);
	});

	it("ends where the server says so, or where a page is empty", () => {
		expect(decodePage({ items: [1], next_cursor: "a", has_more: false }, "spans")?.nextCursor).toBeUndefined();
		expect(decodePage({ items: [], next_cursor: "a", has_more: true }, "spans")?.nextCursor).toBeUndefined();
		expect(decodePage({ items: [1], next_cursor: null }, "spans")?.nextCursor).toBeUndefined();
	});

	it("knows what is no list", () => {
		for (const value of [null, "x", {}, { items: {} }, { traces: [] }])
			expect(decodePage(value, "spans")).toBeUndefined();
	});
});
