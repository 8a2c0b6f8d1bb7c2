import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { finish } from "../../../src/base/sliced.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import {
	decodeNanoseconds,
	decodeSessionSpans,
	decodeSessions,
	parseExact,
	parseSpans,
	sentAndReceived,
} from "../../../src/sources/traceExplorer/decode.ts";
import { exactJson } from "../../peers/traceExplorerPeer.ts";

const START = 1_772_787_600_000_000_123n;

function wireSpan(fields: Record<string, unknown> = {}): Record<string, unknown> {
	return {
		trace_id: "b7f0",
		span_id: "11aa22bb33cc44dd",
		parent_span_id: null,
		span_name: "opencode.step",
		start_ns: String(START),
		duration_ms: 2.000001,
		depth: 0,
		attributes: { "session.id": "ses_a" },
		...fields,
	};
}

const decode = (...spans: unknown[]) => {
	const decoded = finish(decodeSessionSpans("ses_a", spans));
	if (decoded === undefined) throw new Error("no list");
	return decoded;
};
const one = (attributes: Record<string, unknown>, fields: Record<string, unknown> = {}) =>
	decode(wireSpan({ attributes, ...fields })).spans[0];

describe("integers beyond 2^53", () => {
	it("keep every digit, whatever stands around them", () => {
		fc.assert(
			fc.property(fc.bigInt({ min: 10n ** 15n, max: 10n ** 21n - 1n }), fc.string(), (ns, text) => {
				const value = parseExact(exactJson([{ start_ns: ns, end_ns: ns, [`x${text}`]: `"start_ns": ${ns}, ${text}` }]));
				expect(value).toEqual([
					{ start_ns: String(ns), end_ns: String(ns), [`x${text}`]: `"start_ns": ${ns}, ${text}` },
				]);
			}),
		);
	});

	it("never change what JSON says otherwise", () => {
		fc.assert(
			fc.property(fc.json({ maxDepth: 4 }), (text) => {
				expect(parseExact(text)).toEqual(JSON.parse(text));
			}),
		);
		const nested = JSON.stringify({
			text: JSON.stringify({ start_ns: 1, deep: JSON.stringify({ start_ns: 12345678901234567n.toString() }) }),
		});
		expect(parseExact(nested)).toEqual(JSON.parse(nested));
		const escaped = '{"a":"\\\\\\"start_ns\\": 1772787600000000123 , \\\\","start_ns" : 1772787600000000123 }';
		expect(parseExact(escaped)).toEqual({ ...JSON.parse(escaped), start_ns: "1772787600000000123" });
	});

	it("become times to the nanosecond, and nothing else does", () => {
		expect(decodeNanoseconds(String(START))).toEqual({ ms: 1_772_787_600_000, subNs: 123 });
		expect(decodeNanoseconds(1_500_000)).toEqual({ ms: 1, subNs: 500_000 });
		expect(decodeNanoseconds("7")).toEqual({ ms: 0, subNs: 7 });
		for (const value of [
			null,
			undefined,
			"",
			"-1",
			"1.5",
			"1e18",
			-1,
			1.5,
			2 ** 60,
			Number.NaN,
			"9".repeat(30),
			{},
			[],
		]) {
			expect(decodeNanoseconds(value)).toBeUndefined();
		}
	});

	it("end a span exactly, for durations of up to weeks", () => {
		fc.assert(
			fc.property(fc.bigInt({ min: 0n, max: 2n ** 50n }), (durationNs) => {
				const { end } = decode(wireSpan({ duration_ms: Number(durationNs) / 1e6 })).spans[0];
				expect(BigInt(end?.ms ?? 0) * 1_000_000n + BigInt(end?.subNs ?? 0)).toBe(START + durationNs);
			}),
		);
	});
});

describe("a long list of spans", () => {
	const inPieces = (text: string, units: number) => finish(parseSpans(text, units));

	it("is the same in pieces as in one go, however it is cut and whatever its texts hold", () => {
		const span = fc.record({
			trace_id: fc.string(),
			start_ns: fc.bigInt({ min: 10n ** 17n, max: 10n ** 18n }),
			text: fc.oneof(fc.string(), fc.constant(', {"trace_id": 1'), fc.constant('"}, {\\"trace_id\\":')),
			attributes: fc.oneof(fc.anything(), fc.array(fc.record({ trace_id: fc.string() }))),
		});
		fc.assert(
			fc.property(fc.array(span), fc.integer({ min: 1, max: 200 }), fc.constantFrom(0, 1), (spans, units, indent) => {
				const text = indent === 0 ? exactJson(spans) : exactJson(spans).replaceAll(',{"trace_id":', ', {"trace_id": ');
				expect(inPieces(text, units)).toEqual(parseExact(text));
			}),
		);
	});

	it("that is none is refused, or is what JSON says it is", () => {
		for (const text of [
			'[{"trace_id":1},{"trace_id":2}',
			'[{"trace_id":1},{"trace_id":2}]]',
			'[{"trace_id":1},,{"trace_id":2}]',
			"x[1]",
			"",
		]) {
			expect(() => inPieces(text, 3)).toThrow(SyntaxError);
		}
		expect(inPieces('{"a":[{"trace_id":1},{"trace_id":2}]}', 3)).toEqual({ a: [{ trace_id: 1 }, { trace_id: 2 }] });
		fc.assert(
			fc.property(fc.json(), fc.integer({ min: 1, max: 9 }), (text, units) => {
				expect(inPieces(text, units)).toEqual(JSON.parse(text));
			}),
		);
	});
});

