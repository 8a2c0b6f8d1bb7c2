import { describe, expect, it } from "vitest";
import { refreshText, StreamHistory } from "../../../../src/cli/monitor/streamStatus.ts";
import type { ConnectionReason, ConnectionState } from "../../../../src/stream/connectionState.ts";

const NOW = 1_000_000;

function waiting(attempt: number, waitMs: number, reason: ConnectionReason = "network"): ConnectionState {
	return {
		name: "waiting",
		attempt,
		retryAtMs: NOW + waitMs,
		reason,
		message: "connect ECONNREFUSED 127.0.0.1:3000 and more",
	};
}

const OPEN: ConnectionState = { name: "open", sinceMs: NOW };

/** The row after some states, as word and detail. */
function rowAfter(...states: readonly ConnectionState[]) {
	const history = new StreamHistory(2000);
	for (const state of states) history.note(state);
	const status = history.status(NOW);
	return status === undefined ? undefined : [status.word, status.detail, status.style];
}

describe("the row of the stream", () => {
	it("is not there before anything was tried", () => {
		expect(rowAfter()).toBeUndefined();
		expect(rowAfter({ name: "connecting", attempt: 1 })).toBeUndefined();
	});

	it("says Connected while the stream is open", () => {
		expect(rowAfter({ name: "connecting", attempt: 1 }, OPEN)).toEqual(["Connected", "", "good"]);
		expect(rowAfter(waiting(1, 0), OPEN)).toEqual(["Connected", "", "good"]);
	});

	it("says Unavailable until the first connection, that it polls, and when the next try is", () => {
		const expected = ["Unavailable", "polling every 2.0s, retrying in 4s", "warning"];
		expect(rowAfter(waiting(1, 3500))).toEqual(expected);
		expect(rowAfter(waiting(1, 900), { name: "connecting", attempt: 2 }, waiting(2, 3500))).toEqual(expected);
		expect(rowAfter(waiting(1, 900), { name: "connecting", attempt: 2 })?.[1]).toBe("polling every 2.0s, retrying now");
	});

	it("says Error with 40 characters of why when a connection that stood failed, then Reconnecting", () => {
		expect(rowAfter(OPEN, waiting(1, 1000))).toEqual([
			"Error",
			"connect ECONNREFUSED 127.0.0.1:3000 and…, retrying in 1s",
			"bad",
		]);
		expect(rowAfter(OPEN, waiting(1, 0), { name: "connecting", attempt: 2 }, waiting(2, 8000))).toEqual([
			"Reconnecting",
			"retrying in 8s, polling every 2.0s",
			"warning",
		]);
	});

	it("says Disconnected when the server ended the stream, and begins anew after a success", () => {
		expect(rowAfter(OPEN, waiting(1, 500, "ended"))?.[0]).toBe("Disconnected");
		expect(rowAfter(OPEN, waiting(1, 0), waiting(2, 1), OPEN, waiting(1, 2))?.[0]).toBe("Error");
	});

	it("counts a failure once however often its state is announced", () => {
		const state = waiting(1, 1000);
		expect(rowAfter(OPEN, state, state, state)?.[0]).toBe("Error");
	});

	it("says what a server refuses for", () => {
		const failed: ConnectionState = { name: "failed", reason: "unauthorized", message: "the server wants a token" };
		expect(rowAfter(failed)).toEqual(["Error", "the server wants a token", "bad"]);
	});

	it.each([
		[2000, "2.0s"],
		[500, "0.5s"],
		[250, "0.25s"],
		[60_000, "60.0s"],
	])("writes %i ms as tracellm monitor does", (ms, text) => {
		expect(refreshText(ms)).toBe(text);
	});
});
