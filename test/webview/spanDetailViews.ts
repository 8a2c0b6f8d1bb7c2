import { parseTimestamp } from "../../src/base/timestamp.ts";
import { loadPrices } from "../../src/model/prices.ts";
import type { SpanDetail, SpanSummary } from "../../src/model/span.ts";
import type { HostToSpanDetail, SpanDetailToHost, SpanDetailView } from "../../src/protocol/messages.ts";
import { buildSpanDetailView } from "../../src/ui/panels/spanDetailView.ts";
import type { Harness, OpenedPage, OpenOptions } from "./harness.ts";

await loadPrices();

export type DetailPage = OpenedPage<SpanDetailToHost, HostToSpanDetail>;

export function openDetails(harness: Harness, options?: OpenOptions): Promise<DetailPage> {
	return harness.open<SpanDetailToHost, HostToSpanDetail>("spanDetail", options);
}

/** Opens whatever matches and is closed, and waits until the page has drawn it. */
export async function expandAll({ page }: DetailPage, selector: "button.fold" | "button.chip"): Promise<void> {
	await page.locator(`${selector}[aria-expanded=false]`).evaluateAll(async (buttons) => {
		for (const button of buttons) (button as HTMLElement).click();
		await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
	});
}

/** What the host would send of an LLM span, by the host's own builder. */
export function viewOf(
	payload: Partial<Omit<SpanDetail, "summary">> = {},
	summary: Partial<SpanSummary> = {},
): SpanDetailView {
	return buildSpanDetailView({
		sourceId: "local",
		traceName: "support-agent",
		clockOffsetMs: 0,
		t: (message, ...args) => message.replace(/\{(\d)\}/g, (_place, index: string) => String(args[Number(index)])),
		detail: {
			raw: { id: "s1", trace_id: "t1", name: "draft reply", input: payload.input, output: payload.output },
			input: undefined,
			output: undefined,
			attributes: {},
			...payload,
			summary: {
				traceId: "t1",
				spanId: "s1",
				parentSpanId: null,
				isOrphan: false,
				name: "draft reply",
				kindType: "llm_call",
				kindName: "llm_call",
				model: "gpt-4o-mini",
				provider: "openai",
				inputTokens: 12_345,
				outputTokens: 480,
				costUsd: 0.00213975,
				isCostEstimated: true,
				firstTokenNs: undefined,
				cacheReadTokens: undefined,
				cacheWriteTokens: undefined,
				reasoningTokens: undefined,
				isRollup: false,
				state: "completed",
				error: undefined,
				start: parseTimestamp("2026-03-06T09:00:00.125456Z"),
				end: parseTimestamp("2026-03-06T09:00:01.480Z"),
				...summary,
			},
		},
	});
}

export const SYSTEM_PROMPT =
	"You are the support agent of a small shop that sells bicycles. Answer in the language of the customer, never promise " +
	"a refund, look up every order before you say anything about it, and hand over to a human when the customer asks for " +
	"one or sounds upset. Keep answers below 120 words.\n\nTools: lookup_order, search_manual, hand_over.";

export const INPUT = {
	model: "gpt-4o-mini",
	messages: [
		{ role: "system", content: SYSTEM_PROMPT },
		{ role: "user", content: "Where is my order 4711?" },
		{
			role: "assistant",
			content: "Let me look that up.",
			tool_calls: [
				{
					id: "c1",
					type: "function",
					function: { name: "lookup_order", arguments: '{"order":4711,"fields":["eta"]}' },
				},
			],
		},
		{ role: "tool", tool_call_id: "c1", content: '{"order":4711,"eta":"2026-03-09","insured":true}' },
	],
};
export const OUTPUT = { choices: [{ message: { role: "assistant", content: "It arrives on Monday, 9 March." } }] };
export const ATTRIBUTES = {
	"gen_ai.request.temperature": 0.2,
	"gen_ai.response.finish_reasons": ["stop"],
	"server.address": "api.openai.com",
	"app.customer": { id: 17, tier: "gold" },
};
const NO_MODEL = {
	model: undefined,
	provider: undefined,
	inputTokens: undefined,
	outputTokens: undefined,
	costUsd: undefined,
};

export function completedView(): SpanDetailView {
	return viewOf({ input: INPUT, output: OUTPUT, attributes: ATTRIBUTES });
}

/** Running since so many milliseconds. */
export function runningView(
	ageMs: number,
	payload: Partial<Omit<SpanDetail, "summary">> = { input: INPUT },
): SpanDetailView {
	const start = { ms: Date.now() - ageMs, subNs: 0 };
	return viewOf(payload, { state: "running", start, end: undefined, outputTokens: undefined, costUsd: undefined });
}

export const ERROR_TEXT =
	"openai.RateLimitError: Error code: 429 - {'error': {'message': 'Rate limit reached for gpt-4o-mini'}}\n" +
	'  File "/app/agent.py", line 88, in draft\n\treply = client.chat.completions.create(**request)';

export function failedView(): SpanDetailView {
	return viewOf(
		{ input: INPUT, attributes: ATTRIBUTES },
		{ state: "failed", error: ERROR_TEXT, outputTokens: undefined, costUsd: undefined },
	);
}

export function toolView(): SpanDetailView {
	return viewOf(
		{
			input: { path: "/srv/manuals/brakes.md", query: "hydraulic bleed" },
			output: { hits: 3, best: { line: 120, text: "Bleed from the caliper up." } },
			attributes: ATTRIBUTES,
		},
		{ ...NO_MODEL, name: "search_manual", kindType: "custom", kindName: "tool" },
	);
}
