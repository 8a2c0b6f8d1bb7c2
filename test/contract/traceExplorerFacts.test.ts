import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { formatCost, formatDuration, formatTokens } from "../../src/model/format.ts";
import { OVERVIEW_BUCKETS, successRate, type UsageTotals } from "../../src/model/overview.ts";
import { overviewOfStore } from "../../src/model/overviewOfStore.ts";
import { StoreSessions } from "../../src/model/sessionSummary.ts";
import type { SessionQuery, Source } from "../../src/sources/source.ts";
import { createTraceExplorerSource } from "../../src/sources/traceExplorer/traceExplorerSource.ts";
import { SessionContent } from "../../src/ui/panels/sessionContent.ts";
import { buildSpanDetailView } from "../../src/ui/panels/spanDetailView.ts";
import { SubagentLinker } from "../../src/ui/panels/subagentLinks.ts";
import { mergeSessions } from "../../src/ui/sessions/sessionList.ts";
import { rootIdOf, TraceExplorerPeer } from "../peers/traceExplorerPeer.ts";

/**
 * The client's side of "Acceptance facts" in Trace Explorer's reference, a title each in the words of the reference. Those of the
 * server are in traceExplorerPeer.test.ts; those of pages (sort orders, filter, zoom) hold for every source and are tested with the
 * pages.
 */

const never = new AbortController().signal;
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
let peer: TraceExplorerPeer;
let source: Source;

beforeEach(async () => {
	peer = await TraceExplorerPeer.start({ secondMs: 1 });
	source = createTraceExplorerSource({
		config: { id: "s", name: "Somewhere", type: "traceExplorer", url: peer.url },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		pollMs: 10,
		minBackoffMs: 5,
	});
});

afterEach(async () => {
	source.dispose();
	await peer.stop();
});

async function connect(): Promise<void> {
	source.connect();
	await until(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }));
}

const shows = (sessionId: string, spans: number) =>
	until(() => {
		expect(source.store.entry(sessionId)).toMatchObject({ isWhole: true });
		expect(source.store.entry(sessionId)?.rows).toHaveLength(spans);
	});

describe("fact: a session whose root has not arrived", () => {
	it("has is_open: true, a growing duration_ms, and one placeholder with depth 0", async () => {
		const call = peer.addModelCall("ses_a");
		await connect();
		await shows("ses_a", 2);
		const sessions = new StoreSessions(source.store);
		expect(sessions.summary("ses_a", ["ses_a"], Date.now())).toMatchObject({ isOpen: true, state: "running" });
		// Without an end its duration is that of the clock.
		expect(source.store.summary("ses_a")).toMatchObject({ state: "running", runningCount: 1, end: undefined });
		const roots = [...(source.store.entry("ses_a")?.rows ?? [])].filter(
			(row) => source.store.spanAt(row).parentSpanId === null,
		);
		expect(roots).toHaveLength(1);
		expect(source.store.span("ses_a", call.span_id)?.isOrphan).toBe(false);
	});

	it("shows the placeholder with the missing parent's id, its name, and the start of the earliest orphan", async () => {
		const first = peer.addModelCall("ses_a");
		peer.addToolCall("ses_a", "bash");
		await connect();
		await shows("ses_a", 3);
		const root = source.store.span("ses_a", rootIdOf("ses_a"));
		expect(root).toMatchObject({ name: "opencode.session", state: "running", parentSpanId: null });
		expect(root?.start).toEqual({
			ms: Number(first.start_ns / 1_000_000n),
			subNs: Number(first.start_ns % 1_000_000n),
		});
		const detail = await source.loadSpan("ses_a", rootIdOf("ses_a"), never);
		expect(detail.attributes).toMatchObject({ "session.is_open": true, "agent.name": "build" });
	});

	it("gets its real root by the next frames, in one step: the open waterfall keeps its rows and its place", async () => {
		peer.addModelCall("ses_a");
		await connect();
		await shows("ses_a", 2);
		const content = new SessionContent(source.store, "ses_a", Date.now);
		const structures = new Set<number>([content.structureRevision]);
		const counts = new Set<number>([content.rowCount]);
		source.store.onDidChange((changes) => {
			content.change(changes);
			structures.add(content.structureRevision);
			counts.add(content.rowCount);
		});
		const ordinal = content.ordinalOf(content.rowOf(rootIdOf("ses_a")) ?? -1);
		const root = peer.endSession("ses_a");
		await until(() => expect(source.store.span("ses_a", root.span_id)?.state).toBe("completed"));
		source.store.flush();
		expect(content.ordinalOf(content.rowOf(root.span_id) ?? -1)).toBe(ordinal);
		expect([structures.size, [...counts]]).toEqual([1, [2]]);
		await until(() => expect(peer.streamCount).toBe(0));
		content.dispose();
	});
});

