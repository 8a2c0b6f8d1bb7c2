import { isDeepStrictEqual } from "node:util";
import { loadPrices } from "../../src/model/prices.ts";
import type { IngestBatch, WholeSpan } from "../../src/otlp/spanRecord.ts";
import { ingestBatch } from "../../src/server/otlp/ingest.ts";
import { estimateCost } from "../../src/server/spanKind.ts";
import { type BenchRow, cpuTimeMs, interleave, median, ratioRow } from "./bench.mts";
import { BATCH_SPANS, genAiRequest } from "./otlpLoad.mts";

export const name = "otlp-json";

const ROUNDS = 9;
const ROUND_MS = 300;

/**
 * Spans a second of processor time from the bytes of a JSON request to normalised spans, beside `JSON.parse` and the plainest
 * code that gives the same for these requests: objects from the attributes, `JSON.stringify` back, no checks.
 */
export async function run(): Promise<BenchRow[]> {
	await loadPrices();
	const bytes = Buffer.from(JSON.stringify(genAiRequest(800)));
	if (!isDeepStrictEqual(plainBatch(bytes), ingestBatch(bytes, "json"))) {
		throw new Error("the plain spans differ from ours");
	}
	const results = await interleave(ROUNDS, {
		ours: () => spansPerCpuS(() => ingestBatch(bytes, "json")),
		plain: () => spansPerCpuS(() => plainBatch(bytes)),
		parse: () => spansPerCpuS(() => JSON.parse(bytes.toString("utf8"))),
	});
	const ours = median(results.ours);
	return [
		ratioRow(`${name}-plain`, ours, median(results.plain), "spans/CPU-s", ">= 0.9 ratio"),
		ratioRow(`${name}-parse-alone`, ours, median(results.parse), "spans/CPU-s", ""),
	];
}

function spansPerCpuS(work: () => unknown): number {
	let batches = 0;
	const before = cpuTimeMs();
	let cpuMs = 0;
	while (cpuMs < ROUND_MS) {
		for (let turn = 0; turn < 5; turn++) work();
		batches += 5;
		cpuMs = cpuTimeMs() - before;
	}
	return (batches * BATCH_SPANS * 1000) / cpuMs;
}

type Request = ReturnType<typeof genAiRequest>;
type Attribute = { readonly key: string; readonly value: Record<string, unknown> };

function plainBatch(bytes: Buffer): IngestBatch {
	const request = JSON.parse(bytes.toString("utf8")) as Request;
	const spans: WholeSpan[] = [];
	const traces = new Map<string, IngestBatch["traces"][number]>();
	for (const { resource, scopeSpans } of request.resourceSpans) {
		const resourceAttributes = objectOf(resource.attributes);
		for (const { scope, spans: given } of scopeSpans) {
			for (const span of given) {
				const whole = plainSpan(span, resourceAttributes, scope);
				spans.push(whole);
				const known = traces.get(whole.traceId);
				const isRoot = whole.parentId === null;
				if (known === undefined || (isRoot && !known.isNameFinal)) {
					traces.set(whole.traceId, {
						id: whole.traceId,
						name: isRoot ? whole.name : String(resourceAttributes["service.name"]),
						isNameFinal: isRoot,
						tagsJson: '["otlp"]',
						start: whole.start,
					});
				}
			}
		}
	}
	return { spans, traces: [...traces.values()], rejectedSpans: 0, firstProblem: undefined };
}

function plainSpan(
	span: Request["resourceSpans"][number]["scopeSpans"][number]["spans"][number],
	resource: Record<string, unknown>,
	scope: object,
): WholeSpan {
	const { "gen_ai.input.messages": input, "gen_ai.output.messages": output, ...rest } = objectOf(span.attributes);
	const model = String(rest["gen_ai.request.model"]);
	const provider = String(rest["gen_ai.provider.name"]);
	const tokens = {
		input: Number(rest["gen_ai.usage.input_tokens"]),
		output: Number(rest["gen_ai.usage.output_tokens"]),
		cacheRead: null,
		cacheWrite: null,
		reasoning: null,
	};
	const start = timeOf(span.startTimeUnixNano);
	return {
		id: span.spanId,
		traceId: span.traceId,
		parentId: span.parentSpanId || null,
		name: span.name,
		kind: {
			type: "llm_call",
			name: "llm_call",
			model,
			provider,
			path: null,
			tokens,
			cost: estimateCost(model, provider, tokens, start.ms),
			isRollup: false,
			toolName: null,
			agentName: null,
			kindJson: null,
			attributesJson: null,
			serviceName: String(resource["service.name"]),
		},
		sessionId: String(rest["gen_ai.conversation.id"]),
		inputJson: JSON.stringify(JSON.parse(String(input))),
		outputJson: JSON.stringify(JSON.parse(String(output))),
		metadataJson: null,
		start,
		end: timeOf(span.endTimeUnixNano),
		error: null,
		otel: {
			attributesJson: JSON.stringify(rest),
			inputKey: { key: "gen_ai.input.messages", isJsonText: true },
			outputKey: { key: "gen_ai.output.messages", isJsonText: true },
			eventsJson: null,
			linksJson: null,
			resourceJson: JSON.stringify({ attributes: resource }),
			scopeJson: JSON.stringify(scope),
			otelJson: JSON.stringify({ kind: span.kind }),
		},
	};
}

function objectOf(attributes: readonly Attribute[]): Record<string, unknown> {
	const object: Record<string, unknown> = {};
	for (const { key, value } of attributes) object[key] = plainValue(value);
	return object;
}

function plainValue(value: Record<string, unknown>): unknown {
	if (value.stringValue !== undefined) return value.stringValue;
	if (value.intValue !== undefined) return Number(value.intValue);
	if (value.doubleValue !== undefined) return value.doubleValue;
	const { values } = value.arrayValue as { values: Record<string, unknown>[] };
	return values.map(plainValue);
}

function timeOf(nanos: string): WholeSpan["start"] {
	return { ms: Number(nanos.slice(0, -6)), subNs: Number(nanos.slice(-6)) };
}
