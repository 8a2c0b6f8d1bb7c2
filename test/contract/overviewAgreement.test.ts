import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { OVERVIEW_RANGES, type Overview, type OverviewRange } from "../../src/model/overview.ts";
import { overviewOfStore } from "../../src/model/overviewOfStore.ts";
import { nanoUsd } from "../../src/model/usage.ts";
import type { Source } from "../../src/sources/source.ts";
import { decodeOverview } from "../../src/sources/traceway/overview.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { client, start } from "./support/testServer.ts";

const soon = { timeout: 20_000, interval: 5 };
const NOW_MS = Date.parse("2026-03-06T22:07:09.250Z");
const MINUTE_MS = 60_000;
/** The first one has a tag that says otherwise. */
const SESSIONS = { t1: "s1", t2: "s1", t3: "s2" } as const;

interface Step {
	readonly trace: keyof typeof SESSIONS;
	readonly parentAt: number | undefined;
	readonly kind: Readonly<Record<string, unknown>>;
	readonly namesSession: boolean;
	readonly startMs: number;
	readonly end: { readonly durationMs: number; readonly isFailed: boolean } | undefined;
	/** Replaces the kind at the end. */
	readonly lastKind: Readonly<Record<string, unknown>> | undefined;
	readonly isDeleted: boolean;
}

/** Few numbers and names, so that spans repeat each other and share rows. */
const kind = fc.oneof(
	fc.record(
		{
			type: fc.constant("llm_call"),
			model: fc.constantFrom("gpt-4o", "claude-3-haiku", "home-1", ""),
			provider: fc.constantFrom("openai", "anthropic", "gateway"),
			agent_name: fc.constantFrom("planner", "writer"),
			input_tokens: fc.nat(3),
			output_tokens: fc.nat(2),
			cache_read_tokens: fc.nat(2),
			cache_write_tokens: fc.nat(1),
			reasoning_tokens: fc.nat(1),
			cost: fc.constantFrom(0, 0.1, 1 / 3, 1e-9),
		},
		{ requiredKeys: ["type"] },
	),
	fc.record(
		{
			type: fc.constant("custom"),
			kind: fc.constantFrom("agent", "tool_call", "function", "step"),
			tool_name: fc.constantFrom("search", "read", ""),
			agent_name: fc.constantFrom("planner", "writer"),
			usage_scope: fc.constant("subtree"),
			input_tokens: fc.nat(3),
			cost: fc.constantFrom(0.1, 0.2),
		},
		{ requiredKeys: ["type"] },
	),
);

const steps = fc.array(
	fc.record({
		trace: fc.constantFrom("t1" as const, "t2" as const, "t3" as const),
		parentAt: fc.option(fc.nat(20), { nil: undefined }),
		kind,
		namesSession: fc.boolean(),
		// From a month back to an hour ahead, most of it in the last hours.
		startMs: fc
			.oneof(fc.integer({ min: -60, max: 400 }), fc.integer({ min: -60, max: 43_200 }))
			.map((minutes) => NOW_MS - minutes * MINUTE_MS),
		end: fc.option(fc.record({ durationMs: fc.nat(9000), isFailed: fc.boolean() }), { nil: undefined, freq: 4 }),
		lastKind: fc.option(kind, { nil: undefined, freq: 1 }),
		isDeleted: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
	}),
	{ maxLength: 20 },
);

type Api = ReturnType<typeof client>;

async function run(api: Api, list: readonly Step[]): Promise<void> {
	const id = (place: number) => `span-${place}`;
	await api.trace({ id: "t1", tags: ["session:s3"] });
	for (const [place, step] of list.entries()) {
		await api.span({
			id: id(place),
			trace_id: step.trace,
			parent_id: step.parentAt === undefined ? null : id(step.parentAt % (list.length + 1)),
			kind: step.kind,
			// Of several sessions of one trace it would depend on what came first which one its other spans are in.
			session_id: step.namesSession ? SESSIONS[step.trace] : undefined,
			// No two spans at once: which of them is newer nobody says.
			started_at: new Date(step.startMs + place).toISOString(),
		});
	}
	for (const [place, { startMs, end, lastKind }] of list.entries()) {
		if (end === undefined) continue;
		const endedAt = new Date(startMs + place + end.durationMs).toISOString();
		if (end.isFailed) await api.post(`/spans/${id(place)}/fail`, { error: "boom", ended_at: endedAt });
		else await api.post(`/spans/${id(place)}/complete`, { kind: lastKind, ended_at: endedAt });
	}
	for (const [place, { isDeleted }] of list.entries()) if (isDeleted) await api.delete(`/spans/${id(place)}`);
}