describe("fact: a stream", () => {
	it("whose source fails goes on with the same connection, and says why meanwhile", async () => {
		peer.addModelCall("ses_a");
		await connect();
		await shows("ses_a", 2);
		peer.tempoFailure = "Tempo: 503 Service Unavailable";
		await until(() => expect(source.status.state).toMatchObject({ name: "waiting", reason: "serverError" }));
		await until(() =>
			expect(source.status.requestError).toBe(
				"session ses_a: its spans cannot be read: Tempo: 503 Service Unavailable",
			),
		);
		peer.addToolCall("ses_a", "bash");
		peer.tempoFailure = undefined;
		await shows("ses_a", 3);
		await until(() =>
			expect(source.status).toMatchObject({
				state: { name: "open" },
				requestError: undefined,
				mode: { isDegraded: false },
			}),
		);
		expect(peer.streamRequests("ses_a")).toHaveLength(1);
	});

	it("survives an error event with and without data, and is closed on done without reconnecting", async () => {
		peer.addModelCall("ses_a");
		const text = "event: error\n\nevent: error\ndata:\n\nevent: error\ndata: no JSON\n\nevent: heartbeat\ndata: {}\n\n";
		// The first connection breaks, an error without data; the second is honest.
		peer.nextStreams.push({ type: "bytes", chunks: [text], ending: "abort" });
		await connect();
		await shows("ses_a", 2);
		expect(peer.streamRequests("ses_a")).toHaveLength(2);
		peer.endSession("ses_a");
		await until(() => expect(source.store.summary("ses_a")?.state).toBe("completed"));
		const lists = () => peer.requests.filter(({ path }) => path === "/api/sessions").length;
		const before = lists();
		await until(() => expect(lists()).toBeGreaterThan(before + 20));
		expect(peer.streamRequests("ses_a")).toHaveLength(2);
		expect(source.status.requestError).toBeUndefined();
	});

	it("that is done is not asked for again while the list still says open: a session without parents has no placeholder", async () => {
		peer.addModelCall("ses_a", { parentSpanId: null });
		await connect();
		await shows("ses_a", 1);
		const lists = () => peer.requests.filter(({ path }) => path === "/api/sessions").length;
		const before = lists();
		await until(() => expect(lists()).toBeGreaterThan(before + 20));
		expect(peer.streamRequests("ses_a")).toHaveLength(1);
		peer.addModelCall("ses_a", { parentSpanId: null });
		await shows("ses_a", 2);
	});

	it("that only heartbeats is given up when the list says closed, or no longer has the session", async () => {
		const heartbeat = "event: heartbeat\ndata: {}\n\n";
		peer.addModelCall("ses_a", { parentSpanId: "00000000000000ff" });
		peer.nextStreams.push({ type: "bytes", chunks: [heartbeat], ending: "open" });
		await connect();
		await until(() => expect(peer.streamRequests("ses_a")).toHaveLength(1));
		// One parent in the middle never came: the stream would have a placeholder for it and never be done.
		peer.endSession("ses_a");
		await until(() => expect(source.store.summary("ses_a")).toMatchObject({ state: "completed", spanCount: 2 }));
		await until(() => expect(source.status.mode?.text).toBe("sessions listed every 0.01 s"));
		expect(source.store.span("ses_a", "00000000000000ff")).toBeUndefined();
		peer.addModelCall("ses_b");
		peer.nextStreams.push({ type: "bytes", chunks: [heartbeat], ending: "open" });
		await until(() => expect(peer.streamRequests("ses_b")).toHaveLength(1));
		peer.removeSession("ses_b");
		await until(() => expect(source.status.mode?.text).toBe("sessions listed every 0.01 s"));
	});
});

