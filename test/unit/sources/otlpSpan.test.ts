import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { decodeJson } from "../../../src/otlp/jsonDecode.ts";
import { Normaliser } from "../../../src/otlp/normalise.ts";
import type { WholeSpan } from "../../../src/otlp/spanRecord.ts";
import { spanInputOf, wireSpanOf, wireTextOf } from "../../../src/sources/otlpSpan.ts";
import { spanDetail } from "../../../src/sources/spanDetail.ts";
import { decodeSpan } from "../../../src/sources/traceway/decode.ts";

const FIXTURES = new URL("../../fixtures/otlp/", import.meta.url);

function normalise(body: unknown): readonly WholeSpan[] {
	const normaliser = new Normaliser({ ms: 0, subNs: 0 }, () => null);
	return normaliser.batch(decodeJson(body, normaliser)).spans;
}

function spanOf(fields: Readonly<Record<string, unknown>>): WholeSpan {
	const span = {
		traceId: "0af7651916cd43dd8448eb211c80319c",
		spanId: "b7ad6b7169203331",
		startTimeUnixNano: "1772787600123456789",
		endTimeUnixNano: "1772787601123456790",
		...fields,
	};
	return normalise({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })[0];
}

const attribute = (key: string, value: unknown) => ({ key, value });

describe("a span from OpenTelemetry", () => {
	it.each(readdirSync(FIXTURES).filter((name) => name.endsWith(".json")))(
		"says to the store what our own server would say of it: %s",
		(name) => {
			const spans = normalise(JSON.parse(readFileSync(new URL(name, FIXTURES), "utf8")));
			expect(spans.length).toBeGreaterThan(0);
			for (const span of spans) expect(spanInputOf(span)).toEqual(decodeSpan(wireSpanOf(wireTextOf(span))));
		},
	);

	it("says the same whatever its texts hold", () => {
		const text = fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.constant("x".repeat(6000)));
		fc.assert(
			fc.property(text, text, text, fc.boolean(), (name, model, message, isFailed) => {
				const span = spanOf({
					name,
					status: isFailed ? { code: 2, message } : {},
					attributes: [
						attribute("gen_ai.request.model", { stringValue: model }),
						attribute("gen_ai.agent.name", { stringValue: message }),
						attribute("gen_ai.usage.input_tokens", { intValue: "12" }),
					],
				});
				expect(spanInputOf(span)).toEqual(decodeSpan(wireSpanOf(wireTextOf(span))));
			}),
		);
	});

	it("counts as a model call when it names a model and a tool", () => {
		const span = spanOf({
			name: "opencode.llm",
			attributes: [
				attribute("llm.model_name", { stringValue: "gpt-4o-mini" }),
				attribute("tool.name", { stringValue: "task" }),
				attribute("llm.token_count.prompt", { intValue: "900" }),
				attribute("cost_usd", { doubleValue: 0.0021 }),
			],
		});
		expect(spanInputOf(span)).toMatchObject({
			kindType: "llm_call",
			model: "gpt-4o-mini",
			inputTokens: 900,
			costUsd: 0.0021,
		});
	});

	it("has details with input, output, attributes, events, links and resource", () => {
		const [span] = normalise({
			resourceSpans: [
				{
					resource: { attributes: [attribute("service.name", { stringValue: "opencode" })] },
					scopeSpans: [
						{
							spans: [
								{
									traceId: "0af7651916cd43dd8448eb211c80319c",
									spanId: "b7ad6b7169203331",
									name: "opencode.tool.task",
									startTimeUnixNano: "1772787600123456789",
									endTimeUnixNano: "1772787601123456790",
									attributes: [
										attribute("tool.name", { stringValue: "task" }),
										attribute("tool.parameters", { stringValue: '{"prompt":"look"}' }),
										attribute("output.value", { stringValue: '<task id="ses_x1">' }),
										attribute("tool.success", { boolValue: true }),
									],
									events: [{ timeUnixNano: "1772787600200000000", name: "started" }],
									links: [{ traceId: "0af7651916cd43dd8448eb211c80319d", spanId: "b7ad6b7169203332" }],
								},
							],
						},
					],
				},
			],
		});
		const store = new TraceStore();
		const detail = spanDetail(store, spanInputOf(span), wireSpanOf(wireTextOf(span)));
		store.dispose();
		expect(detail).toMatchObject({
			summary: { name: "opencode.tool.task", kindName: "tool_call", state: "completed" },
			input: { prompt: "look" },
			output: '<task id="ses_x1">',
			attributes: { "tool.success": true, "resource.service.name": "opencode" },
			raw: {
				events: [{ name: "started", time: "2026-03-06T09:00:00.200Z" }],
				links: [{ trace_id: "0af7651916cd43dd8448eb211c80319d", span_id: "b7ad6b7169203332" }],
				resource: { attributes: { "service.name": "opencode" } },
			},
		});
	});
});
