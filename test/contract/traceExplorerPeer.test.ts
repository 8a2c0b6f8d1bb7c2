import { afterEach, describe, expect, it } from "vitest";
import { type ExplorerPeerOptions, exactJson, rootIdOf, TraceExplorerPeer } from "../peers/traceExplorerPeer.ts";

/** The server's side of the reference's acceptance facts, as far as it can be seen on the wire: the peer is honest. */

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function startPeer(options: ExplorerPeerOptions = {}): Promise<TraceExplorerPeer> {
	const peer = await TraceExplorerPeer.start(options);
	ends.push(() => peer.stop());
	return peer;
}

async function get(peer: TraceExplorerPeer, path: string): Promise<{ status: number; text: string }> {
	const response = await fetch(`${peer.url}${path}`);
	return { status: response.status, text: await response.text() };
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into as a client without types does.
const getJson = async (peer: TraceExplorerPeer, path: string): Promise<any> => JSON.parse((await get(peer, path)).text);

interface StreamEvent {
	readonly type: string;
	readonly data: string;
}

/** Events of a session's stream as they come; ends with the stream. */
async function* events(peer: TraceExplorerPeer, sessionId: string): AsyncGenerator<StreamEvent> {
	const abort = new AbortController();
	try {
		const response = await fetch(`${peer.url}/api/sessions/${sessionId}/spans/stream`, { signal: abort.signal });
		let text = "";
		const decoder = new TextDecoder();
		for await (const bytes of response.body as AsyncIterable<Uint8Array>) {
			text += decoder.decode(bytes, { stream: true });
			for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
				const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
				text = text.slice(end + 2);
				yield { type, data };
			}
		}
	} finally {
		abort.abort();
	}
}

/** The next event of a type other than a heartbeat. */
async function next(stream: AsyncGenerator<StreamEvent>): Promise<StreamEvent | undefined> {
	for (;;) {
		const { done, value } = await stream.next();
		if (done === true) return undefined;
		if (value.type !== "heartbeat") return value;
	}
}

describe("the list", () => {
	it("is that of 24 hours without a range, newest first, and empty where nothing is", async () => {
		const peer = await startPeer();
		expect(await get(peer, "/api/sessions")).toEqual({ status: 200, text: "[]" });
		const day = 86_400_000_000_000n;
		peer.addModelCall("ses_old", { startNs: peer.nowNs - 2n * day });
		peer.addModelCall("ses_a", { startNs: peer.nowNs - 3_600_000_000n });
		peer.addModelCall("ses_b", { startNs: peer.nowNs });
		const ids = (rows: readonly { session_id: string }[]) => rows.map((row) => row.session_id);
		expect(ids(await getJson(peer, "/api/sessions"))).toEqual(["ses_b", "ses_a"]);
		expect(ids(await getJson(peer, "/api/sessions?range=24h"))).toEqual(["ses_b", "ses_a"]);
		expect(ids(await getJson(peer, "/api/sessions?range=all"))).toEqual(["ses_b", "ses_a", "ses_old"]);
		expect((await get(peer, "/api/sessions?range=7d")).status).toBe(500);
	});

	it("has every digit of its times", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a", { startNs: 1_772_787_600_000_000_123n });
		expect((await get(peer, "/api/sessions?range=all")).text).toContain('"start_ns":1772787600000000123,');
	});

	it("counts a span with model and tool once, as a model call, and takes cost and tokens from model calls only", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a", { attributes: { "tool.name": "bash" } });
		peer.addToolCall("ses_a", "bash", { attributes: { cost_usd: 9, "llm.token_count.total": 9 } });
		expect(await getJson(peer, "/api/sessions")).toMatchObject([
			{ llm_calls: 1, tool_calls: 1, total_cost_usd: 0.0021, total_tokens: 950 },
		]);
	});

	it("shows a session without its root as open, longer each time, with the parent of a subagent", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_x1", { startNs: peer.nowNs - 5_000_000_000n });
		peer.addToolCall("ses_a", "task", { attributes: { "output.value": 'ok <task id="ses_x1" state="done">' } });
		const row = async () =>
			(await getJson(peer, "/api/sessions")).find(({ session_id: id }: { session_id: string }) => id === "ses_x1");
		const before = await row();
		expect(before).toMatchObject({ is_open: true, parent_session_id: "ses_a" });
		peer.clockOffsetMs = 1000;
		expect((await row()).duration_ms).toBeGreaterThan(before.duration_ms + 900);
		peer.endSession("ses_x1");
		expect(await row()).toMatchObject({ is_open: false });
	});
});

