import { describe, expect, it } from "vitest";
import type { ReportedTrace } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";

const at = (ms: number) => ({ ms, subNs: 0 });
const REPORT: ReportedTrace = {
	spanCount: 12,
	failedCount: 2,
	state: "failed",
	end: at(9_000),
	inputTokens: 100,
	outputTokens: 20,
	costUsd: 0.5,
	serviceName: "shop",
	sessionId: "s1",
};

function reportedStore(report = REPORT): TraceStore {
	const store = new TraceStore();
	store.upsertTrace({ traceId: "t", name: "checkout", start: at(1_000), reported: report });
	return store;
}

describe("a trace whose spans are not here", () => {
	it("shows what the backend says of it", () => {
		const store = reportedStore();
		expect(store.entry("t")?.isWhole).toBe(false);
		expect(store.summary("t")).toMatchObject({
			name: "checkout",
			spanCount: 12,
			runningCount: 0,
			failedCount: 2,
			state: "failed",
			start: at(1_000),
			end: at(9_000),
			inputTokens: 100,
			outputTokens: 20,
			costUsd: 0.5,
			isCostEstimated: false,
			serviceName: "shop",
			sessionId: "s1",
		});
	});

	it("leaves unknown what nobody said", () => {
		const store = reportedStore({ spanCount: 3 });
		expect(store.summary("t")).toMatchObject({
			spanCount: 3,
			state: "running",
			end: undefined,
			inputTokens: undefined,
			costUsd: undefined,
		});
	});

	it("runs while the backend says so, also when all spans here have ended", () => {
		const store = reportedStore({ spanCount: 2, state: "running" });
		store.upsertSpan({ traceId: "t", spanId: "a", state: "completed", start: at(1_000), end: at(2_000) });
		expect(store.summary("t")).toMatchObject({ state: "running", runningCount: 1, spanCount: 2, end: undefined });
	});

	it("has the wider of both spans of time", () => {
		const store = reportedStore({ state: "completed", end: at(5_000) });
		store.upsertSpan({ traceId: "t", spanId: "a", state: "completed", start: at(500), end: at(7_000) });
		expect(store.summary("t")).toMatchObject({ start: at(500), end: at(7_000) });
	});

	it("is counted by its spans once they are all here, and by the report again when that changes", () => {
		const store = reportedStore();
		store.upsertSpan({
			traceId: "t",
			spanId: "a",
			state: "completed",
			start: at(1_000),
			end: at(2_000),
			inputTokens: 7,
		});
		const revision = store.entry("t")?.revision ?? 0;
		store.markWhole("t");
		expect(store.entry("t")?.revision).toBeGreaterThan(revision);
		expect(store.summary("t")).toMatchObject({ spanCount: 1, inputTokens: 7, state: "completed", costUsd: undefined });
		expect(store.upsertTrace({ traceId: "t", reported: { ...REPORT } })).toBe("unchanged");
		expect(store.entry("t")?.isWhole).toBe(true);
		expect(store.upsertTrace({ traceId: "t", reported: { ...REPORT, spanCount: 13 } })).toBe("applied");
		expect(store.entry("t")?.isWhole).toBe(false);
		expect(store.summary("t")).toMatchObject({ spanCount: 13, inputTokens: 100 });
	});

	it("stays whole when spans came live and the first report comes after them", () => {
		const store = new TraceStore();
		store.upsertSpan({ traceId: "t", spanId: "a", state: "completed", start: at(1_000), end: at(2_000) });
		store.upsertTrace({ traceId: "t", reported: REPORT });
		expect(store.entry("t")?.isWhole).toBe(true);
		expect(store.summary("t")).toMatchObject({ spanCount: 1, state: "completed" });
	});
});