describe("fact: spans", () => {
	it("with both llm.model_name and tool.name count once, as an LLM call; cost and tokens come from LLM spans only", async () => {
		peer.addModelCall("ses_a", { attributes: { "tool.name": "bash" } });
		peer.addToolCall("ses_a", "bash", { attributes: { cost_usd: 9, "llm.token_count.total": 9 } });
		peer.endSession("ses_a", { attributes: { "session.total_cost_usd": 7, "session.total_tokens": 7 } });
		await connect();
		await source.loadTrace("ses_a", never);
		expect(source.store.summary("ses_a")).toMatchObject({ costUsd: 0.0021, inputTokens: 700, outputTokens: 250 });
		const sessions = new StoreSessions(source.store);
		expect(sessions.summary("ses_a", ["ses_a"], Date.now())).toMatchObject({ modelCalls: 1, toolCalls: 1 });
	});

	it('of tools: success true, "true", false, "false", missing, and other text give 2 successes, 2 failures, 2 neither', async () => {
		for (const success of [true, "true", false, "false", undefined, "maybe"]) {
			peer.addToolCall("ses_a", "bash", { attributes: { "tool.success": success, "output.value": "why" } });
		}
		peer.endSession("ses_a");
		await connect();
		const [bash] = (await source.loadOverview("1h", never)).tools;
		expect(bash).toMatchObject({ calls: 6, succeeded: 2, failed: 2 });
		expect(successRate(bash)).toBe(0.5);
		await source.loadTrace("ses_a", never);
		expect(source.store.summary("ses_a")).toMatchObject({ failedCount: 2, error: "why" });
	});

	it('of the task tool with <task id="ses_x1" in their output link ses_x1 to the span\'s session, both ways', async () => {
		const task = peer.addToolCall("ses_a", "task", {
			attributes: { "output.value": 'done <task id="ses_x1" state="ok">' },
		});
		peer.addModelCall("ses_x1", { parentSpanId: task.span_id, traceId: task.trace_id });
		const root = peer.endSession("ses_x1", { parentSpanId: task.span_id });
		await connect();
		await shows("ses_a", 2);
		await source.loadTrace("ses_x1", never);
		expect(source.store.summary("ses_x1")).toMatchObject({ tags: ["parent:ses_a"], state: "completed" });
		const linker = new SubagentLinker(source.store, silentLogger);
		const detail = await source.loadSpan("ses_a", task.span_id, never);
		expect(detail.attributes["subagent.session_id"]).toBe("ses_x1");
		expect(await linker.linksOf(detail, source, never)).toMatchObject({ startedSession: "ses_x1" });
		// Its root's parent is in the other session: here it is the root, though the server's stream would wait for ever.
		const top = await source.loadSpan("ses_x1", root.span_id, never);
		expect(top.summary.parentSpanId).toBeNull();
		expect(await linker.linksOf(top, source, never)).toMatchObject({
			startedBy: { traceId: "ses_a", spanId: task.span_id },
		});
	});

	it("have their ids as the backend shows them, hex; an empty parent id means root", async () => {
		const call = peer.addModelCall("ses_a", { spanId: "11aa22bb33cc44dd", parentSpanId: "" });
		await connect();
		await source.loadTrace("ses_a", never);
		expect(source.store.span("ses_a", call.span_id)).toMatchObject({ spanId: "11aa22bb33cc44dd", parentSpanId: null });
	});
});

describe("details", () => {
	it("have every fact of the backend's: provider, finish reason, tokens, cost, prompt and response, parameters and output", async () => {
		const messages = [{ role: "user", content: "Why is the sky blue?" }];
		const call = peer.addModelCall("ses_a", {
			attributes: {
				"input.value": JSON.stringify(messages),
				"output.value": "Rayleigh scattering.",
				"llm.finish_reason": "stop",
				"llm.token_count.prompt_details.cache_read": 300,
			},
		});
		const tool = peer.addToolCall("ses_a", "bash", {
			attributes: { "tool.parameters": '{"command":"ls","n":1772787600000000123}', "output.value": "README.md" },
		});
		const root = peer.endSession("ses_a", { attributes: { "session.total_cost_usd": 0.0021 } });
		await connect();
		const t = (message: string) => message;
		const view = async (spanId: string) => {
			const detail = await source.loadSpan("ses_a", spanId, never);
			return buildSpanDetailView({ detail, sourceId: "s", traceName: "ses_a", clockOffsetMs: 0, t });
		};
		const shown = await view(call.span_id);
		expect(shown).toMatchObject({
			isLlm: true,
			provider: "openai",
			finishReasons: ["stop"],
			inputTokens: 700,
			outputTokens: 250,
			cacheReadTokens: 300,
			costUsd: 0.0021,
			isCostEstimated: false,
		});
		expect(shown.inputMessages.map(({ role, content }) => [role, content.text])).toEqual([
			["user", "Why is the sky blue?"],
		]);
		expect(shown.outputMessages.map(({ content }) => content.text)).toEqual(["Rayleigh scattering."]);
		const ran = await view(tool.span_id);
		expect(ran).toMatchObject({ kind: "tool_call", state: "completed", output: { text: "README.md" } });
		// Numbers that a double does not hold stay as they were sent.
		expect(ran.input?.text).toContain("1772787600000000123");
		const top = await view(root.span_id);
		expect(top.attributes.map(({ key }) => key)).toContain("session.total_cost_usd");
	});
});

