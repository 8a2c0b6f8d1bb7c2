import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { StreamMessage } from "../../src/protocol/events.ts";
import type { RunningServer } from "../../src/server/server.ts";
import { Stream } from "./support/frames.ts";
import { client, eventually, recordingLogger, send, start, temporaryDir } from "./support/testServer.ts";

function stream(server: RunningServer, query = "", headers: Readonly<Record<string, string>> = {}): Stream {
	return new Stream(`${server.url}/api/events${query}`, headers);
}

const LATEST = "x-traceway-latest-event-id";

describe("the stream of events", () => {
	it("answers at once, with the newest id, and says nothing of what was before", async () => {
		const server = await start();
		const { span } = client(server);
		await span({ name: "old" });
		const live = await stream(server).open();
		expect(live.response?.statusCode).toBe(200);
		expect(live.response?.headers).toMatchObject({ "content-type": "text/event-stream", [LATEST]: "1" });
		await span({ name: "new" });
		const [frame] = await live.take(1);
		expect(frame).toMatchObject({ id: "2", data: { type: "span_created", span: { name: "new" } } });
		expect([...live.fields].toSorted()).toEqual(["data", "id", "retry"]);
	});

	it("sends the event of every mutation with the full object, as REST shows it", async () => {
		const server = await start();
		const { get, post, span, trace, delete: remove } = client(server);
		const live = await stream(server).open();
		const traceId = await trace({ name: "t", tags: ["x"] });
		const record = { id: traceId, name: "t", tags: ["x"], started_at: expect.any(String), ended_at: null };
		const first = await span({ trace_id: traceId, input: { q: "é\n" }, kind: { type: "llm_call", model: "gpt-4o" } });
		const created = (await get(`/spans/${first}`)).json;
		await post(`/spans/${first}/complete`, { output: [1] });
		const completed = (await get(`/spans/${first}`)).json;
		const second = await span({ trace_id: traceId });
		await post(`/spans/${second}/fail`, { error: "no" });
		const failed = (await get(`/spans/${second}`)).json;
		await remove(`/spans/${second}`);
		await remove(`/traces/${traceId}`);
		await remove("/traces");
		const frames = await live.take(8);
		expect(frames.map((frame) => frame.data)).toEqual([
			{ type: "trace_created", trace: record },
			{ type: "span_created", span: created },
			{ type: "span_completed", span: completed },
			{ type: "span_created", span: expect.objectContaining({ id: second, status: "running" }) },
			{ type: "span_failed", span: failed },
			{ type: "span_deleted", span_id: second, trace_id: traceId },
			{ type: "trace_deleted", trace_id: traceId },
			{ type: "cleared" },
		]);
		expect(live.ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
		// What was deleted is replayed as an outline: the log does not keep what a user has thrown away.
		const outline = ({ input, output, ...rest }: Record<string, unknown>) => rest;
		const spanOf = (data: object) => (data as { readonly span?: unknown }).span;
		const replayed = await stream(server, "?since=0").take(8);
		expect(replayed.map(({ id, data }) => [id, data.type])).toEqual(frames.map(({ id, data }) => [id, data.type]));
		expect(replayed.slice(1, 3).map(({ data }) => spanOf(data))).toEqual([outline(created), outline(completed)]);
	});

	it("replays what is still there just as it was sent", async () => {
		const server = await start();
		const { post, span } = client(server);
		const live = await stream(server).open();
		const kind = { type: "custom", kind: "a", attributes: { x: 1 } };
		const first = await span({ trace_id: "t", input: { q: "é\n" }, kind });
		await span({ trace_id: "t", kind: { type: "llm_call", model: "m" }, metadata: { a: 1 } });
		await post(`/spans/${first}/complete`, {
			output: [1],
			kind: { type: "llm_call", model: "gpt-4o", input_tokens: 1 },
		});
		const frames = await live.take(3);
		const replayed = await stream(server, "?since=0").take(3);
		expect(replayed.map((frame) => frame.text)).toEqual(frames.map((frame) => frame.text));
	});

	it("sends nothing for requests that changed nothing", async () => {
		const server = await start();
		const { post, span, delete: remove } = client(server);
		const live = await stream(server).open();
		await span({ id: "s" });
		await span({ id: "s" });
		await post("/spans/s/complete");
		await post("/spans/s/complete");
		await remove("/spans/none");
		await remove("/traces/none");
		await post("/spans", { trace_id: "t" });
		await span({ id: "end" });
		expect((await live.take(3)).map((frame) => frame.data.type)).toEqual([
			"span_created",
			"span_completed",
			"span_created",
		]);
	});

	it("delivers all of a burst of 500, in order, to each of several clients", async () => {
		const server = await start();
		const { span } = client(server);
		const clients = await Promise.all([1, 2, 3].map(() => stream(server).open()));
		await Promise.all(Array.from({ length: 500 }, (_, index) => span({ name: `${index}` })));
		for (const one of clients) {
			await one.take(500);
			expect(one.ids).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
		}
	});

	it("sends a heartbeat comment after each silence", async () => {
		const server = await start({ heartbeatMs: 30 });
		const live = await stream(server).open();
		await eventually("three heartbeats", () => live.comments.filter((text) => text === "heartbeat").length >= 3);
	});

	it("leaves no silence longer than fifteen seconds unless told otherwise", async () => {
		vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
		onTestFinished(() => void vi.useRealTimers());
		const live = await stream(await start()).open();
		vi.advanceTimersByTime(15_000);
		await eventually("a heartbeat", () => live.comments.includes("heartbeat"));
	});

	it("lets only matching span events pass a filter, and all others", async () => {
		const server = await start();
		const { post, span, trace, delete: remove } = client(server);
		const llm = await stream(server, "?kind=llm_call&model=m1").open();
		const tools = await stream(server, "?kind=tool").open();
		await trace({ id: "t" });
		const kinds = [
			{ type: "llm_call", model: "m1" },
			{ type: "llm_call", model: "m2" },
			{ type: "custom", kind: "tool" },
		];
		const ids = await Promise.all(kinds.map((kind) => span({ kind })));
		for (const id of ids) await post(`/spans/${id}/complete`);
		for (const id of ids) await remove(`/spans/${id}`);
		await remove("/traces");
		const expected = ["trace_created", "span_created", "span_completed", "span_deleted", "cleared"];
		await llm.take(5);
		await tools.take(5);
		expect(llm.types).toEqual(expected);
		expect(tools.types).toEqual(expected);
		expect(llm.frames[1].data).toMatchObject({ span: { kind: { model: "m1" } } });
		const replayed = stream(server, "?kind=llm_call&model=m1&since=0");
		await replayed.take(5);
		expect(replayed.ids).toEqual(llm.ids);
	});
});

describe("coming back to the stream", () => {
	it("sends all and only what came after the position, then what happens", async () => {
		const server = await start();
		const { span } = client(server);
		for (let index = 1; index <= 10; index++) await span({});
		for (const connect of [() => stream(server, "?since=7"), () => stream(server, "", { "Last-Event-ID": "7" })]) {
			const back = connect();
			await back.take(3);
			await span({});
			await eventually("the live event", () => back.ids.at(-1) === back.ids.length + 7 && back.ids.length > 3);
			expect(back.ids).toEqual(Array.from({ length: back.ids.length }, (_, index) => 8 + index));
		}
	});

	it("believes the header more than the query, and takes an empty one for none", async () => {
		const server = await start();
		const { span } = client(server);
		for (let index = 1; index <= 5; index++) await span({});
		const header = stream(server, "?since=0", { "Last-Event-ID": "4" });
		expect((await header.take(1))[0].id).toBe("5");
		const empty = await stream(server, "", { "Last-Event-ID": "" }).open();
		await span({});
		expect((await empty.take(1))[0].id).toBe("6");
	});

	it("loses nothing and repeats nothing at the seam while events are written", async () => {
		const server = await start();
		const { get, span } = client(server);
		let isWriting = true;
		const writers = Array.from({ length: 8 }, async () => {
			while (isWriting) await span({ input: "x".repeat(200) });
		});
		const back: { readonly from: number; readonly one: Stream }[] = [];
		for (let round = 0; round < 12; round++) {
			await span({});
			// Every event so far is a span.
			const position = Math.max(0, (await get("/stats")).json.span_count - 25);
			const one = stream(server, `?since=${position}`);
			back.push({ from: position + 1, one });
			await one.open();
		}
		isWriting = false;
		await Promise.all(writers);
		const latest = (await get("/stats")).json.span_count;
		for (const { from, one } of back) {
			await eventually(`event ${latest}, ${one.ids.at(-1)} is the last`, () => one.ids.at(-1) === latest);
			expect(one.ids).toEqual(Array.from({ length: latest - from + 1 }, (_, index) => from + index));
		}
	});

	it("resets a position that is no number or beyond the newest event, and goes on live", async () => {
		const server = await start();
		const { span } = client(server);
		await span({});
		for (const position of ["999", "abc", "-1", "1.5", "99999999999999999999"]) {
			const lost = stream(server, `?since=${position}`);
			const [reset] = await lost.take(1);
			expect(reset.id).toBeUndefined();
			const { json } = await client(server).get("/stats");
			expect(reset.data).toEqual({ type: "reset", reason: "unknown", latest: json.span_count });
			await span({});
			await lost.take(2);
			expect(lost.types).toEqual(["reset", "span_created"]);
			lost.close();
		}
	});

	it("resets a position that retention has pruned, and never uses its ids again, also after a restart", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir, eventRetentionMs: 200 });
		const { span } = client(server);
		for (let index = 1; index <= 5; index++) await span({});
		let first: StreamMessage | undefined;
		while (first?.type !== "reset") {
			const probe = stream(server, "?since=1");
			first = (await probe.take(1))[0].data;
			probe.close();
		}
		expect(first).toEqual({ type: "reset", reason: "pruned", latest: 5 });
		await server.close();

		const again = await start({ dataDir });
		const newest = await stream(again, "?since=5").open();
		expect(newest.response?.headers[LATEST]).toBe("5");
		await client(again).span({});
		await newest.take(1);
		expect(newest.ids).toEqual([6]);
		expect((await client(again).get("/stats")).json.span_count).toBe(6);
	});

	it("resets positions from before very much was deleted at once, and goes on counting, also after a restart", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		const { post, span, delete: remove } = client(server);
		const time = "2026-03-06T09:00:00Z";
		const spans = Array.from({ length: 20_001 }, (_, index) => ({
			id: `s${index}`,
			name: "n",
			kind: { type: "custom" },
			status: "completed",
			started_at: time,
			ended_at: time,
		}));
		expect((await post("/import", { traces: { t: spans } })).json).toMatchObject({ spans: 20_001 });
		const live = await stream(server).open();
		await remove("/traces");
		const [cleared] = await live.take(1);
		expect(cleared.data).toEqual({ type: "cleared" });
		const id = Number(cleared.id);
		expect(id).toBeGreaterThan(20_001);
		const old = await stream(server, "?since=5").open();
		expect((await old.take(1))[0].data).toEqual({ type: "reset", reason: "pruned", latest: id });
		await span({ name: "after" });
		expect((await old.take(2))[1]).toMatchObject({ id: String(id + 1), data: { type: "span_created" } });
		await server.close();

		const again = await start({ dataDir });
		expect((await client(again).get("/stats")).json).toMatchObject({ span_count: 1, latest_event_id: id + 1 });
		const known = await stream(again, `?since=${id - 1}`).take(2);
		expect(known.map(({ data }) => data.type)).toEqual(["cleared", "span_created"]);
		await client(again).span({ name: "later" });
		expect((await client(again).get("/stats")).json.latest_event_id).toBe(id + 2);
	});

	it("goes on counting after everything was deleted, and after a restart", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		const { span, delete: remove } = client(server);
		await span({});
		await remove("/traces");
		await server.close();
		const again = await start({ dataDir });
		await client(again).span({});
		const replayed = stream(again, "?since=0");
		await replayed.take(3);
		expect(replayed.types).toEqual(["span_created", "cleared", "span_created"]);
		expect(replayed.ids).toEqual([1, 2, 3]);
	});

	it("replays ten thousand missed events, none lost, none twice", async () => {
		const server = await start();
		const { span } = client(server);
		for (let round = 0; round < 20; round++) {
			await Promise.all(Array.from({ length: 500 }, () => span({ name: "n" })));
		}
		const back = stream(server, "?since=0");
		await back.take(10_000);
		expect(back.ids).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
	});
});

