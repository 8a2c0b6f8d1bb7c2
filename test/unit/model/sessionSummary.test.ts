import { describe, expect, it } from "vitest";
import {
	awaitedRoots,
	type ListedSession,
	type SessionSummary,
	StoreSessions,
	sessionDurationNs,
} from "../../../src/model/sessionSummary.ts";
import type { SpanInput } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { listSessions, mergeSessions } from "../../../src/ui/sessions/sessionList.ts";
import { at, NOON, span } from "./spans.ts";

function storeWith(...spans: SpanInput[]): TraceStore {
	const store = new TraceStore();
	for (const input of spans) store.upsertSpan(input);
	return store;
}

function summaryOf(store: TraceStore, nowMs = NOON + 1000): SessionSummary {
	const sessions = new StoreSessions(store);
	return sessions.summary("s", sessions.traceIds("s"), nowMs);
}

const llm = { kindType: "llm_call", kindName: "llm_call", model: "gpt-4o" };

describe("a session's sums", () => {
	it("add up those of its traces, and the cost in whole nano-dollars", () => {
		const store = storeWith(
			span("t2", "b", {
				sessionId: "s",
				start: at(100),
				end: at(400),
				...llm,
				costUsd: 0.1,
				inputTokens: 10,
				agentName: "build",
			}),
			span("t1", "a", { sessionId: "s", start: at(0), end: at(10), ...llm, costUsd: 0.2, outputTokens: 5 }),
			span("t1", "c", { parentSpanId: "a", toolName: "bash", state: "failed", error: "no", costUsd: undefined }),
			span("t3", "d", { sessionId: "other", costUsd: 9 }),
		);
		expect(summaryOf(store)).toMatchObject({
			traceIds: ["t1", "t2"],
			state: "failed",
			isOpen: false,
			spanCount: 3,
			failedCount: 1,
			failedTraces: 1,
			averageTraceNs: 155e6,
			modelCalls: 2,
			toolCalls: 1,
			models: ["gpt-4o"],
			agents: ["build"],
			inputTokens: 10,
			outputTokens: 5,
			costUsd: 0.3,
			start: at(0),
			lastTime: at(400),
		});
	});

	it("know nothing of what no span says", () => {
		const summary = summaryOf(storeWith(span("t1", "a", { sessionId: "s" })));
		expect([summary.inputTokens, summary.outputTokens, summary.costUsd]).toEqual([undefined, undefined, undefined]);
	});
});

describe("an open session", () => {
	it("waits for a root that is named and not here, and is closed by it", () => {
		const store = storeWith(span("t1", "call", { sessionId: "s", parentSpanId: "root", end: at(40) }));
		const open = summaryOf(store, NOON + 90);
		expect(open.awaitedRootIds).toEqual(["root"]);
		expect([open.isOpen, open.state, sessionDurationNs(open, NOON + 90)]).toEqual([true, "running", 90e6]);
		store.upsertSpan(span("t1", "root", { end: at(80) }));
		const closed = summaryOf(store, NOON + 5000);
		expect([closed.isOpen, closed.state, sessionDurationNs(closed, NOON + 5000)]).toEqual([false, "completed", 80e6]);
	});

	it("does not wait for a span that was lost below a root", () => {
		const store = storeWith(span("t1", "root", { sessionId: "s" }), span("t1", "leaf", { parentSpanId: "lost" }));
		expect(awaitedRoots(store, store.entry("t1") ?? expect.fail())).toEqual([]);
		expect(summaryOf(store).isOpen).toBe(false);
	});

	it("is not open any more when nothing came for a quarter of an hour", () => {
		const store = storeWith(span("t1", "call", { sessionId: "s", parentSpanId: "root", end: at(0) }));
		expect(summaryOf(store, NOON + 15 * 60_000 - 1).isOpen).toBe(true);
		expect(summaryOf(store, NOON + 15 * 60_000).isOpen).toBe(false);
	});

	it("runs as long as one of its spans does", () => {
		const store = storeWith(span("t1", "a", { sessionId: "s", state: "running", end: undefined }));
		expect(summaryOf(store, NOON + 86_400_000).isOpen).toBe(true);
	});
});

describe("the list of sessions", () => {
	const HOUR = 3_600_000;
	const store = storeWith(
		span("t1", "a", { sessionId: "cheap", start: at(-2 * HOUR), end: at(-HOUR - 1), costUsd: 0.1, inputTokens: 900 }),
		span("t2", "b", { sessionId: "dear", start: at(-30_000), end: at(-20_000), costUsd: 2, inputTokens: 5 }),
		span("t3", "c", { sessionId: "free", start: at(-50 * HOUR), end: at(-25 * HOUR) }),
		span("t4", "d", { sessionId: "old but open", start: at(-48 * HOUR), state: "running", end: undefined }),
		span("t5", "e", {}),
	);
	const ids = (
		...[sort, range]: Parameters<typeof listSessions> extends [unknown, infer S, infer R, unknown] ? [S, R] : never
	) => listSessions(new StoreSessions(store).all(NOON), sort, range, NOON).map(({ sessionId }) => sessionId);

	it("is sorted by what is asked for, unknown last", () => {
		expect(ids("recent", "all")).toEqual(["dear", "cheap", "old but open", "free"]);
		expect(ids("cost", "all")).toEqual(["dear", "cheap", "old but open", "free"]);
		expect(ids("duration", "all")).toEqual(["old but open", "free", "cheap", "dear"]);
		expect(ids("tokens", "all")).toEqual(["cheap", "dear", "old but open", "free"]);
	});

	it("tells of a session that the server has more of by the server's sums, and of others live", () => {
		const here = new StoreSessions(store).all(NOON);
		const told = (sessionId: string, traceCount: number): ListedSession => ({
			sessionId,
			traceCount,
			failedTraces: 0,
			state: "completed",
			isOpen: false,
			inputTokens: 7,
			outputTokens: undefined,
			costUsd: 100,
			isCostEstimated: false,
			start: at(-90 * HOUR),
			lastTime: at(-80 * HOUR),
		});
		const merged = mergeSessions(here, [told("cheap", 3), told("dear", 1), told("elsewhere", 2)]);
		const byCost = listSessions(merged, "cost", "all", NOON);
		expect(byCost.map(({ sessionId, costUsd }) => [sessionId, costUsd])).toEqual([
			["cheap", 100],
			["elsewhere", 100],
			["dear", 2],
			["old but open", undefined],
			["free", undefined],
		]);
		expect(listSessions(merged, "cost", "6h", NOON).map(({ sessionId }) => sessionId)).toEqual([
			"dear",
			"old but open",
		]);
	});

	it("has the sessions of a range, and those that are open", () => {
		expect(ids("recent", "1h")).toEqual(["dear", "old but open"]);
		expect(ids("recent", "6h")).toEqual(["dear", "cheap", "old but open"]);
		expect(ids("recent", "24h")).toEqual(["dear", "cheap", "old but open"]);
	});
});
