import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { parseAnswers, type RawAnswer } from "./support/fuzz/answers.ts";
import { type Attack, Dice, makeAttack } from "./support/fuzz/attacks.ts";
import { send } from "./support/testServer.ts";

// TRACEWAY_FUZZ_SECONDS=60 runs for longer, TRACEWAY_FUZZ_SEED repeats a run.
const SECONDS = Number(process.env.TRACEWAY_FUZZ_SECONDS ?? 3);
const SEED = Number(process.env.TRACEWAY_FUZZ_SEED ?? Date.now() % 1_000_000);
const AT_ONCE = 24;

/** Longest wait for an answer or the end of a connection; the server gives a request 400 ms. */
const HANG_MS = 10_000;

/** A connection that has had an answer and is silent for so long is over for us. */
const SILENT_MS = 100;

interface State {
	readonly heapBytes: number;
	readonly externalBytes: number;
	readonly sockets: number;
}

interface Target {
	readonly process: ChildProcess;
	readonly url: string;
	state(): Promise<State>;
}

async function startTarget(): Promise<Target> {
	const script = fileURLToPath(new URL("support/fuzz/target.mts", import.meta.url));
	const child = spawn(process.execPath, ["--expose-gc", script], { stdio: ["pipe", "pipe", "pipe"] });
	let errors = "";
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		errors += text;
	});
	onTestFinished(() => {
		child.kill("SIGKILL");
		expect(errors).toBe("");
	});
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const next = async () => (await lines.next()).value as string;
	return {
		process: child,
		url: await next(),
		async state() {
			child.stdin.write("state\n");
			return JSON.parse(await next());
		},
	};
}

/** Carries out an attack; gives the answers, and throws when the server neither answers nor ends the connection. */
function carryOut({ pieces, gapMs = 0, end = "wait" }: Attack, port: number): Promise<readonly RawAnswer[]> {
	return new Promise((resolve, reject) => {
		const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
		let text = "";
		let isEnded = false;
		const finish = (isOver: boolean) => {
			try {
				const answers = parseAnswers(text, isEnded);
				if (!isOver && answers.length === 0) return;
				clearTimeout(hang);
				resolve(answers);
			} catch (error) {
				reject(error);
			}
			socket.destroy();
		};
		const hang = setTimeout(() => {
			reject(new Error(`neither an answer nor an end within ${HANG_MS} ms; got ${JSON.stringify(text.slice(0, 500))}`));
			socket.destroy();
		}, HANG_MS);
		// Each time: a slow server is silent before it answers, too. A listener given to `setTimeout` would be called once.
		socket.setTimeout(SILENT_MS);
		socket.on("timeout", () => finish(false));
		socket.on("data", (chunk) => {
			text += chunk.toString("latin1");
			// A stream is never silent while others write.
			if (text.length > 1000 && text.includes("text/event-stream")) finish(false);
		});
		// A server may close before it has read all; what it said first counts.
		socket.on("error", () => {});
		socket.on("end", () => {
			isEnded = true;
			finish(true);
		});
		socket.on("close", () => finish(true));
		const rest = [...pieces];
		const write = () => {
			const piece = rest.shift();
			if (socket.destroyed) return;
			if (piece === undefined) {
				if (end === "half") socket.end();
				if (end === "reset") socket.resetAndDestroy();
				return;
			}
			socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
			if (gapMs === 0) write();
			else setTimeout(write, gapMs);
		};
		socket.on("connect", write);
	});
}

/** Throws for an answer that is not what the API promises. */
function check({ status, type, body }: RawAnswer): void {
	if (status === 204 || (type === "application/x-protobuf" && status === 200)) return;
	if (type === "text/event-stream") return;
	if (status >= 500 && status !== 503) throw new Error(`status ${status}: ${body}`);
	// The answer to HEAD has a length and no body.
	if (body === "") return;
	const json = JSON.parse(body);
	if (status >= 400 && (typeof json.error !== "string" || typeof json.code !== "string")) {
		throw new Error(`an error without its members: ${body}`);
	}
}

async function attackFor(ms: number, dice: Dice, port: number, counts: Map<string, number>): Promise<void> {
	const endMs = Date.now() + ms;
	await Promise.all(
		Array.from({ length: AT_ONCE }, async () => {
			while (Date.now() < endMs) {
				const attack = makeAttack(dice);
				try {
					for (const answer of await carryOut(attack, port)) check(answer);
				} catch (cause) {
					const sent = attack.pieces.map((piece) => piece.toString("latin1")).join("");
					throw new Error(`seed ${SEED}, ${attack.name}: ${JSON.stringify(sent.slice(0, 1000))}`, { cause });
				}
				counts.set(attack.name, (counts.get(attack.name) ?? 0) + 1);
			}
		}),
	);
}

it(
	`withstands ${SECONDS} seconds of hostile connections: no crash, no leak, every answer JSON`,
	async () => {
		const target = await startTarget();
		const port = Number(new URL(target.url).port);
		const dice = new Dice(SEED);
		const counts = new Map<string, number>();
		const settled = async () => {
			await send("DELETE", `${target.url}/api/traces`, undefined, { Connection: "close" });
			let state = await target.state();
			// Listening, and nothing else: sockets that the operating system still closes are gone soon.
			for (let tries = 0; state.sockets > 0 && tries < 200; tries++) {
				await new Promise((resolve) => setTimeout(resolve, 50));
				state = await target.state();
			}
			return state;
		};
		await attackFor(1000, dice, port, counts);
		const base = await settled();
		await attackFor(SECONDS * 1000, dice, port, counts);
		const after = await settled();
		expect(target.process.exitCode).toBeNull();
		expect(after.sockets).toBe(0);
		const slack = 16 * 1024 * 1024;
		expect(after.heapBytes).toBeLessThan(1.5 * base.heapBytes + slack);
		expect(after.externalBytes).toBeLessThan(1.5 * base.externalBytes + slack);
		const alive = await send("POST", `${target.url}/api/spans`, { trace_id: "t", name: "after all that" });
		expect(alive.status).toBe(201);
		if (process.env.TRACEWAY_FUZZ_SECONDS !== undefined) console.log({ seed: SEED, base, after }, counts);
	},
	SECONDS * 1000 + 60_000,
);
