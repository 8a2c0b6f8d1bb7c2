import { Agent, request } from "node:http";
import { ulid } from "ulid";
import { delay } from "./liveWindow.mts";

/** Connections of the load; a request that finds none free waits. */
const SOCKETS = 16;
const TICK_MS = 10;
/** More requests than this under way: the server is behind, and more would only measure the queue. */
const MAX_UNDER_WAY = 400;
const SPANS_PER_TRACE = 20;
/** Every so many spans one goes into the trace that is watched. */
const WATCHED_EVERY = 5;
/** Spans that are begun before the oldest of them is completed. */
const RUNNING = 50;

export interface LoadOptions {
	readonly url: string;
	readonly eventsPerSecond: number;
	readonly durationMs: number;
	/** A trace that a panel shows; a fifth of the spans goes there, below this parent. */
	readonly watched?: { readonly traceId: string; readonly rootId: string };
	/** Default 20. */
	readonly spansPerTrace?: number;
}

export interface LoadResult {
	/** Events that the server acknowledged: half of them begin a span, half complete one. */
	readonly events: number;
	readonly durationMs: number;
	/** Spans begun in the watched trace. */
	readonly watchedSpans: number;
}

/**
 * Sends events over REST at an even rate, as a crowd of busy programs would: spans of traces of twenty are begun and, fifty
 * spans later, completed. The rate is kept by the clock; what a slow server could not take in time is made up for as long as
 * the queue stays short, and the result tells what was really sent. Throws on an answer that is no success.
 */
export async function sendSpans(options: LoadOptions): Promise<LoadResult> {
	const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
	const running: string[] = [];
	const { watched, spansPerTrace = SPANS_PER_TRACE } = options;
	let traceId = ulid();
	let begun = 0;
	let watchedSpans = 0;
	let underWay = 0;
	let events = 0;
	let failure: Error | undefined;

	const post = async (path: string, body: unknown): Promise<unknown> => {
		underWay++;
		try {
			const answer = await postJson(agent, `${options.url}/api${path}`, body);
			events++;
			return answer;
		} catch (error) {
			failure ??= error as Error;
			return undefined;
		} finally {
			underWay--;
		}
	};
	const begin = async () => {
		const number = begun++;
		if (number % spansPerTrace === 0) traceId = ulid();
		const into = number % WATCHED_EVERY === 0 ? watched : undefined;
		if (into !== undefined) watchedSpans++;
		const answer = await post("/spans", {
			trace_id: into?.traceId ?? traceId,
			parent_id: into?.rootId ?? null,
			name: `chat completion ${number}`,
			kind: { type: "llm_call", model: "gpt-4o-mini", provider: "openai" },
			input: [{ role: "user", content: "Summarise the last three messages of this conversation, please." }],
		});
		const { id } = (answer ?? {}) as { readonly id?: string };
		if (id !== undefined) running.push(id);
	};
	const complete = (spanId: string) =>
		post(`/spans/${spanId}/complete`, {
			kind: { type: "llm_call", model: "gpt-4o-mini", provider: "openai", input_tokens: 812, output_tokens: 64 },
			output: { role: "assistant", content: "They agreed on Tuesday, and Ana brings the numbers." },
		});

	const startedAt = performance.now();
	let sent = 0;
	for (let elapsedMs = 0; elapsedMs < options.durationMs && failure === undefined; ) {
		const due = Math.floor((elapsedMs / 1000) * options.eventsPerSecond);
		for (; sent < due && underWay < MAX_UNDER_WAY; sent++) {
			const oldest = sent % 2 === 1 && running.length >= RUNNING ? running.shift() : undefined;
			void (oldest === undefined ? begin() : complete(oldest));
		}
		await delay(TICK_MS);
		elapsedMs = performance.now() - startedAt;
	}
	while (underWay > 0) await delay(TICK_MS);
	const durationMs = performance.now() - startedAt;
	agent.destroy();
	if (failure !== undefined) throw failure;
	return { events, durationMs, watchedSpans };
}

/** Plainer than `fetch`, which would take more of the machine than what is measured. */
function postJson(agent: Agent, url: string, body: unknown): Promise<unknown> {
	const text = JSON.stringify(body);
	return new Promise((resolve, reject) => {
		const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
		const sending = request(url, { method: "POST", agent, headers }, (response) => {
			let answer = "";
			response.setEncoding("utf8").on("data", (part: string) => {
				answer += part;
			});
			response.on("error", reject);
			response.on("end", () => {
				if (response.statusCode === 200 || response.statusCode === 201) resolve(JSON.parse(answer));
				else reject(new Error(`POST ${url}: HTTP ${response.statusCode} ${answer.slice(0, 300)}`));
			});
		});
		sending.on("error", reject);
		sending.end(text);
	});
}
