import { OpenTelemetry } from "@ai-sdk/otel";
import { type Attributes, context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
	BatchSpanProcessor,
	InMemorySpanExporter,
	type ReadableSpan,
	SimpleSpanProcessor,
	type SpanExporter,
	TracerProvider,
} from "@opentelemetry/sdk-trace";
import { generateText, isStepCount, jsonSchema, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { describe, expect, it, onTestFinished } from "vitest";
import { estimateCostUsd } from "../../src/model/prices.ts";
import type { WireSpan } from "../../src/protocol/rest.ts";
import { addOtlpRoutes } from "../../src/server/otlp/routes.ts";
import type { RunningServer } from "../../src/server/server.ts";
import { client, start } from "./support/testServer.ts";

/** Programs as people write them: an SDK of OpenTelemetry with one of its exporters, pointed at our server. */
const EXPORTERS: readonly (readonly [string, (server: RunningServer) => SpanExporter])[] = [
	["HTTP with JSON", ({ otlpUrl }) => new JsonExporter({ url: `${otlpUrl}/v1/traces` })],
	["HTTP with protobuf", ({ otlpUrl }) => new ProtobufExporter({ url: `${otlpUrl}/v1/traces` })],
	["gRPC", ({ grpcUrl }) => new GrpcExporter({ url: grpcUrl! })],
];

/** A tracer whose spans go to the server, and to a list here to compare with. */
function program(exporter: SpanExporter) {
	const kept = new InMemorySpanExporter();
	const provider = new TracerProvider({
		spanProcessors: [new SimpleSpanProcessor({ exporter: kept }), new BatchSpanProcessor({ exporter })],
	});
	onTestFinished(() => provider.shutdown());
	return {
		tracer: provider.getTracer("test-agent", "1.2.3"),
		/** Sends what waits; answers when the exporter says that it has arrived. */
		flush: () => provider.forceFlush(),
		spans: () => kept.getFinishedSpans(),
	};
}

/** A moment of the trace: nanoseconds after its begin, with digits at every place that a float would lose. */
function at(offsetNs: number): [number, number] {
	const ns = 123_456_789 + offsetNs;
	return [1_772_787_600 + Math.floor(ns / 1e9), ns % 1e9];
}

/** The same as RFC 3339. */
function rfc3339([seconds, ns]: readonly [number, number]): string {
	const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
	return `${whole}.${String(ns).padStart(9, "0")}Z`;
}

/** RFC 3339 with 9 digits, whichever number of them was written. */
function nineDigits(time: string | null): string | undefined {
	const match = /^(.*?)(?:\.(\d+))?Z$/.exec(time ?? "");
	return match === null ? undefined : `${match[1]}.${(match[2] ?? "").padEnd(9, "0")}Z`;
}

async function spansOf(server: RunningServer, traceId: string): Promise<readonly WireSpan[]> {
	return (await client(server).get(`/traces/${traceId}`)).json.spans;
}

/** What was sent and what is read back, in the same words. */
function sent(span: ReadableSpan) {
	return {
		id: span.spanContext().spanId,
		trace_id: span.spanContext().traceId,
		parent_id: span.parentSpanContext?.spanId ?? null,
		name: span.name,
		status: span.status.code === SpanStatusCode.ERROR ? { failed: { error: span.status.message } } : "completed",
		started_at: rfc3339(span.startTime),
		ended_at: rfc3339(span.endTime),
		attributes: span.attributes,
	};
}

function readBack(span: WireSpan) {
	const { id, trace_id, parent_id, name, status } = span;
	const times = { started_at: nineDigits(span.started_at), ended_at: nineDigits(span.ended_at) };
	return { id, trace_id, parent_id, name, status, ...times, attributes: span.attributes ?? {} };
}

const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1);

function expectSame(spans: readonly WireSpan[], of: readonly ReadableSpan[]): void {
	expect(spans.map(readBack).sort(byId)).toEqual(of.map(sent).sort(byId));
}

async function startForAll(): Promise<RunningServer> {
	return start({ otlpPort: 0, grpcPort: 0, extraRoutes: addOtlpRoutes });
}

const MODEL = "gpt-4o-mini";

function chat(inputTokens: number, outputTokens: number): Attributes {
	return {
		"gen_ai.operation.name": "chat",
		"gen_ai.provider.name": "openai",
		"gen_ai.request.model": MODEL,
		"gen_ai.usage.input_tokens": inputTokens,
		"gen_ai.usage.output_tokens": outputTokens,
	};
}

