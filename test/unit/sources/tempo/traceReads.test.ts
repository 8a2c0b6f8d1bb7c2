import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../../src/base/logger.ts";
import { SourceError } from "../../../../src/sources/source.ts";
import { TraceReads } from "../../../../src/sources/tempo/traceReads.ts";

interface Reading {
	readonly traceId: string;
	readonly signal: AbortSignal;
	end(error?: unknown): Promise<void>;
}

let readings: Reading[];
let failed: string[];
let reads: TraceReads;

beforeEach(() => {
	vi.useFakeTimers();
	readings = [];
	failed = [];
	reads = new TraceReads({
		read: (traceId, signal) =>
			new Promise((resolve, reject) => {
				const end = async (error?: unknown) => {
					if (error === undefined) resolve();
					else reject(error);
					await vi.advanceTimersByTimeAsync(0);
				};
				readings.push({ traceId, signal, end });
			}),
		onFailed: (traceId) => void failed.push(traceId),
		random: () => 1,
		minBackoffMs: 500,
		logger: silentLogger,
	});
});

afterEach(() => {
	reads.dispose();
	expect(vi.getTimerCount()).toBe(0);
	vi.useRealTimers();
});

const asked = () => readings.map(({ traceId }) => traceId);
const busy = (retryAfterSeconds?: number) =>
	new SourceError("rateLimited", "HTTP 429", retryAfterSeconds === undefined ? undefined : { retryAfterSeconds });

describe("readings of traces", () => {
	it("are four at once, in the order in which they were asked for", async () => {
		for (const id of ["a", "b", "c", "d", "e", "f"]) reads.request(id);
		expect(asked()).toEqual(["a", "b", "c", "d"]);
		await readings[1].end();
		expect(asked()).toEqual(["a", "b", "c", "d", "e"]);
	});

	it("are one for each trace, and one more when it was asked for meanwhile", async () => {
		reads.request("a");
		reads.request("a");
		reads.request("a");
		expect(asked()).toEqual(["a"]);
		await readings[0].end();
		expect(asked()).toEqual(["a", "a"]);
		await readings[1].end();
		expect(asked()).toEqual(["a", "a"]);
	});

	it("begin with what somebody waits for", async () => {
		for (const id of ["a", "b", "c", "d", "e"]) reads.request(id);
		reads.request("now", true);
		await readings[0].end();
		expect(asked().at(-1)).toBe("now");
	});

	it("rest when the server is busy, twice as long each time, and try a trace five times", async () => {
		reads.request("a");
		for (const pauseMs of [1000, 2000, 4000, 8000]) {
			await readings.at(-1)?.end(busy());
			const before = readings.length;
			await vi.advanceTimersByTimeAsync(pauseMs - 1);
			expect(readings.length).toBe(before);
			await vi.advanceTimersByTimeAsync(1);
			expect(readings.length).toBe(before + 1);
		}
		await readings.at(-1)?.end(busy());
		expect(failed).toEqual(["a"]);
		await vi.advanceTimersByTimeAsync(600_000);
		expect(readings).toHaveLength(5);
	});

	it("rest as long as the server asks, all of them", async () => {
		for (const id of ["a", "b", "c", "d", "e"]) reads.request(id);
		await readings[0].end(busy(20));
		await readings[1].end(busy(20));
		await readings[2].end();
		await vi.advanceTimersByTimeAsync(19_999);
		expect(readings).toHaveLength(4);
		await vi.advanceTimersByTimeAsync(1);
		expect(asked().slice(4)).toEqual(["e", "a", "b"]);
	});

	it("go on after a trace that cannot be read", async () => {
		for (const id of ["a", "b", "c", "d", "e"]) reads.request(id);
		await readings[0].end(new SourceError("tooLarge", "too large"));
		expect(failed).toEqual(["a"]);
		expect(asked()).toEqual(["a", "b", "c", "d", "e"]);
	});

	it("leave the others for later when the server is away, or fails for all", async () => {
		for (let number = 0; number < 50; number++) reads.request(`n${number}`);
		await readings[0].end(new SourceError("network", "refused"));
		for (const reading of readings.slice(1)) await reading.end(new SourceError("network", "refused"));
		expect(readings).toHaveLength(4);

		for (let number = 0; number < 50; number++) reads.request(`s${number}`);
		for (let at = 4; at < readings.length; at++) await readings[at].end(new SourceError("serverError", "HTTP 500"));
		expect(readings.length).toBeLessThan(20);
	});

	it("end with a stop, and whoever waits for them is told", async () => {
		for (const id of ["a", "b", "c", "d", "e"]) reads.request(id);
		const drained = reads.drained(new AbortController().signal);
		reads.stop();
		await drained;
		expect(readings[0].signal.aborted).toBe(true);
		await readings[0].end(readings[0].signal.reason);
		expect(failed).toEqual([]);
		expect(readings).toHaveLength(4);
		reads.request("f");
		expect(asked().at(-1)).toBe("f");
		expect(readings.at(-1)?.signal.aborted).toBe(false);
	});

	it("are waited for until the last one, or until nobody waits any more", async () => {
		reads.request("a");
		const given = new AbortController();
		const first = reads.drained(given.signal);
		const second = reads.drained(new AbortController().signal);
		given.abort(new Error("no longer"));
		await expect(first).rejects.toThrow("no longer");
		await readings[0].end();
		await second;
		await reads.drained(new AbortController().signal);
	});

	it("begin no more after the end", () => {
		reads.dispose();
		reads.request("a");
		expect(readings).toEqual([]);
	});
});
