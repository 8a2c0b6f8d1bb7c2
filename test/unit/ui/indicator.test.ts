import { describe, expect, it } from "vitest";
import type { SourceStatus } from "../../../src/sources/source.ts";
import type { ConnectionState } from "../../../src/stream/connectionState.ts";
import { connectionText, indicatorOf, shortText } from "../../../src/ui/indicator.ts";

const NOW = 1_000_000;
const WATCHDOG_MS = 45_000;

function statusOf(state: ConnectionState, lastByteAtMs: number | undefined = NOW): SourceStatus {
	return {
		state,
		isLoaded: true,
		lastByteAtMs,
		lastEventId: undefined,
		watchdogMs: WATCHDOG_MS,
		received: 0,
		replayed: 0,
		recovered: 0,
		unknownEvents: 0,
		undecodable: 0,
		clockOffsetMs: 0,
		requestError: undefined,
	};
}

const t = (message: string, ...args: (string | number | boolean)[]) =>
	message.replace(/\{(\d)\}/g, (_, index) => String(args[Number(index)]));

const waiting: ConnectionState = {
	name: "waiting",
	attempt: 3,
	retryAtMs: NOW + 3_400,
	reason: "network",
	message: "fetch failed (connect ECONNREFUSED 127.0.0.1:1)",
};

describe("a source by something that stands in for what is away", () => {
	const mode = { text: "polling every 2 s", isDegraded: true };
	const open: ConnectionState = { name: "open", sinceMs: NOW - 9_000 };

	it("is not live, and says what happens", () => {
		const status = { ...statusOf(open), mode };
		expect(indicatorOf(status, NOW, 0)).toBe("connecting");
		expect(connectionText(status, "connecting", NOW, t)).toBe("Unavailable, polling every 2 s");
		expect(shortText(status, "connecting", NOW, t)).toBe("Polling every 2 s");
	});

	it("says also when what is away is tried next", () => {
		const status = { ...statusOf(waiting), mode };
		expect(connectionText(status, "connecting", NOW, t)).toBe("Unavailable, polling every 2 s. Next try in 4 s");
	});

	it("is disconnected as any other once nothing comes any more", () => {
		const status = { ...statusOf(open, NOW - WATCHDOG_MS - 1), mode };
		expect(indicatorOf(status, NOW, 0)).toBe("disconnected");
		expect(connectionText(status, "disconnected", NOW, t)).toMatch(/^Silent since /);
	});

	it("is live where polling is how its traces come", () => {
		const status = { ...statusOf(open), mode: { ...mode, isDegraded: false } };
		expect(indicatorOf(status, NOW, 0)).toBe("live");
		expect(connectionText(status, "live", NOW, t)).toBe("Live, polling every 2 s");
	});
});

describe("the indicator", () => {
	it("is live while a stream is open and bytes arrive", () => {
		expect(indicatorOf(statusOf({ name: "open", sinceMs: NOW - 9_000 }), NOW, 0)).toBe("live");
	});

	it("is connecting while a first attempt runs and while a next one is awaited", () => {
		expect(indicatorOf(statusOf({ name: "connecting", attempt: 1 }), NOW, NOW)).toBe("connecting");
		expect(indicatorOf(statusOf(waiting), NOW, 0)).toBe("connecting");
	});

	it("is disconnected when a person must act or asked for it", () => {
		const failed: ConnectionState = { name: "failed", reason: "unauthorized", message: "The server refused the token" };
		expect(indicatorOf(statusOf(failed), NOW, 0)).toBe("disconnected");
		expect(indicatorOf(statusOf({ name: "idle" }), NOW, 0)).toBe("disconnected");
	});

	it("is disconnected in any state once the last byte is older than the watchdog allows", () => {
		const stale = NOW - WATCHDOG_MS - 1;
		expect(indicatorOf(statusOf({ name: "open", sinceMs: 0 }, stale), NOW, 0)).toBe("disconnected");
		expect(indicatorOf(statusOf(waiting, stale), NOW, 0)).toBe("disconnected");
		expect(indicatorOf(statusOf(waiting, stale + 1), NOW, 0)).toBe("connecting");
	});

	it("counts the silence of a source that never spoke from when it was wanted", () => {
		const connecting = { ...statusOf({ name: "connecting", attempt: 9 }), lastByteAtMs: undefined };
		expect(indicatorOf(connecting, NOW, NOW - 1_000)).toBe("connecting");
		expect(indicatorOf(connecting, NOW, NOW - WATCHDOG_MS - 1)).toBe("disconnected");
	});
});

describe("the words for a connection", () => {
	it("name the reason in plain words and count down to the next try", () => {
		expect(connectionText(statusOf(waiting), "connecting", NOW, t)).toBe(
			"No connection to the server. Next try in 4 s",
		);
	});

	it("tell with a failure what the server said", () => {
		const failed: ConnectionState = { name: "failed", reason: "unauthorized", message: "HTTP 401" };
		expect(connectionText(statusOf(failed), "disconnected", NOW, t)).toBe("The server wants a valid token (HTTP 401)");
	});

	it("leave a failure that has words of its own as it is", () => {
		const failed: ConnectionState = { name: "failed", reason: "network", message: "The mini-server did not start" };
		expect(connectionText(statusOf(failed), "disconnected", NOW, t)).toBe("The mini-server did not start");
	});

	it("never count below zero", () => {
		expect(connectionText(statusOf(waiting), "connecting", NOW + 60_000, t)).toContain("in 0 s");
	});

	it("say since when an open stream is silent", () => {
		const status = statusOf({ name: "open", sinceMs: 0 }, NOW - WATCHDOG_MS - 1);
		expect(connectionText(status, "disconnected", NOW, t)).toMatch(/^Silent since /);
	});
});