describe.each(EXPORTERS)("OpenTelemetry's exporter for %s", (_name, exporterOf) => {
	it("brings a nested agent trace over with tree, nanoseconds, tokens and cost", async () => {
		const server = await startForAll();
		const { tracer, flush, spans } = program(exporterOf(server));
		const child = (parent: Span, name: string, startNs: number, kind: SpanKind, attributes: Attributes) =>
			tracer.startSpan(name, { startTime: at(startNs), kind, attributes }, trace.setSpan(context.active(), parent));
		const agent = tracer.startSpan("invoke_agent weather", {
			startTime: at(0),
			root: true,
			attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "weather", "session.id": "s-1" },
		});
		const first = child(agent, `chat ${MODEL}`, 1_000_001, SpanKind.CLIENT, chat(1000, 500));
		first.addEvent("gen_ai.choice", { finish_reason: "tool_calls" }, at(1_999_999));
		first.end(at(2_000_003));
		const toolCall = child(agent, "execute_tool lookup", 2_000_007, SpanKind.INTERNAL, {
			"gen_ai.operation.name": "execute_tool",
			"gen_ai.tool.name": "lookup",
			"numbers.whole": 12,
			"numbers.list": [1, 2],
		});
		toolCall.setStatus({ code: SpanStatusCode.ERROR, message: "no such city" });
		toolCall.end(at(3_000_011));
		const second = child(agent, `chat ${MODEL}`, 3_000_013, SpanKind.CLIENT, chat(2000, 250));
		second.end(at(4_000_017));
		agent.end(at(5_000_019));
		await flush();

		const { traceId } = agent.spanContext();
		const stored = await spansOf(server, traceId);
		expect(stored).toHaveLength(4);
		expectSame(stored, spans());
		const kindOf = (span: Span) => stored.find(({ id }) => id === span.spanContext().spanId)!.kind;
		expect(kindOf(agent)).toMatchObject({ type: "custom", kind: "agent", agent_name: "weather" });
		expect(kindOf(toolCall)).toMatchObject({ type: "custom", kind: "tool_call", tool_name: "lookup" });
		for (const [span, input, output] of [
			[first, 1000, 500],
			[second, 2000, 250],
		] as const) {
			expect(kindOf(span)).toMatchObject({
				type: "llm_call",
				model: MODEL,
				provider: "openai",
				input_tokens: input,
				output_tokens: output,
				cost: estimateCostUsd({ model: MODEL, provider: "openai", inputTokens: input, outputTokens: output }),
			});
		}
		expect(stored.find(({ id }) => id === first.spanContext().spanId)?.events).toEqual([
			{ name: "gen_ai.choice", time: rfc3339(at(1_999_999)), attributes: { finish_reason: "tool_calls" } },
		]);
		expect(stored.every(({ resource }) => resource?.attributes["telemetry.sdk.language"] === "nodejs")).toBe(true);
		expect(stored.every(({ scope }) => scope?.name === "test-agent" && scope.version === "1.2.3")).toBe(true);
	});

	it("brings a run of the Vercel AI SDK over, counting each of its calls once", async () => {
		const server = await startForAll();
		const { tracer, flush, spans } = program(exporterOf(server));
		const usage = (input: number, output: number) => ({
			inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
			outputTokens: { total: output, text: output, reasoning: 0 },
		});
		const model = new MockLanguageModelV4({
			provider: "openai",
			modelId: MODEL,
			doGenerate: [
				{
					content: [{ type: "tool-call", toolCallId: "c1", toolName: "weather", input: '{"city":"Bern"}' }],
					finishReason: { unified: "tool-calls", raw: "tool_calls" },
					usage: usage(1000, 500),
					warnings: [],
				},
				{
					content: [{ type: "text", text: "Sunny." }],
					finishReason: { unified: "stop", raw: "stop" },
					usage: usage(2000, 250),
					warnings: [],
				},
			],
		});
		const result = await generateText({
			model,
			prompt: "Weather in Bern?",
			tools: {
				weather: tool({
					description: "Looks it up",
					inputSchema: jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } } }),
					execute: async ({ city }) => ({ city, sky: "sunny" }),
				}),
			},
			stopWhen: isStepCount(3),
			telemetry: { functionId: "forecast", integrations: new OpenTelemetry({ tracer }) },
		});
		expect(result.text).toBe("Sunny.");
		await flush();

		const made = spans();
		const traceIds = new Set(made.map((span) => span.spanContext().traceId));
		expect(traceIds.size).toBe(1);
		const stored = await spansOf(server, [...traceIds][0]!);
		expectSame(stored, made);
		const calls = stored.filter(({ kind }) => kind.type === "llm_call");
		expect(
			calls
				.map(({ kind }) => kind)
				.map((kind) => (kind.type === "llm_call" ? [kind.model, kind.input_tokens, kind.output_tokens] : [])),
		).toEqual([
			[MODEL, 1000, 500],
			[MODEL, 2000, 250],
		]);
		const tools = stored.filter(({ kind }) => kind.type === "custom" && kind.kind === "tool_call");
		expect(tools).toMatchObject([
			{ kind: { tool_name: "weather" }, input: { city: "Bern" }, output: { city: "Bern", sky: "sunny" } },
		]);
		const summary = (await client(server).get("/analytics/summary")).json;
		const cost = (input: number, output: number) =>
			estimateCostUsd({ model: MODEL, provider: "openai", inputTokens: input, outputTokens: output })!;
		expect(summary).toMatchObject({ total_tokens: 3750, total_llm_calls: 2 });
		expect(summary.total_cost).toBeCloseTo(cost(1000, 500) + cost(2000, 250), 9);
	});
});