describe("the spans of a session", () => {
	it("stand below one placeholder with the missing parent's id and the earliest orphan's start", async () => {
		const peer = await startPeer();
		const first = peer.addModelCall("ses_a", { durationMs: 20 });
		peer.addToolCall("ses_a", "bash", { startNs: first.start_ns + 1_000_000n, durationMs: 3 });
		const spans = await getJson(peer, "/api/sessions/ses_a/spans");
		expect(spans[0]).toMatchObject({
			span_id: rootIdOf("ses_a"),
			parent_span_id: null,
			span_name: "opencode.session",
			depth: 0,
			duration_ms: 20,
			attributes: { "session.id": "ses_a", "agent.name": "build", "session.is_open": true },
		});
		expect((await get(peer, "/api/sessions/ses_a/spans")).text).toContain(
			`"span_name":"opencode.session","start_ns":${first.start_ns},`,
		);
		expect(spans.slice(1).map((span: { depth: number }) => span.depth)).toEqual([1, 1]);
	});

	it("are an empty list for a session that does not exist, and say which session a task started", async () => {
		const peer = await startPeer();
		expect(await get(peer, "/api/sessions/ses_none/spans")).toEqual({ status: 200, text: "[]" });
		peer.addToolCall("ses_a", "task", { attributes: { "output.value": '<task id="ses_x1"', list: [1] } });
		const spans = await getJson(peer, "/api/sessions/ses_a/spans");
		expect(spans[1].attributes).toMatchObject({ "subagent.session_id": "ses_x1", list: null });
	});
});

describe("the stream", () => {
	it("sends a full state when durations change, heartbeats else, and after the root the state, done and its end", async () => {
		const peer = await startPeer();
		const call = peer.addModelCall("ses_a");
		const stream = events(peer, "ses_a");
		expect(JSON.parse((await next(stream))?.data ?? "")).toHaveLength(2);
		expect((await stream.next()).value).toEqual({ type: "heartbeat", data: "{}" });
		expect((await stream.next()).value).toEqual({ type: "heartbeat", data: "{}" });
		peer.updateSpan(call.span_id, { end_ns: call.end_ns + 7_000_000n });
		expect((await next(stream))?.type).toBe("spans");
		peer.endSession("ses_a");
		const last = await next(stream);
		expect(last?.type).toBe("spans");
		expect(last?.data).not.toContain("session.is_open");
		expect(await next(stream)).toEqual({ type: "done", data: "{}" });
		expect(await next(stream)).toBeUndefined();
	});

	it("begins with a heartbeat for a session that is not there", async () => {
		const peer = await startPeer();
		const stream = events(peer, "ses_none");
		expect((await stream.next()).value).toEqual({ type: "heartbeat", data: "{}" });
		await stream.return(undefined);
	});

	it("tells of failures and goes on with the same connection", async () => {
		const peer = await startPeer({ secondMs: 1 });
		peer.addModelCall("ses_a");
		peer.tempoFailure = "Tempo: 503";
		const stream = events(peer, "ses_a");
		for (let time = 0; time < 3; time++) {
			expect(await next(stream)).toEqual({ type: "error", data: '{"detail":"Tempo: 503"}' });
		}
		expect(await get(peer, "/api/sessions")).toEqual({ status: 500, text: "Internal Server Error" });
		peer.tempoFailure = undefined;
		expect((await next(stream))?.type).toBe("spans");
		expect(peer.streamRequests("ses_a")).toHaveLength(1);
		await stream.return(undefined);
	});
});

describe("the overview", () => {
	it("has 60 buckets whose costs add up to the total, and successes as the attribute says", async () => {
		const peer = await startPeer();
		expect((await getJson(peer, "/api/overview?range=all")).timeseries.bucket_starts_ns).toHaveLength(60);
		for (let count = 0; count < 120; count++) peer.addModelCall("ses_a");
		for (const success of [true, "true", false, "false", undefined, "maybe"]) {
			peer.addToolCall("ses_a", "bash", { attributes: { "tool.success": success, "output.value": "x".repeat(201) } });
		}
		const overview = await getJson(peer, "/api/overview?range=1h");
		const costs: number[] = Object.values(overview.timeseries.cost_by_model).flat() as number[];
		expect(costs).toHaveLength(60);
		expect(costs.reduce((a, b) => a + b)).toBeCloseTo(overview.total_cost_usd, 9);
		expect(overview).toMatchObject({ total_llm_calls: 120, total_tool_calls: 6, total_sessions: 1 });
		expect(overview.llm_calls).toHaveLength(100);
		expect(overview.by_tool).toMatchObject([{ tool: "bash", calls: 6, succeeded: 2, failed: 2 }]);
		expect(overview.tool_calls[0].output).toBe(`${"x".repeat(200)}...`);
	});
});

describe("the peer", () => {
	it("keeps its data and its port over a death", async () => {
		const peer = await startPeer();
		const { port } = peer;
		peer.addModelCall("ses_a");
		await peer.stop();
		await expect(fetch(`${peer.url}/api/health`)).rejects.toThrow();
		await peer.start();
		expect(peer.port).toBe(port);
		expect(await getJson(peer, "/api/sessions")).toHaveLength(1);
	});

	it("writes integers of any size", () => {
		expect(exactJson({ a: [2n ** 63n - 1n], b: 1.5 })).toBe('{"a":[9223372036854775807],"b":1.5}');
	});
});