describe("fact: the list of sessions", () => {
	beforeEach(() => {
		const at = (seconds: number) => peer.nowNs - BigInt(seconds) * 1_000_000_000n;
		peer.addModelCall("ses_dear", { startNs: at(300), attributes: { cost_usd: 9, "llm.model_name": "claude-sonnet" } });
		peer.addModelCall("ses_long", { startNs: at(200), durationMs: 90_000, attributes: { "agent.name": "plan" } });
		peer.addModelCall("ses_many", { startNs: at(100), attributes: { "llm.token_count.total": 1e6 } });
		peer.addModelCall("ses_old", { startNs: at(3 * 86_400) });
		for (const id of ["ses_dear", "ses_long", "ses_many", "ses_old"]) peer.endSession(id);
		// A subagent whose parent is older than the range.
		peer.addToolCall("ses_old", "task", {
			startNs: at(3 * 86_400),
			attributes: { "output.value": '<task id="ses_long"' },
		});
	});

	const listed = async (query: Partial<SessionQuery>) =>
		(
			await source.listSessions(
				{ sort: "recent", sinceMs: Date.now() - 3_600_000, search: "", limit: 500, ...query },
				never,
			)
		).map(({ sessionId }) => sessionId);

	it("has descending orders; its filter matches id, model and agent; a subagent without visible parent is still listed", async () => {
		await connect();
		expect(await listed({})).toEqual(["ses_many", "ses_long", "ses_dear"]);
		expect((await listed({ sort: "cost" }))[0]).toBe("ses_dear");
		expect((await listed({ sort: "duration" }))[0]).toBe("ses_long");
		expect((await listed({ sort: "tokens" }))[0]).toBe("ses_many");
		expect(await listed({ search: "MANY" })).toEqual(["ses_many"]);
		expect(await listed({ search: "sonnet" })).toEqual(["ses_dear"]);
		expect(await listed({ search: "plan" })).toEqual(["ses_long"]);
		expect(await listed({ sinceMs: undefined })).toContain("ses_old");
		expect(await listed({ limit: 1 })).toEqual(["ses_many"]);
	});

	it("shows what the backend says of a session that nobody has opened, and counts it here once it is", async () => {
		await connect();
		const now = Date.now();
		const told = await source.listSessions({ sort: "recent", sinceMs: undefined, search: "", limit: 500 }, never);
		const shown = () => {
			const merged = mergeSessions(new StoreSessions(source.store).all(now), told);
			return merged.find(({ sessionId }) => sessionId === "ses_dear");
		};
		expect(shown()).toMatchObject({
			modelCalls: 1,
			models: ["claude-sonnet"],
			costUsd: 9,
			inputTokens: 950,
			isOpen: false,
		});
		await source.loadTrace("ses_dear", never);
		expect(shown()).toMatchObject({ modelCalls: 1, models: ["claude-sonnet"], inputTokens: 700, outputTokens: 250 });
	});
});

