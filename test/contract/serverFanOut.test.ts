import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { RunningServer } from "../../src/server/server.ts";
import { Stream } from "./support/frames.ts";
import { client, eventually, start } from "./support/testServer.ts";

/** A connection to the stream that takes bytes as they come; `take` gets them as Latin-1 text. */
function subscribe(server: RunningServer, query: string, take: (text: string) => void): void {
	const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
	socket.on("error", () => socket.destroy());
	socket.setEncoding("latin1").on("data", take);
	socket.write(`GET /api/events${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
	onTestFinished(() => void socket.destroy());
}

/** A subscriber that reads nothing but ids: hundreds of them parse no JSON. */
class IdReader {
	readonly ids: number[] = [];
	#rest = "";

	constructor(server: RunningServer, query: string) {
		subscribe(server, query, (text) => {
			const frames = (this.#rest + text).split("\n\n");
			this.#rest = frames.pop() ?? "";
			for (const frame of frames) if (frame.startsWith("id: ")) this.ids.push(Number.parseInt(frame.slice(4), 10));
		});
	}

	get latest(): number {
		return this.ids.at(-1) ?? 0;
	}
}

/** A subscriber that keeps what comes behind the greeting and reads nothing. */
class Keeper {
	#text = "";
	size = 0;

	constructor(server: RunningServer) {
		subscribe(server, "", (text) => {
			this.#text += text;
			this.size += text.length;
		});
	}

	get isGreeted(): boolean {
		return this.#text.includes(": connected");
	}

	get frames(): string {
		return this.#text.slice(this.#text.indexOf(": connected"));
	}
}

function range(from: number, to: number): number[] {
	return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe("many subscribers", () => {
	it("get the same bytes, a thousand of them, of a burst of 500 events", async () => {
		const server = await start();
		const { span } = client(server);
		const reader = new IdReader(server, "");
		const keepers = range(1, 1000).map(() => new Keeper(server));
		await eventually("a thousand greetings", () => keepers.every((keeper) => keeper.isGreeted));
		await Promise.all(range(1, 500).map((index) => span({ name: `span ${index} ö` })));
		await eventually("500 events", () => reader.ids.length === 500);
		expect(reader.ids).toEqual(range(1, 500));
		await eventually("the last event at one", () => /\nid: 500\n.*\n\n$/.test(keepers[0].frames));
		await eventually("as many bytes at all", () => keepers.every((keeper) => keeper.size === keepers[0].size));
		expect(keepers[0].frames.match(/^id: \d+$/gm)).toEqual(range(1, 500).map((id) => `id: ${id}`));
		expect(new Set(keepers.map((keeper) => keeper.frames)).size).toBe(1);
	});

	it("come back at any position while events are written, and each gets what it missed once", async () => {
		const server = await start();
		const { span } = client(server);
		for (let round = 0; round < 4; round++) await Promise.all(range(1, 500).map(() => span({ name: "early" })));
		let isWriting = true;
		const writers = range(1, 4).map(async () => {
			while (isWriting) await span({ name: "meanwhile" });
		});
		const positions = range(1, 200).map((index) => (index * 37) % 2001);
		const back = positions.map((position) => new IdReader(server, `?since=${position}`));
		await eventually("the first live events", () => back.every((one) => one.latest > 2000));
		isWriting = false;
		await Promise.all(writers);
		const latest = (await client(server).get("/stats")).json.latest_event_id;
		await eventually(`event ${latest} at all`, () => back.every((one) => one.latest === latest));
		for (const [index, position] of positions.entries()) expect(back[index].ids).toEqual(range(position + 1, latest));
	});

	it("with filters get the same live as replayed, however the events were grouped", async () => {
		const server = await start();
		const { span } = client(server);
		const queries = ["kind=llm_call", "kind=tool", "model=m1", "kind=llm_call&model=m2", "kind=none"];
		const live = await Promise.all(queries.map((query) => new Stream(`${server.url}/api/events?${query}`).open()));
		const kinds = [
			{ type: "llm_call", model: "m1" },
			{ type: "llm_call", model: "m2" },
			{ type: "custom", kind: "tool" },
		];
		for (let round = 0; round < 10; round++) {
			await Promise.all(range(1, 30).map((index) => span({ kind: kinds[(index * round) % 3] })));
		}
		await client(server).delete("/traces");
		for (const [index, query] of queries.entries()) {
			await eventually(`the last event for ${query}`, () => live[index].types.at(-1) === "cleared");
			const replayed = new Stream(`${server.url}/api/events?since=0&${query}`);
			await eventually(`its replay`, () => replayed.types.at(-1) === "cleared");
			expect(replayed.ids).toEqual(live[index].ids);
		}
		expect(live.map((one) => one.ids.length > 1)).toEqual([true, true, true, true, false]);
	});
});

describe("replays", () => {
	it("leave room for writers: spans are taken while fifty clients read ten thousand events each", async () => {
		const server = await start();
		const { span } = client(server);
		for (let round = 0; round < 20; round++) await Promise.all(range(1, 500).map(() => span({ name: "early" })));
		const readers = range(1, 50).map((index) => new IdReader(server, `?since=${index}`));
		await eventually("the first page", () => readers.some((reader) => reader.latest > 0));
		for (let index = 0; index < 10; index++) await span({ name: "meanwhile" });
		expect(readers.filter((reader) => reader.latest < 10_000).length).toBeGreaterThan(0);
		await eventually("all events at all", () => readers.every((reader) => reader.latest === 10_010));
		for (const [index, reader] of readers.entries()) expect(reader.ids).toEqual(range(index + 2, 10_010));
	});
});

describe("the end of a stream", () => {
	it("is the end of its connection, so that clients need no chunks", async () => {
		const server = await start();
		const { port } = new URL(server.url);
		const socket = connect(Number(port), "127.0.0.1");
		let text = "";
		socket.setEncoding("utf8").on("data", (chunk) => {
			text += chunk;
		});
		socket.write("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
		await eventually("the greeting", () => text.includes(": connected"));
		await client(server).span({});
		await eventually("the event", () => text.includes("span_created"));
		const [head, ...rest] = text.split("\r\n\r\n");
		expect(head).toMatch(/^Connection: close$/m);
		expect(head).not.toMatch(/^Transfer-Encoding/im);
		expect(rest.join("")).toMatch(/^retry: 1000\n: connected, newest event is 0\n\nid: 1\ndata: \{.*\}\n\n$/);
		await Promise.all([once(socket, "end"), server.close()]);
		expect(text.endsWith(": the server is closing\n\n")).toBe(true);
	});
});