async function asServer(api: Api, range: OverviewRange): Promise<Overview> {
	const at = new Date(NOW_MS).toISOString();
	const { status, json } = await api.get(`/analytics/overview?range=${range}&at=${at}`);
	expect(status).toBe(200);
	const overview = decodeOverview(json);
	if (overview === undefined) throw new Error("the answer is no overview");
	const withoutPreviews = (calls: Overview["newestModelCalls"]) => calls.map((call) => ({ ...call, preview: null }));
	return {
		...overview,
		newestModelCalls: withoutPreviews(overview.newestModelCalls),
		newestToolCalls: withoutPreviews(overview.newestToolCalls),
	};
}

function asStore({ store }: Source, range: OverviewRange): Promise<Overview> {
	const turn = async () => undefined;
	return overviewOfStore({ store, range, nowMs: NOW_MS, turn, signal: new AbortController().signal });
}

function connect(url: string): Source {
	const source = createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
	});
	source.connect();
	return source;
}

it("counts on the server what is counted from the store, and what the traces say of themselves", {
	timeout: 120_000,
}, async () => {
	const server = await start();
	const api = client(server);
	const source = connect(server.url);
	try {
		await vi.waitFor(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }), soon);
		await fc.assert(
			fc.asyncProperty(steps, async (list) => {
				await api.delete("/traces");
				await run(api, list);
				const last = (await api.get("/stats")).json;
				await vi.waitFor(async () => {
					expect(source.store.spanCount).toBe(last.span_count);
					// Ends of spans come behind their beginnings: all numbers are compared until they agree.
					expect(await asStore(source, "all")).toEqual(await asServer(api, "all"));
				}, soon);
				for (const range of OVERVIEW_RANGES) expect(await asStore(source, range)).toEqual(await asServer(api, range));
				const all = await asServer(api, "all");
				const traces: readonly Readonly<Record<string, number | undefined>>[] = (await api.get("/traces")).json.items;
				const total = (key: string) => {
					const known = traces.map((trace) => trace[key]).filter((value) => value !== undefined);
					return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
				};
				expect(all.usage).toMatchObject({
					inputTokens: total("input_tokens"),
					outputTokens: total("output_tokens"),
					cacheReadTokens: total("cache_read_tokens"),
					cacheWriteTokens: total("cache_write_tokens"),
					reasoningTokens: total("reasoning_tokens"),
				});
				expect(nanoUsd(all.usage.costUsd ?? 0)).toBe(nanoUsd(total("total_cost") ?? 0));
				expect(all.usage.calls).toBe(total("llm_calls") ?? 0);
				expectConsistent(all);
			}),
			{ numRuns: 60, endOnFailure: true },
		);
	} finally {
		source.dispose();
	}
});

/** Tables and charts add up to the totals. */
function expectConsistent(overview: Overview): void {
	const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
	const { usage } = overview;
	expect(sum(overview.models.map(({ calls }) => calls))).toBe(usage.calls);
	expect(sum(overview.agents.map(({ calls }) => calls))).toBe(usage.calls);
	expect(nanoUsd(sum(overview.models.map(({ costUsd }) => costUsd ?? 0)))).toBe(nanoUsd(usage.costUsd ?? 0));
	expect(nanoUsd(sum(overview.costByModel.flatMap(({ values }) => values)))).toBe(nanoUsd(usage.costUsd ?? 0));
	const tokens = (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0);
	expect(sum(overview.tokensByModel.flatMap(({ values }) => values))).toBe(tokens);
	expect(sum(overview.tools.map(({ calls }) => calls))).toBe(overview.toolCalls);
	expect(sum(overview.callsByTool.flatMap(({ values }) => values))).toBe(overview.toolCalls);
	const { model, tool, other } = overview.failures;
	expect(sum([...model, ...tool, ...other])).toBe(overview.failedSpans);
	for (const { values } of overview.costByModel) expect(values).toHaveLength(60);
}
