import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Emitter } from "../../../src/base/emitter.ts";
import { IdleWatch } from "../../../src/server/idleWatch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watch(idleMs: number | undefined) {
	const emitter = new Emitter<number>();
	const hub = { clientCount: 0, onDidChangeCount: emitter.event };
	const onIdle = vi.fn();
	const idle = new IdleWatch(hub, idleMs, onIdle);
	const setClients = (count: number) => {
		hub.clientCount = count;
		emitter.fire(count);
	};
	return { idle, onIdle, setClients };
}

describe("IdleWatch", () => {
	it("counts from the start", () => {
		const { onIdle } = watch(1000);
		vi.advanceTimersByTime(999);
		expect(onIdle).not.toHaveBeenCalled();
		vi.advanceTimersByTime(1);
		expect(onIdle).toHaveBeenCalledOnce();
	});

	it("waits while anybody listens, and counts anew when the last one goes", () => {
		const { onIdle, setClients } = watch(1000);
		vi.advanceTimersByTime(900);
		setClients(1);
		vi.advanceTimersByTime(100_000);
		setClients(2);
		setClients(1);
		vi.advanceTimersByTime(100_000);
		setClients(0);
		vi.advanceTimersByTime(999);
		setClients(1);
		setClients(0);
		vi.advanceTimersByTime(999);
		expect(onIdle).not.toHaveBeenCalled();
		vi.advanceTimersByTime(1);
		setClients(1);
		setClients(0);
		vi.advanceTimersByTime(100_000);
		expect(onIdle).toHaveBeenCalledOnce();
	});

	it("never calls when it was not asked to, or has been disposed", () => {
		const never = watch(undefined);
		const disposed = watch(1000);
		disposed.idle.dispose();
		vi.advanceTimersByTime(1e9);
		expect([never.onIdle.mock.calls, disposed.onIdle.mock.calls]).toEqual([[], []]);
	});
});
