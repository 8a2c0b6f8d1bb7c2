import fc from "fast-check";
import { expect, it } from "vitest";
import { overviewWindow } from "../../../src/model/overview.ts";
import { emptyOverviewSpan, OverviewBuilder } from "../../../src/model/overviewBuilder.ts";
import { toWireOverview } from "../../../src/protocol/overview.ts";
import { decodeOverview } from "../../../src/sources/traceway/overview.ts";

const NOW_MS = Date.parse("2026-03-06T22:07:09.250Z");

async function sample() {
	const builder = new OverviewBuilder("24h", overviewWindow("24h", NOW_MS, undefined));
	builder.add({
		...emptyOverviewSpan(),
		startMs: NOW_MS,
		durationMs: 12,
		isModelCall: true,
		model: "m",
		provider: "p",
		costNano: 3,
		cacheReadTokens: 1,
	});
	builder.add({ ...emptyOverviewSpan(), startMs: NOW_MS, isToolCall: true, tool: "search" });
	const { overview } = await builder.finish(async () => undefined);
	const call = {
		traceId: "t",
		spanId: "s",
		startMs: NOW_MS,
		durationMs: null,
		state: "running",
		error: null,
		name: "m",
		agent: null,
		costUsd: null,
		isCostEstimated: false,
		preview: { input: "in", output: null, finishReason: null },
	} as const;
	return { ...overview, newestModelCalls: [call], newestToolCalls: [{ ...call, preview: null }] };
}

it("reads what was written", async () => {
	const overview = await sample();
	const wire: unknown = JSON.parse(JSON.stringify(toWireOverview(overview)));
	expect(wire).toMatchObject({ failed_spans: 0, latency_p50_ms: 12, usage: { cache_read_tokens: 1, cost_usd: 3e-9 } });
	expect(decodeOverview(wire)).toEqual(overview);
});

it("throws at nothing that a server may send, and bounds what it takes", async () => {
	const good = JSON.parse(JSON.stringify(toWireOverview(await sample()))) as Record<string, unknown>;
	fc.assert(
		fc.property(fc.constantFrom(...Object.keys(good)), fc.jsonValue(), (key, value) => {
			const overview = decodeOverview({ ...good, [key]: value });
			if (overview === undefined) return;
			expect(overview.failures.model).toHaveLength(60);
			expect(Number.isFinite(overview.usage.calls)).toBe(true);
		}),
	);
	for (const value of [undefined, null, [], "x", {}, { range: "1h" }]) expect(decodeOverview(value)).toBeUndefined();
	const many = Array.from({ length: 5000 }, () => ({ trace_id: "t", span_id: "s", error: "e".repeat(100_000) }));
	const huge = decodeOverview({ ...good, newest_model_calls: many, models: many, cost_by_model: many });
	expect(huge?.newestModelCalls).toHaveLength(100);
	expect(huge?.newestModelCalls[0].error).toHaveLength(4000);
	expect(huge?.models).toHaveLength(200);
	expect(huge?.costByModel).toHaveLength(7);
});
