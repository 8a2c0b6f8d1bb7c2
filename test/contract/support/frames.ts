import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { onTestFinished } from "vitest";
import type { StreamMessage } from "../../../src/protocol/events.ts";
import { eventually } from "./testServer.ts";

export interface Frame {
	readonly id: string | undefined;
	readonly data: StreamMessage;
	/** The data as it came. */
	readonly text: string;
}

/** One connection to `GET /api/events`, read line by line without any client library, so that nothing is smoothed over. */
export class Stream {
	readonly frames: Frame[] = [];
	readonly comments: string[] = [];
	/** Field names of all lines. */
	readonly fields = new Set<string>();
	response: IncomingMessage | undefined;
	isEnded = false;
	readonly #request: ClientRequest;
	#rest = "";
	#lines: string[] = [];

	constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
		this.#request = request(url, { headers, agent: false }, (response) => {
			this.response = response;
			response.setEncoding("utf8").on("data", (text: string) => this.#read(text));
			response.on("close", () => {
				this.isEnded = true;
			});
			response.on("error", () => {});
		});
		this.#request.on("error", () => {
			this.isEnded = true;
		});
		this.#request.end();
		onTestFinished(() => this.close());
	}

	/** Resolves when the server has answered and said hello. */
	async open(): Promise<this> {
		await eventually("an open stream", () => this.comments.length > 0);
		return this;
	}

	/** Resolves with the first `count` frames. */
	async take(count: number): Promise<readonly Frame[]> {
		await eventually(`${count} frames, ${this.frames.length} have come`, () => this.frames.length >= count);
		return this.frames.slice(0, count);
	}

	get ids(): number[] {
		return this.frames.filter((frame) => frame.id !== undefined).map((frame) => Number(frame.id));
	}

	get types(): string[] {
		return this.frames.map((frame) => frame.data.type);
	}

	/** Reads nothing more from the socket until `resume`. */
	pause(): void {
		this.response?.pause();
	}

	resume(): void {
		this.response?.resume();
	}

	close(): void {
		this.#request.destroy();
	}

	#read(text: string): void {
		const lines = (this.#rest + text).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) {
			if (line === "") this.#dispatch();
			else if (line.startsWith(":")) this.comments.push(line.slice(1).trim());
			else this.#lines.push(line);
		}
	}

	#dispatch(): void {
		const lines = this.#lines;
		this.#lines = [];
		let id: string | undefined;
		let data: string | undefined;
		for (const line of lines) {
			const [field] = line.split(":", 1);
			this.fields.add(field);
			const value = line.slice(field.length + 2);
			if (field === "id") id = value;
			if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
		}
		if (data !== undefined) this.frames.push({ id, text: data, data: JSON.parse(data) });
	}
}