describe("fact: the overview", () => {
	beforeEach(() => {
		for (let count = 0; count < 120; count++) {
			const session = `ses_${count % 5}`;
			const model = ["gpt-4o-mini", "claude-sonnet", "gemini"][count % 3];
			const costs = { cost_usd: count / 1000, "llm.token_count.prompt": count, "llm.token_count.completion": 2 };
			peer.addModelCall(session, {
				startNs: peer.nowNs - BigInt(count) * 20_000_000_000n,
				attributes: {
					...costs,
					"llm.model_name": model,
					"llm.token_count.total": count + 2 + (count % 2),
					"llm.token_count.prompt_details.cache_read": count % 2,
					"agent.name": count % 4 === 0 ? undefined : "build",
					"input.value": "x".repeat(count % 2 === 0 ? 200 : 201),
				},
			});
			peer.addToolCall(session, ["bash", "read"][count % 2], { attributes: { "tool.success": count % 3 > 0 } });
		}
	});

	it("has exactly 60 buckets; the sums of cost_by_model equal total_cost_usd; call lists have at most 100 rows, totals are uncut", async () => {
		await connect();
		const overview = await source.loadOverview("all", never);
		for (const { values } of overview.costByModel) expect(values).toHaveLength(OVERVIEW_BUCKETS);
		const costs = overview.costByModel.flatMap(({ values }) => values).reduce((a, b) => a + b);
		expect(costs).toBeCloseTo(overview.usage.costUsd ?? 0, 9);
		expect(overview).toMatchObject({ usage: { calls: 120 }, toolCalls: 120, sessions: 5 });
		expect(overview.newestModelCalls).toHaveLength(100);
		expect(overview.newestToolCalls).toHaveLength(100);
	});

	it('cuts text of 201 characters to 200 plus "..."; 200 characters stay whole', async () => {
		await connect();
		const { newestModelCalls } = await source.loadOverview("all", never);
		const inputs = newestModelCalls.slice(0, 2).map(({ preview }) => preview?.input);
		expect(inputs).toEqual(["x".repeat(200), `${"x".repeat(200)}...`]);
	});

	it("agrees with the store's own", async () => {
		await connect();
		for (const { traceId } of [...source.store.entries()]) await source.loadTrace(traceId, never);
		const theirs = await source.loadOverview("all", never);
		const turn = async () => undefined;
		const ours = await overviewOfStore({ store: source.store, range: "all", nowMs: Date.now(), turn, signal: never });
		const usage = ({ costUsd, reasoningTokens: _, ...rest }: UsageTotals) => ({ ...rest, costUsd: rounded(costUsd) });
		expect(usage(theirs.usage)).toEqual(usage({ ...ours.usage, cacheWriteTokens: 0 }));
		expect([theirs.sessions, theirs.toolCalls]).toEqual([ours.sessions, ours.toolCalls]);
		const models = (rows: typeof ours.models) =>
			rows.map(({ model, calls, costUsd, inputTokens, outputTokens, providers }) => ({
				model,
				calls,
				costUsd: rounded(costUsd),
				inputTokens,
				outputTokens,
				providers,
			}));
		expect(models(theirs.models)).toEqual(models(ours.models));
		const agents = (rows: typeof ours.agents) =>
			rows.map((row) => [row.agent, row.calls, rounded(row.costUsd), (row.inputTokens ?? 0) + (row.outputTokens ?? 0)]);
		expect(agents(theirs.agents)).toEqual(agents(ours.agents));
		expect(theirs.tools).toEqual(ours.tools);
		const sums = (series: typeof ours.costByModel) =>
			series.map(({ name, values }) => [name, rounded(values.reduce((a, b) => a + b, 0))]);
		expect(sums(theirs.costByModel)).toEqual(sums(ours.costByModel));
		expect(sums(theirs.tokensByModel)).toEqual(sums(ours.tokensByModel));
		expect(sums(theirs.callsByTool)).toEqual(sums(ours.callsByTool));
		const calls = ({ newestModelCalls }: typeof ours) =>
			newestModelCalls.map(({ traceId, spanId, name, startMs }) => [traceId, spanId, name, startMs]);
		expect(calls(theirs)).toEqual(calls(ours));
	});

	it("names calls of sessions that are not here so that they can be opened", async () => {
		for (let session = 0; session < 5; session++) peer.endSession(`ses_${session}`);
		await connect();
		expect(source.store.spanCount).toBe(0);
		const [call] = (await source.loadOverview("all", never)).newestModelCalls;
		const detail = await source.loadSpan(call.traceId, call.spanId, never);
		expect(detail.summary).toMatchObject({ traceId: call.traceId, kindType: "llm_call", model: call.name });
		expect(detail.input).toHaveLength(200);
	});

	it("is not counted for seven days, which this backend does not know", async () => {
		await connect();
		await expect(source.loadOverview("7d", never)).rejects.toMatchObject({ reason: "unsupported" });
	});
});

describe("fact: numbers on cards", () => {
	it("950 tokens → 950, 12 300 → 12.3k, 2 500 000 → 2.5M; 0.0021 USD → $0.0021; 1.5 USD → $1.50", () => {
		expect([950, 12_300, 2_500_000].map(formatTokens)).toEqual(["950", "12.3k", "2.5M"]);
		expect([0.0021, 1.5].map((usd) => formatCost(usd, false))).toEqual(["$0.0021", "$1.50"]);
	});

	it("durations are in our own words for 999ms, 1.50s and 1m 5s, and 119.6 s is two minutes", () => {
		const words = [999, 1500, 65_000, 119_600].map((ms) => formatDuration(ms * 1e6));
		expect(words).toEqual(["999 ms", "1.5 s", "1 m 05 s", "2 m 00 s"]);
	});

	it("success rate of 0 successes and 0 failures: none", () => {
		expect(successRate({ succeeded: 0, failed: 0 })).toBeNull();
	});
});

const rounded = (value: number | null) => (value === null ? null : Math.round(value * 1e9) / 1e9);
