import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isAbortError, sleep } from "../../../src/base/abort.ts";
import { assertNever } from "../../../src/base/assert.ts";
import { describeError, prefixedLogger } from "../../../src/base/logger.ts";

describe("sleep", () => {
	beforeEach(() => {
		vi.useFakeTimers();
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it("resolves when its time has come, and leaves nothing behind", async () => {
		const controller = new AbortController();
		const remove = vi.spyOn(controller.signal, "removeEventListener");
		const slept = sleep(1000, controller.signal).then(() => "slept");
		await vi.advanceTimersByTimeAsync(999);
		expect(vi.getTimerCount()).toBe(1);
		await vi.advanceTimersByTimeAsync(1);
		expect(await slept).toBe("slept");
		expect(remove).toHaveBeenCalledOnce();
	});

	it("rejects with the signal's reason when it is aborted, and stops its timer", async () => {
		const controller = new AbortController();
		const slept = sleep(1000, controller.signal);
		controller.abort(new Error("enough"));
		await expect(slept).rejects.toThrow("enough");
		expect(vi.getTimerCount()).toBe(0);
	});

	it("starts no timer for a signal that was aborted before", async () => {
		await expect(sleep(1000, AbortSignal.abort())).rejects.toSatisfy(isAbortError);
		expect(vi.getTimerCount()).toBe(0);
	});
});

describe("isAbortError", () => {
	it("knows the rejections of aborted and timed-out operations from faults", async () => {
		const aborted = await fetch("http://127.0.0.1:1/", { signal: AbortSignal.abort() }).catch(
			(error: unknown) => error,
		);
		expect(isAbortError(aborted)).toBe(true);
		expect(isAbortError(new DOMException("late", "TimeoutError"))).toBe(true);
		for (const other of [new Error("AbortError"), "AbortError", undefined, null, { name: "AbortError" }]) {
			expect(isAbortError(other)).toBe(false);
		}
	});
});

describe("assertNever", () => {
	it("names the value that should not be", () => {
		expect(() => assertNever("odd" as never, "state")).toThrow('state: unexpected "odd"');
	});
});

describe("describeError", () => {
	it("is one line with the cause", () => {
		expect(describeError(new Error("fetch failed", { cause: new Error("connect ECONNREFUSED") }))).toBe(
			"fetch failed (connect ECONNREFUSED)",
		);
		expect(describeError(new Error("GET /x: fetch failed (no)", { cause: new Error("fetch failed") }))).toBe(
			"GET /x: fetch failed (no)",
		);
		expect(describeError(new TypeError(""))).toBe("TypeError");
		expect(describeError("text")).toBe("text");
		expect(describeError(undefined)).toBe("undefined");
	});
});

describe("prefixedLogger", () => {
	it("puts the subject before each line and keeps the level", () => {
		const lines: string[] = [];
		const log = (level: string) => (message: string) => {
			lines.push(`${level} ${message}`);
		};
		const logger = prefixedLogger({ error: log("E"), warn: log("W"), info: log("I"), debug: log("D") }, "source x");
		logger.error("a");
		logger.warn("b");
		logger.info("c");
		logger.debug("d");
		expect(lines).toEqual(["E [source x] a", "W [source x] b", "I [source x] c", "D [source x] d"]);
	});
});
