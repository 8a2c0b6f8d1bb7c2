import { describe, expect, it } from "vitest";
import { TraceModel } from "../../../webview/waterfall/model.ts";
import { timeFlag } from "../../../webview/waterfall/timeFlags.ts";
import { BASE, TestHostTrace } from "../../webview/agentTrace.ts";
import type { TestSpan } from "./traceColumnsBuilder.ts";

const SECOND = 1e9;
const NOW = 1000 * SECOND;

/** Flags by span id; of those that have one. */
function flags(spans: readonly TestSpan[]): Record<string, string> {
	const model = TraceModel.fromSnapshot(new TestHostTrace().snapshot(spans));
	if (model === undefined) throw new Error("refused");
	const found: Record<string, string> = {};
	for (const [ordinal, { id }] of spans.entries()) {
		const flag = timeFlag(model, ordinal, NOW);
		if (flag !== undefined) found[id] = flag;
	}
	return found;
}

describe("timeFlag", () => {
	it("says nothing of a sound trace, nor of times that nobody knows", () => {
		expect(
			flags([
				{ id: "root", start: 0, end: 10 * SECOND },
				{ id: "kid", parent: "root", start: -1e5, end: 20 * SECOND },
				{ id: "open", start: 5 * SECOND },
				{ id: "unknown", parent: "root", isFailed: true },
				{ id: "ring", parent: "ring", start: SECOND, end: 2 * SECOND },
			]),
		).toEqual({});
	});

	it("names what cannot be: ends before starts, the last century, the future at either end", () => {
		expect(
			flags([
				{ id: "backwards", start: 6 * SECOND, end: 5 * SECOND },
				{ id: "seconds", start: -BASE.ms * 1e6, end: 0 },
				{ id: "early", start: NOW + 61 * SECOND, end: NOW + 62 * SECOND },
				{ id: "endless", start: 0, end: 7e18 },
				{ id: "soon", start: NOW, end: NOW + 59 * SECOND },
			]),
		).toEqual({
			backwards: "flagEndBeforeStart",
			seconds: "flagLongAgo",
			early: "flagFuture",
			endless: "flagEndFuture",
		});
	});

	it("names what does not fit the parent: before it, after it, running on without it", () => {
		expect(
			flags([
				{ id: "root", start: 10 * SECOND, end: 20 * SECOND },
				{ id: "before", parent: "root", start: 9 * SECOND, end: 11 * SECOND },
				{ id: "after", parent: "root", start: 21 * SECOND, end: 22 * SECOND },
				{ id: "left", parent: "root", start: 11 * SECOND },
			]),
		).toEqual({ before: "flagBeforeParent", after: "flagAfterParent", left: "flagOverdue" });
	});
});