describe("clients that come and go while spans are written to the disk", () => {
	it("each get all that was committed after they came, in order and without a hole", async () => {
		const server = await start({ dataDir: temporaryDir() });
		const { span } = client(server);
		let isOver = false;
		const write = async () => {
			while (!isOver) await span({ name: "n" });
		};
		const writers = Array.from({ length: 4 }, write);
		for (let visit = 0; visit < 60; visit++) {
			// Now and then two at once, so that listening goes on while one leaves.
			const visitors = await Promise.all(Array.from({ length: visit % 5 === 0 ? 2 : 1 }, () => stream(server).open()));
			for (const visitor of visitors) {
				const from = Number(visitor.response?.headers[LATEST]);
				const ids = (await visitor.take(10)).map(({ id }) => Number(id));
				expect(ids).toEqual(Array.from({ length: 10 }, (_, index) => from + 1 + index));
				visitor.close();
			}
		}
		isOver = true;
		await Promise.all(writers);
	});
});

describe("a client that does not read", () => {
	it("is cut with a comment when too many events wait, and loses nothing by coming back", async () => {
		const logger = recordingLogger();
		const server = await start({ clientBuffer: 50, logger });
		const { span } = client(server);
		const slow = await stream(server).open();
		const quick = await stream(server).open();
		slow.pause();
		const input = "x".repeat(200_000);
		let written = 0;
		while (!logger.lines.some((line) => line.includes("was cut"))) {
			await Promise.all(Array.from({ length: 10 }, () => span({ input })));
			written += 10;
			if (written > 1000) throw new Error("the client that does not read was never cut");
		}
		slow.resume();
		await eventually("the end of the cut stream", () => slow.isEnded);
		expect(slow.comments.at(-1)).toMatch(/^cut, \d+ events behind; reconnect with Last-Event-ID \d+$/);
		const back = stream(server, "", { "Last-Event-ID": String(slow.ids.at(-1) ?? 0) });
		await eventually("everything missed", () => back.ids.at(-1) === written);
		const all = Array.from({ length: written }, (_, index) => index + 1);
		expect([...slow.ids, ...back.ids]).toEqual(all);
		await eventually("everything at the quick client", () => quick.ids.length === written);
		expect(quick.ids).toEqual(all);
	});

	it("does not hold up others, nor a replay of its own", async () => {
		const server = await start();
		const { span } = client(server);
		const input = "x".repeat(100_000);
		for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 20 }, () => span({ input })));
		const slow = await stream(server, "?since=0").open();
		slow.pause();
		const quick = stream(server, "?since=0");
		await quick.take(200);
		slow.resume();
		await slow.take(200);
		expect(slow.ids).toEqual(quick.ids);
	});
});

describe("the end of streams", () => {
	it("ends every stream with a comment when the server closes", async () => {
		const server = await start();
		const live = await stream(server).open();
		await server.close();
		await eventually("the end of the stream", () => live.isEnded);
		expect(live.comments.at(-1)).toBe("the server is closing");
	});

	it("calls back when the last listener has gone, and when nobody ever listened", async () => {
		const calls: string[] = [];
		const used = await start({ exitWhenIdleMs: 100, onIdle: () => calls.push("used") });
		const live = await stream(used).open();
		await start({ exitWhenIdleMs: 150, onIdle: () => calls.push("never used") });
		await eventually("the call of the server that nobody used", () => calls.length > 0);
		expect(calls).toEqual(["never used"]);
		live.close();
		await eventually("the call of the server that was left", () => calls.length > 1);
		expect(calls).toEqual(["never used", "used"]);
	});

	it("answers HEAD without a stream", async () => {
		const server = await start({ exitWhenIdleMs: 60_000 });
		const { status, text } = await send("HEAD", `${server.url}/api/events`);
		expect([status, text]).toEqual([200, ""]);
	});
});