describe("a span", () => {
	it("with the name of a model is a model call, also when it names a tool, and alone has tokens and cost", () => {
		const usage = {
			"llm.token_count.prompt": 700,
			"llm.token_count.completion": "250",
			"llm.token_count.total": 950,
			"llm.token_count.prompt_details.cache_read": 100,
			"llm.token_count.completion_details.reasoning": 50,
			cost_usd: 0.0021,
		};
		expect(
			one({
				...usage,
				"llm.model_name": "gpt-4o-mini",
				"llm.provider": "openai",
				"tool.name": "bash",
				"agent.name": "build",
			}),
		).toMatchObject({
			kindType: "llm_call",
			model: "gpt-4o-mini",
			provider: "openai",
			inputTokens: 700,
			outputTokens: 250,
			cacheReadTokens: 100,
			reasoningTokens: 50,
			costUsd: 0.0021,
			toolName: undefined,
			agentName: "build",
			state: "completed",
		});
		for (const others of [{ "tool.name": "bash" }, { "session.total_cost_usd": 3 }]) {
			const span = one({ ...usage, ...others });
			expect([span.costUsd, span.inputTokens, span.outputTokens]).toEqual([undefined, undefined, undefined]);
		}
	});

	it("counts what was sent as a whole, by its total", () => {
		const of = (prompt?: number, completion?: number, total?: number, cached = 0) =>
			Object.values(sentAndReceived({ prompt, completion, total, cached }));
		expect(of(700, 250, 950, 100)).toEqual([700, 250]);
		expect(of(700, 250, 1050, 100)).toEqual([800, 250]);
		expect(of(10, 5, undefined, 900)).toEqual([910, 5]);
		expect(of(undefined, undefined, 950)).toEqual([950, undefined]);
		expect(of(undefined, 250, 950)).toEqual([700, 250]);
		expect(of(700, undefined, 950)).toEqual([700, 250]);
		expect(of(700, undefined, 100)).toEqual([700, undefined]);
		expect(of()).toEqual([undefined, undefined]);
	});

	it("of a tool has failed only where it says so", () => {
		const states = [true, "true", false, "false", undefined, "maybe"].map((success) =>
			one({ "tool.name": "bash", "tool.success": success, "output.value": "exit code 1" }),
		);
		expect(states.map(({ state }) => state)).toEqual([
			"completed",
			"completed",
			"failed",
			"failed",
			"completed",
			"completed",
		]);
		expect(states[2]).toMatchObject({ kindName: "tool_call", toolName: "bash", error: "exit code 1" });
		expect(one({ "tool.name": "bash", "tool.success": false }).error).toBe("the tool reported no success");
		expect(one({ "tool.name": "bash", "tool.success": false, "output.value": "x".repeat(9999) }).error).toHaveLength(
			500,
		);
	});

	it("says what it is by its name, else by OpenInference's word", () => {
		expect(one({}, { span_name: "opencode.session" }).kindName).toBe("agent");
		expect(one({ "openinference.span.kind": "RETRIEVER" }).kindName).toBe("retrieval");
		expect(one({ "openinference.span.kind": "LLM" })).toMatchObject({ kindType: "custom", kindName: "custom" });
		expect(one({ "openinference.span.kind": "TOOL" })).toMatchObject({ kindName: "custom", toolName: undefined });
		expect(one({}).kindName).toBe("custom");
	});

	it("with an empty parent id is a root", () => {
		expect(decode(wireSpan({ parent_span_id: "" })).spans[0].parentSpanId).toBeNull();
	});
});

