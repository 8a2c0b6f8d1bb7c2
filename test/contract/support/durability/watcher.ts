import { createHash } from "node:crypto";
import { type ClientRequest, get } from "node:http";
import { LATEST_EVENT_ID_HEADER, type StreamMessage } from "../../../../src/protocol/events.ts";

export interface SeenEvent {
	readonly id: number;
	/** The data as they came. */
	readonly text: string;
}

/** Reads one event stream until the connection ends, line by line, without any client library that smooths things over. */
export class Watcher {
	/** Resolves with the id of the newest event when the server has answered; rejects when it is gone before. */
	readonly opened: Promise<number>;
	/** Resolves when the connection has ended, whoever ended it. */
	readonly ended: Promise<void>;
	readonly #request: ClientRequest;
	readonly #handleEvent: (event: SeenEvent) => void;
	#rest = "";
	#id: number | undefined;

	constructor(url: string, handleEvent: (event: SeenEvent) => void) {
		this.#handleEvent = handleEvent;
		const opened = Promise.withResolvers<number>();
		const ended = Promise.withResolvers<void>();
		this.opened = opened.promise;
		this.ended = ended.promise;
		// Who only waits for the end need not care that it never began.
		opened.promise.catch(() => {});
		this.#request = get(url, { agent: false }, (response) => {
			opened.resolve(Number(response.headers[LATEST_EVENT_ID_HEADER.toLowerCase()]));
			response.setEncoding("utf8").on("data", (text: string) => this.#read(text));
			response.on("error", () => ended.resolve());
			response.on("close", () => ended.resolve());
		});
		this.#request.on("error", (error) => {
			opened.reject(error);
			ended.resolve();
		});
	}

	close(): void {
		this.#request.destroy();
	}

	#read(chunk: string): void {
		const lines = (this.#rest + chunk).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) {
			if (line.startsWith("id: ")) this.#id = Number(line.slice(4));
			else if (line.startsWith("data: ")) {
				const text = line.slice(6);
				// Only a reset has no id: nothing is pruned here, so it is an event that should not be.
				this.#handleEvent({ id: this.#id ?? Number.NaN, text });
				this.#id = undefined;
			}
		}
	}
}

/** Events after a position up to the newest one, as the server replays them. */
export async function replay(url: string, since: number, handleEvent: (event: SeenEvent) => void): Promise<number> {
	const done = Promise.withResolvers<void>();
	let latest = Number.POSITIVE_INFINITY;
	let last = since;
	const watcher = new Watcher(`${url}/api/events?since=${since}`, (event) => {
		handleEvent(event);
		last = event.id;
		if (last >= latest) done.resolve();
	});
	latest = await watcher.opened;
	if (last < latest) await Promise.race([done.promise, watcher.ended]);
	watcher.close();
	if (last < latest) throw new Error(`the replay ended at event ${last}, the newest one is ${latest}`);
	return latest;
}

/** What is kept of an event to know it again. */
export interface Fingerprint {
	readonly digest: string;
	/** Type and id of what it is about, which it keeps also when its payload has been deleted. */
	readonly subject: string;
}

export function fingerprint(text: string): Fingerprint {
	return { digest: createHash("sha1").update(text).digest("base64"), subject: subjectOf(JSON.parse(text)) };
}

export function subjectOf(message: StreamMessage): string {
	if ("span" in message) return `${message.type} ${message.span.id}`;
	if ("span_id" in message) return `${message.type} ${message.span_id}`;
	if ("trace" in message) return `${message.type} ${message.trace.id}`;
	if ("trace_id" in message) return `${message.type} ${message.trace_id}`;
	return message.type;
}
