import { type Overview, type OverviewCall, type OverviewRange, overviewWindow } from "../../src/model/overview.ts";
import { emptyOverviewSpan, OverviewBuilder, type OverviewSpan } from "../../src/model/overviewBuilder.ts";
import { SPAN_STATES, SpanStateCode } from "../../src/model/span.ts";
import type { HostToOverview } from "../../src/protocol/overviewMessages.ts";

/** Saturday, 14:07 in Berlin. */
export const NOW_MS = Date.parse("2026-11-21T13:07:09.250Z");

const MODELS = [
	["gpt-4o", "openai", 4],
	["claude-sonnet-4-5", "anthropic", 9],
	["gpt-4o-mini", "openai", 1],
	["gemini-2.5-flash", "google", 2],
	["text-embedding-3-small-with-a-very-long-name-of-a-deployment-in-some-region", "azure", 0],
] as const;
const TOOLS = ["search_documents", "read_file", "run_tests", "web_fetch"];
const AGENTS = ["planner", "researcher", null];
const PROMPTS = [
	"Why does the payment retry after a refund, and which of the three services should own the idempotency key?",
	"Summarise the open incidents",
	"<img src=x onerror=alert(1)> =1+1 \u202eevil",
];

/** The same numbers each time: a day of an agent that works in bursts. */
export async function sampleOverview(
	options: { readonly range?: OverviewRange; readonly calls?: number; readonly previews?: boolean } = {},
): Promise<Overview> {
	const { range = "24h", calls = 400, previews = true } = options;
	const window = overviewWindow(range, NOW_MS, undefined);
	const builder = new OverviewBuilder(range, window);
	const spans: OverviewSpan[] = [];
	let seed = 7;
	const random = () => {
		seed = (seed * 16_807) % 2_147_483_647;
		return seed / 2_147_483_647;
	};
	for (let index = 0; index < calls; index++) {
		const burst = Math.floor(random() ** 1.5 * 9);
		const startMs = NOW_MS - 5000 - (burst * 0.11 + random() * 0.06) * 60 * window.bucketMs;
		const [model, provider, price] = MODELS[Math.floor(random() ** 1.6 * MODELS.length)];
		const isFailed = random() < 0.06;
		const common = {
			...emptyOverviewSpan(),
			ref: spans.length,
			startMs,
			trace: Math.floor(index / 6),
			session: Math.floor(index / 30),
			agent: AGENTS[Math.floor(random() * AGENTS.length)],
			state: index === 0 ? SpanStateCode.running : isFailed ? SpanStateCode.failed : SpanStateCode.completed,
			durationMs: index === 0 ? Number.NaN : 300 + random() ** 3 * 9000,
		};
		if (random() < 0.6) {
			const inputTokens = Math.round(200 + random() * 9000);
			spans.push({
				...common,
				isModelCall: true,
				model,
				provider,
				inputTokens,
				outputTokens: Math.round(random() * 900),
				cacheReadTokens: model === "claude-sonnet-4-5" ? Math.round(inputTokens * 0.7) : Number.NaN,
				costNano: price === 0 ? Number.NaN : Math.round(inputTokens * price * 1000),
				isCostEstimated: model === "gemini-2.5-flash",
			});
		} else spans.push({ ...common, isToolCall: true, tool: TOOLS[Math.floor(random() * TOOLS.length)] });
	}
	for (const span of spans) builder.add(span);
	const { overview, modelCallRefs, toolCallRefs } = await builder.finish(async () => undefined);
	const call = (ref: number): OverviewCall => {
		const span = spans[ref];
		const isFailed = span.state === SpanStateCode.failed;
		return {
			traceId: `trace-${span.trace}`,
			spanId: `span-${ref}`,
			startMs: span.startMs,
			durationMs: Number.isNaN(span.durationMs) ? null : span.durationMs,
			state: SPAN_STATES[span.state],
			error: isFailed ? "429: rate limit exceeded for the organisation, try again in 20 s" : null,
			name: span.isModelCall ? span.model : span.tool,
			agent: span.agent,
			costUsd: Number.isNaN(span.costNano) ? null : span.costNano / 1e9,
			isCostEstimated: span.isCostEstimated,
			preview: !previews
				? null
				: span.isModelCall
					? { input: PROMPTS[ref % 3], output: "…", finishReason: isFailed ? null : "stop" }
					: { input: '{ "query": "idempotency key", "limit": 20 }', output: "12 documents found", finishReason: null },
		};
	};
	return { ...overview, newestModelCalls: modelCallRefs.map(call), newestToolCalls: toolCallRefs.map(call) };
}

/** The message of the host that carries an overview of the whole source. */
export function valueMessage(overview: Overview): HostToOverview {
	return {
		type: "overview/value",
		overview,
		origin: { sourceId: "local", sourceName: "Mini-Server", isWhole: true, loadedTraces: 0, isPart: false },
		clockOffsetMs: NOW_MS - Date.now(),
	};
}
