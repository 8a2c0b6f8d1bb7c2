import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import type { QueryValues } from "../../../src/model/queryComplete.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import type { Source } from "../../../src/sources/source.ts";
import { FilterValues } from "../../../src/ui/live/filterValues.ts";

let store: TraceStore;
let told: QueryValues[];
let questions: { readonly signal: AbortSignal; answer(values: QueryValues): void; fail(error: Error): void }[];

beforeEach(() => {
	vi.useFakeTimers();
	store = new TraceStore();
	store.upsertSpan({ spanId: "1", traceId: "a", kindType: "llm_call", kindName: "llm_call", model: "gpt-4o" });
	told = [];
	questions = [];
});

afterEach(() => {
	store.dispose();
	vi.useRealTimers();
});

function make(canAsk = true): FilterValues {
	const loadQueryValues = (signal: AbortSignal) =>
		new Promise<QueryValues>((resolve, reject) => questions.push({ signal, answer: resolve, fail: reject }));
	return new FilterValues({
		store,
		source: () => (canAsk ? { loadQueryValues } : {}) as Source,
		onKnown: (values) => void told.push(values),
		logger: silentLogger,
	});
}

const settled = () => vi.advanceTimersByTimeAsync(0);

describe("values of a filter", () => {
	it("are those of the traces here at once, and then the backend's behind them", async () => {
		const values = make();
		values.load();
		expect(told).toEqual([expect.objectContaining({ model: ["gpt-4o"] })]);
		questions[0].answer({ model: ["claude-sonnet-4-5", "gpt-4o"], service: ["shop"] });
		await settled();
		expect(told[1]).toMatchObject({ model: ["gpt-4o", "claude-sonnet-4-5"], service: ["shop"] });
	});

	it("are asked of the backend once a minute at most, and told from what it said before", async () => {
		const values = make();
		values.load();
		questions[0].answer({ service: ["shop"] });
		await settled();
		values.load();
		expect(questions).toHaveLength(1);
		expect(told.at(-1)).toMatchObject({ service: ["shop"] });
		await vi.advanceTimersByTimeAsync(60_000);
		values.load();
		expect(questions).toHaveLength(2);
	});

	it("stay those of the traces here where the backend fails or cannot say", async () => {
		make(false).load();
		const values = make();
		values.load();
		questions[0].fail(new Error("HTTP 500"));
		await settled();
		expect(told).toHaveLength(2);
		expect(told[1]).toEqual(told[0]);
	});

	it("come no more after the end", async () => {
		const values = make();
		values.load();
		values.dispose();
		expect(questions[0].signal.aborted).toBe(true);
		questions[0].answer({ service: ["shop"] });
		await settled();
		values.load();
		expect(told).toHaveLength(1);
	});
});
