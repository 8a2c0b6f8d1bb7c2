import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import { connectionEnd } from "../../../src/sources/baseSource.ts";
import { SourceError } from "../../../src/sources/source.ts";
import {
	type ConnectionAttempt,
	ConnectionLoop,
	type ConnectionLoopOptions,
} from "../../../src/stream/connectionLoop.ts";

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

function makeLoop(run: ConnectionLoopOptions["run"], options: Partial<ConnectionLoopOptions> = {}): ConnectionLoop {
	return new ConnectionLoop({
		name: "socket",
		run,
		logger: silentLogger,
		judge: connectionEnd,
		random: () => 1,
		...options,
	});
}

/** Resolves when the signal is aborted, as a connection does that nobody but us ends. */
function untilOver({ signal }: ConnectionAttempt): Promise<void> {
	return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

describe("an asynchronous try", () => {
	it("is retried after waits that double exactly without jitter, and begins anew after a success", async () => {
		const waits: number[] = [];
		let isUp = false;
		const loop = makeLoop(async (attempt) => {
			if (!isUp) throw new SourceError("network", "refused");
			attempt.opened();
			attempt.proved();
			throw new SourceError("ended", "closed");
		});
		loop.onDidChangeState((state) => {
			if (state.name === "waiting") waits.push(state.retryAtMs - Date.now());
		});
		loop.connect();
		for (let tries = 0; tries < 7; tries++) await vi.advanceTimersToNextTimerAsync();
		await vi.advanceTimersByTimeAsync(60_000);
		isUp = true;
		await vi.advanceTimersByTimeAsync(31_000);
		expect(waits.slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
		expect(waits.at(-1)).toBe(1000);
		loop.dispose();
		expect(vi.getTimerCount()).toBe(0);
	});

	it("that ends without an error was ended by the other side", async () => {
		const loop = makeLoop(async (attempt) => attempt.opened());
		loop.connect();
		await vi.advanceTimersByTimeAsync(0);
		expect(loop.state).toMatchObject({ name: "waiting", reason: "ended" });
		loop.dispose();
	});

	it("is aborted by the watchdog, which every sound calms", async () => {
		let attempt: ConnectionAttempt | undefined;
		const loop = makeLoop(
			async (made) => {
				attempt = made;
				made.opened();
				await untilOver(made);
			},
			{ watchdogMs: 3000 },
		);
		loop.connect();
		for (let sound = 0; sound < 4; sound++) {
			await vi.advanceTimersByTimeAsync(2000);
			attempt?.heard();
		}
		expect(loop.state.name).toBe("open");
		expect(loop.lastByteAtMs).toBe(Date.now());
		await vi.advanceTimersByTimeAsync(3000);
		expect(loop.state).toMatchObject({ name: "waiting", reason: "stale" });
		expect(attempt?.isOver).toBe(true);
		loop.dispose();
	});

	it("listens as long as the other side's rhythm asks for", async () => {
		const loop = makeLoop(
			async (made) => {
				made.opened();
				await untilOver(made);
			},
			{ minBackoffMs: 10_000 },
		);
		loop.connect();
		loop.watchdogMs = 90_000;
		await vi.advanceTimersByTimeAsync(89_000);
		expect(loop.state.name).toBe("open");
		await vi.advanceTimersByTimeAsync(2000);
		expect(loop.state.name).toBe("waiting");
		loop.dispose();
	});

	it.each([
		["unauthorized", "failed"],
		["forbidden", "failed"],
		["notFound", "failed"],
		["protocol", "failed"],
		["unsupported", "failed"],
		["serverError", "waiting"],
		["rateLimited", "waiting"],
		["timeout", "waiting"],
	] as const)("that throws %s ends in %s", async (reason, state) => {
		const loop = makeLoop(async () => {
			throw new SourceError(reason, "said so", { retryAfterSeconds: 7 });
		});
		loop.connect();
		await vi.advanceTimersByTimeAsync(0);
		expect(loop.state).toMatchObject({ name: state, message: "said so" });
		if (loop.state.name === "waiting") expect(loop.state.retryAtMs - Date.now()).toBe(7000);
		loop.dispose();
		expect(vi.getTimerCount()).toBe(0);
	});

	it("of an older life changes nothing any more", async () => {
		const attempts: ConnectionAttempt[] = [];
		const loop = makeLoop(async (attempt) => {
			attempts.push(attempt);
			await untilOver(attempt);
		});
		loop.connect();
		loop.reconnect();
		attempts[0].opened();
		attempts[0].end({ reason: "network", message: "late" });
		expect(loop.state).toEqual({ name: "connecting", attempt: 1 });
		attempts[1].opened();
		expect(loop.state.name).toBe("open");
		loop.disconnect();
		expect(loop.state.name).toBe("idle");
		expect(attempts.map((attempt) => attempt.isOver)).toEqual([true, true]);
		loop.dispose();
	});
});
