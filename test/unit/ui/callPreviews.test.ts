import { expect, it, vi } from "vitest";
import type { SpanDetail } from "../../../src/model/span.ts";
import { SourceError } from "../../../src/sources/source.ts";
import { CallPreviews, checkedCalls } from "../../../src/ui/overview/callPreviews.ts";

const call = (spanId: string, isRunning = false) => ({ traceId: "t", spanId, isRunning });

function previewsOf() {
	const reading: string[] = [];
	const told: (readonly [spanId: string, input: string | null])[] = [];
	let answers: (() => void)[] = [];
	const loadSpan = async (_traceId: string, spanId: string): Promise<SpanDetail> => {
		reading.push(spanId);
		await new Promise<void>((resolve) => answers.push(resolve));
		if (spanId === "gone") throw new SourceError("notFound", "gone");
		return { input: `in ${spanId}`, output: undefined, attributes: {} } as SpanDetail;
	};
	const previews = new CallPreviews({ whenSource: async () => ({ loadSpan }) }, (found) =>
		told.push(...found.map(({ spanId, preview }) => [spanId, preview.input] as const)),
	);
	const answer = () => {
		const now = answers;
		answers = [];
		for (const one of now) one();
	};
	return { previews, reading, told, answer };
}

it("reads four calls at once, the newest wish first, and each once", async () => {
	const { previews, reading, told, answer } = previewsOf();
	previews.want(
		"model",
		["a", "b", "c", "d", "e", "f"].map((id) => call(id)),
	);
	previews.want("model", [call("a"), call("g")]);
	await vi.waitFor(() => expect(reading).toEqual(["a", "b", "c", "d"]));
	answer();
	await vi.waitFor(() => expect(reading).toEqual(["a", "b", "c", "d", "g", "e", "f"]));
	answer();
	await vi.waitFor(() => expect(told).toHaveLength(7));
	expect(told[0]).toEqual(["a", "in a"]);
});

it("has nothing to show of a call that cannot be read, and asks again for one that ran", async () => {
	const { previews, reading, told, answer } = previewsOf();
	previews.want("tool", [call("gone"), call("x", true)]);
	await vi.waitFor(() => expect(reading).toHaveLength(2));
	answer();
	await vi.waitFor(() => expect(told).toHaveLength(2));
	expect(told).toContainEqual(["gone", null]);
	previews.want("tool", [call("x", true), call("x")]);
	await vi.waitFor(() => expect(reading).toEqual(["gone", "x", "x"]));
	previews.dispose();
	answer();
	await new Promise((resolve) => setImmediate(resolve));
	expect(told).toHaveLength(2);
});

it("takes of a page's message what are calls", () => {
	expect(checkedCalls(undefined)).toEqual([]);
	expect(checkedCalls([null, 1, {}, { traceId: 1, spanId: "s" }, { traceId: "t", spanId: "s" }])).toEqual([call("s")]);
	expect(checkedCalls(Array.from({ length: 500 }, () => call("s")))).toHaveLength(100);
});
