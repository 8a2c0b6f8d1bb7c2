import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { encodeRequest } from "../peers/otlpProto.ts";
import { type BenchRow, interleave, median, ratioRow } from "./bench.mts";
import { BATCH_SPANS, genAiRequest } from "./otlpLoad.mts";

export const name = "otlp-ingest";

const ROUNDS = 3;
/** Requests of one round. */
const REQUESTS = 150;
/** Requests that are sent before, so that the server's code is compiled. */
const WARM_REQUESTS = 100;

const EVENT = '"type":"span_completed"';

/**
 * Spans a second of the server's processor time from the bytes of a protobuf request, through HTTP, to the disk and to one
 * subscriber of the event stream, beside the bare insertion of the same rows, ready made, into an obvious schema.
 */
export async function run(): Promise<BenchRow[]> {
	const bodies = Array.from({ length: REQUESTS + WARM_REQUESTS }, (_, number) =>
		encodeRequest(genAiRequest(800, number)),
	);
	const results = await interleave(ROUNDS, {
		server: () => withChild((child) => ingest(child, bodies)),
		insert: () => withChild(async ({ ask }) => (REQUESTS * BATCH_SPANS * 1000) / (await ask(`insert ${REQUESTS}`))),
	});
	return [ratioRow(name, median(results.server), median(results.insert), "spans/CPU-s", ">= 0.7 ratio")];
}

interface Child {
	readonly url: string;
	/** The number that answers a line. */
	ask(line: string): Promise<number>;
}

async function ingest({ url, ask }: Child, bodies: readonly Buffer[]): Promise<number> {
	const events = await fetch(`${url}/api/events`);
	const reader = events.body?.getReader();
	if (reader === undefined) throw new Error("no event stream");
	let received = 0;
	const reading = (async () => {
		const expected = bodies.length * BATCH_SPANS;
		let rest = "";
		while (received < expected) {
			const { value, done } = await reader.read();
			if (done) throw new Error("the event stream ended");
			// Frames may be cut anywhere.
			const parts = (rest + Buffer.from(value).toString("latin1")).split(EVENT);
			received += parts.length - 1;
			rest = parts[parts.length - 1].slice(-EVENT.length);
		}
	})();
	const send = async (body: Buffer) => {
		const response = await fetch(`${url}/v1/traces`, {
			method: "POST",
			headers: { "Content-Type": "application/x-protobuf" },
			body: new Uint8Array(body),
		});
		const answer = await response.arrayBuffer();
		if (!response.ok || answer.byteLength > 0) throw new Error(`HTTP ${response.status}`);
	};
	for (const body of bodies.slice(0, WARM_REQUESTS)) await send(body);
	const before = await ask("cpu");
	for (const body of bodies.slice(WARM_REQUESTS)) await send(body);
	await reading;
	const cpuMs = (await ask("cpu")) - before;
	await reader.cancel();
	return (REQUESTS * BATCH_SPANS * 1000) / cpuMs;
}

async function withChild(work: (child: Child) => Promise<number>): Promise<number> {
	const directory = mkdtempSync(join(tmpdir(), "traceway-otlp-"));
	const file = fileURLToPath(new URL("./otlpIngestChild.mts", import.meta.url));
	const child = spawn(process.execPath, [file, directory], { stdio: ["pipe", "pipe", "inherit"] });
	const ended = once(child, "close");
	try {
		const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
		const next = async () => Number((await lines.next()).value);
		const url = `http://127.0.0.1:${await next()}`;
		return await work({
			url,
			ask: (line) => {
				child.stdin.write(`${line}\n`);
				return next();
			},
		});
	} finally {
		child.stdin.end();
		await ended;
		rmSync(directory, { recursive: true, force: true });
	}
}