describe("a session", () => {
	const root = wireSpan({ span_id: "00", span_name: "opencode.session" });
	const placeholder = wireSpan({
		span_id: "00",
		span_name: "opencode.session",
		attributes: { "session.id": "ses_a", "agent.name": "build", "session.is_open": true },
	});
	const child = wireSpan({ span_id: "01", parent_span_id: "00", depth: 1 });

	it("is open with a running root while its root is a placeholder, and closed with the real one in its place", () => {
		const open = decode(placeholder, child);
		expect(open.isClosed).toBe(false);
		expect(open.spans[0]).toMatchObject({ spanId: "00", state: "running", end: undefined, name: "opencode.session" });
		const closed = decode(root, child);
		expect(closed.isClosed).toBe(true);
		expect(closed.spans[0]).toMatchObject({ spanId: "00", state: "completed", parentSpanId: null });
		const store = new TraceStore();
		for (const span of [...open.spans, ...closed.spans]) store.upsertSpan(span);
		expect(store.summary("ses_a")).toMatchObject({ state: "completed", spanCount: 2, runningCount: 0 });
		store.dispose();
	});

	it("shows no placeholder beside a real root: that parent was lost, or is in the session that started this one", () => {
		const lost = wireSpan({ span_id: "77", attributes: { "session.is_open": true }, span_name: "opencode.session" });
		const orphan = wireSpan({ span_id: "02", parent_span_id: "77" });
		const decoded = decode(lost, root, child, orphan);
		expect(decoded.spans.map(({ spanId }) => spanId)).toEqual(["00", "01", "02"]);
		expect(decoded.spans[2].parentSpanId).toBe("77");
		const subagent = decode(lost, { ...root, parent_span_id: "77" }, child);
		expect(subagent).toMatchObject({ isClosed: true });
		expect(subagent.spans.map(({ spanId, parentSpanId }) => [spanId, parentSpanId])).toEqual([
			["00", null],
			["01", "00"],
		]);
	});

	it("has a running root for each parent that is missing", () => {
		const other = { ...placeholder, span_id: "05" };
		const decoded = decode(placeholder, child, other, wireSpan({ span_id: "06", parent_span_id: "05" }));
		expect(decoded.spans.filter(({ state }) => state === "running").map(({ spanId }) => spanId)).toEqual(["00", "05"]);
	});

	it("counts its calls as the list does", () => {
		const call = (id: string, attributes: object) => wireSpan({ span_id: id, attributes });
		const { modelCalls, toolCalls } = decode(
			call("1", { "llm.model_name": "m", "tool.name": "t" }),
			call("2", { "llm.model_name": "" }),
			call("3", { "tool.name": "t" }),
			call("4", {}),
		);
		expect([modelCalls, toolCalls]).toEqual([2, 1]);
	});

	it("of any JSON is taken without a throw, each id once, every text bounded", () => {
		const anySpan = fc.record(
			{
				span_id: fc.oneof(fc.constantFrom("a", "b", ""), fc.anything()),
				parent_span_id: fc.anything(),
				span_name: fc.anything(),
				start_ns: fc.oneof(fc.anything(), fc.bigInt().map(String)),
				duration_ms: fc.oneof(fc.anything(), fc.double()),
				attributes: fc.oneof(
					fc.anything(),
					fc.dictionary(
						fc.constantFrom("llm.model_name", "tool.name", "tool.success", "session.is_open", "cost_usd", "agent.name"),
						fc.anything(),
					),
				),
			},
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(fc.array(fc.oneof(anySpan, fc.anything())), (spans) => {
				const decoded = decode(...spans);
				const ids = decoded.spans.map(({ spanId }) => spanId);
				expect(new Set(ids).size).toBe(ids.length);
				expect(ids.length + decoded.undecodable).toBeLessThanOrEqual(spans.length);
				const store = new TraceStore();
				for (const span of decoded.spans) {
					expect(span.traceId).toBe("ses_a");
					store.upsertSpan(span);
				}
				store.summary("ses_a");
				store.dispose();
			}),
		);
		expect(one({ "agent.name": "x".repeat(9999) }, { span_name: "y".repeat(9999) })).toMatchObject({
			agentName: expect.stringMatching(/^x{255}…$/),
			name: expect.stringMatching(/^y{511}…$/),
		});
		expect(finish(decodeSessionSpans("ses_a", { spans: [] }))).toBeUndefined();
	});
});

describe("the list", () => {
	it("reads rows, leaves what it cannot, and takes an id once", () => {
		const row = {
			session_id: "ses_a",
			start_ns: String(START),
			end_ns: String(START + 5n),
			is_open: true,
			llm_calls: 2,
			tool_calls: 1,
			total_cost_usd: 0.5,
			total_tokens: 950,
			models: ["m"],
			agents: ["build"],
			parent_session_id: "ses_p",
		};
		const list = decodeSessions([row, { ...row, llm_calls: 9 }, {}, null, { ...row, session_id: 7 }]);
		expect(list?.undecodable).toBe(3);
		expect(list?.rows).toEqual([
			{
				sessionId: "ses_a",
				start: { ms: 1_772_787_600_000, subNs: 123 },
				end: { ms: 1_772_787_600_000, subNs: 128 },
				isOpen: true,
				modelCalls: 2,
				toolCalls: 1,
				costUsd: 0.5,
				totalTokens: 950,
				models: ["m"],
				agents: ["build"],
				parentSessionId: "ses_p",
			},
		]);
		expect(decodeSessions({ sessions: [] })).toBeUndefined();
	});

	it("of any JSON is taken without a throw", () => {
		fc.assert(
			fc.property(fc.anything(), (value) => {
				decodeSessions(value);
				decodeSessions([value]);
			}),
		);
	});
});
