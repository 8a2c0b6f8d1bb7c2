// The servers of fanOut.bench.mts, each in a process of its own: `node fanOutChild.mts KIND`. All of them send the same commits of
// 64 events of about 1 KB to everybody who is connected and takes them:
//   hub        our hub on node:http
//   per-event  node:http, one `response.write` of the encoded frame an event
//   raw        sockets without HTTP, one write a commit
// Prints its port. The line "run MS" lets it send for so long, as fast as those who read take it, and prints
// {"events","deliveries","cpuMs"} of that time. Ends with its input.
import { createServer as createHttpServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { silentLogger } from "../../src/base/logger.ts";
import { EventHub, type EventSource } from "../../src/server/events/eventHub.ts";
import type { LoggedEvent } from "../../src/server/storage/eventLog.ts";
import { cpuTimeMs } from "./bench.mts";

const COMMIT = 64;
/** In the path of those who read nothing; they are not waited for. */
const STALLED_PATH = "stalled";
/** Bytes that may wait for one who reads nothing, without the hub. */
const MAX_WAITING = 1_000_000;

const text = JSON.stringify({
	type: "span_created",
	span: { id: "01J8ZQ5W7C0000000000000000", name: "chat completion", input: "x".repeat(900) },
});
let lastId = 0;

function commit(): LoggedEvent[] {
	return Array.from({ length: COMMIT }, () => ({ id: ++lastId, facets: "llm_call\nllm_call", data: text }));
}

function frameOf(event: LoggedEvent): string {
	return `id: ${event.id}\ndata: ${event.data}\n\n`;
}

/** Somebody who is connected. */
interface Subscriber {
	readonly socket: Socket;
	readonly isStalled: boolean;
}

const subscribers = new Set<Subscriber>();

function add(socket: Socket, isStalled: boolean): void {
	const subscriber = { socket, isStalled };
	subscribers.add(subscriber);
	socket.on("close", () => subscribers.delete(subscriber)).on("error", () => socket.destroy());
}

interface Contender {
	readonly server: Server;
	/** Sends one commit to everybody. */
	publish(): void;
}

function hubContender(): Contender {
	const log: EventSource = {
		logId: "bench",
		get latestId() {
			return lastId;
		},
		oldestId: 1,
		isWatched: true,
		after: () => [],
		listener: () => {},
	};
	const hub = new EventHub(log, {
		clientBuffer: 10_000,
		heartbeatMs: 15_000,
		logger: silentLogger,
	});
	const server = createHttpServer((request, response) => {
		hub.subscribe(response, { position: undefined, kind: undefined, model: undefined });
		add(request.socket, request.url?.includes(STALLED_PATH) ?? false);
	});
	const { listener } = log;
	return { server, publish: () => listener(commit()) };
}

function perEventContender(): Contender {
	const responses = new Set<ServerResponse>();
	const server = createHttpServer((request, response) => {
		response.writeHead(200, { "Content-Type": "text/event-stream" });
		response.write(": connected\n\n");
		responses.add(response);
		response.on("close", () => responses.delete(response));
		add(request.socket, request.url?.includes(STALLED_PATH) ?? false);
	});
	return {
		server,
		publish() {
			for (const event of commit()) {
				const frame = Buffer.from(frameOf(event));
				// Who stands still is left out: it would be cut.
				for (const response of responses) if (response.writableLength < MAX_WAITING) response.write(frame);
			}
		},
	};
}

function rawContender(): Contender {
	const server = createNetServer((socket) => {
		socket.once("data", (chunk) => {
			socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: connected\n\n");
			add(socket, chunk.includes(STALLED_PATH));
		});
	});
	return {
		server,
		publish() {
			const bytes = Buffer.from(commit().map(frameOf).join(""));
			for (const { socket } of subscribers) if (socket.writableLength < MAX_WAITING) socket.write(bytes);
		},
	};
}

const contenders = { hub: hubContender, "per-event": perEventContender, raw: rawContender };
const { server, publish } = contenders[process.argv[2] as keyof typeof contenders]();

/** Publishes whenever everybody who reads can take more, and does nothing meanwhile. */
function send(ms: number, done: () => void): void {
	const endMs = performance.now() + ms;
	const reading = [...subscribers].filter((subscriber) => !subscriber.isStalled).map(({ socket }) => socket);
	let bytesBefore = -1;
	const turn = () => {
		if (performance.now() >= endMs) return done();
		const waiting = reading.find((socket) => socket.writableNeedDrain);
		if (waiting !== undefined) {
			waiting.once("drain", () => setImmediate(turn));
		} else if (reading[0].bytesWritten === bytesBefore) {
			// The hub rests between two sendings.
			setTimeout(turn, 1);
		} else {
			bytesBefore = reading[0].bytesWritten;
			publish();
			setImmediate(turn);
		}
	};
	turn();
}

createInterface({ input: process.stdin })
	.on("line", (line) => {
		const before = { id: lastId, cpuMs: cpuTimeMs() };
		send(Number(line.split(" ")[1]), () => {
			const events = lastId - before.id;
			const reading = [...subscribers].filter((subscriber) => !subscriber.isStalled).length;
			console.log(JSON.stringify({ events, deliveries: events * reading, cpuMs: cpuTimeMs() - before.cpuMs }));
		});
	})
	.on("close", () => process.exit(0));
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
