import { FileProblem } from "./fileProblem.ts";

/**
 * Walks JSON of any size as its bytes arrive, container by container, and hands out the text of what is inside, so that a
 * file larger than memory can be cut into pieces. Containers that are walked are checked; the text of a value is only
 * followed to its end: whoever gets the piece parses it.
 *
 * @throws FileProblem from every method, with the byte, for what is no JSON.
 */
export class JsonStream {
	readonly #chunks: AsyncIterator<Uint8Array>;
	#chunk: Buffer = EMPTY;
	#at = 0;
	/** Bytes before the present chunk. */
	#before = 0;

	constructor(chunks: AsyncIterable<Uint8Array>) {
		this.#chunks = chunks[Symbol.asyncIterator]();
	}

	/** The byte at which the next one is read, for messages. */
	get position(): number {
		return this.#before + this.#at;
	}

	/** First character of what comes next behind white space; `""` at the end. */
	async peek(): Promise<string> {
		for (;;) {
			while (this.#at < this.#chunk.length) {
				const code = this.#chunk[this.#at]!;
				if (code !== SPACE && code !== LINE_FEED && code !== RETURN && code !== TAB) return String.fromCharCode(code);
				this.#at++;
			}
			if (!(await this.#next())) return "";
		}
	}

	/** Keys of the object that comes next. Whoever takes a key must consume its value before the next one. */
	async *keys(): AsyncGenerator<string, void, undefined> {
		await this.#expect("{");
		if ((await this.peek()) === "}") {
			this.#at++;
			return;
		}
		for (;;) {
			if ((await this.peek()) !== '"') throw this.problem("a key in quotes was expected");
			const text = (await this.value(MAX_KEY_BYTES))?.toString("utf8");
			if (text === undefined) throw this.problem(`a key is longer than ${MAX_KEY_BYTES} bytes`);
			const key = this.#parseKey(text);
			await this.#expect(":");
			yield key;
			if ((await this.peek()) === "}") break;
			await this.#expect(",");
		}
		this.#at++;
	}

	/** Indexes of the array that comes next. Whoever takes one must consume its element before the next one. */
	async *elements(): AsyncGenerator<number, void, undefined> {
		await this.#expect("[");
		if ((await this.peek()) === "]") {
			this.#at++;
			return;
		}
		for (let index = 0; ; index++) {
			yield index;
			if ((await this.peek()) === "]") break;
			await this.#expect(",");
		}
		this.#at++;
	}

	/**
	 * Bytes of the value that comes next, as they are. Undefined when they are more than `maxBytes`: the value is then still
	 * what comes next, to be walked or skipped.
	 */
	async value(maxBytes: number): Promise<Buffer | undefined> {
		await this.peek();
		const start = this.position;
		const parts: Buffer[] = [];
		const isWhole = await this.#pass((part, bytes) => {
			parts.push(part);
			return bytes <= maxBytes;
		});
		if (isWhole) return parts.length === 1 ? parts[0] : Buffer.concat(parts);
		// All but the last part were used up; the last one ends inside the present chunk.
		const used = Buffer.concat(parts);
		this.#chunk = Buffer.concat([used, this.#chunk.subarray(this.#at)]);
		this.#at = 0;
		this.#before = start;
		return undefined;
	}

	/** Reads past the value that comes next, whatever its size. */
	async skip(): Promise<void> {
		await this.peek();
		await this.#pass(() => true);
	}

	/**
	 * Follows a value to its end, part by part.
	 *
	 * @param take gets each part and the bytes up to its end; false stops there.
	 * @returns whether the end was reached.
	 */
	async #pass(take: (part: Buffer, bytes: number) => boolean): Promise<boolean> {
		let bytes = 0;
		let depth = 0;
		let isInString = false;
		let isEscaped = false;
		let isBare = false;
		for (;;) {
			const chunk = this.#chunk;
			let isEnd = false;
			let at = this.#at;
			// The one loop that sees every byte of the file.
			for (; at < chunk.length && !isEnd; at++) {
				const code = chunk[at]!;
				if (isInString) {
					if (isEscaped) isEscaped = false;
					else if (code === BACKSLASH) isEscaped = true;
					else if (code === QUOTE) {
						isInString = false;
						isEnd = depth === 0;
					}
				} else if (depth > 0) {
					if (code === QUOTE) isInString = true;
					else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
					else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) isEnd = --depth === 0;
				} else if (isMark(code)) {
					// The end of a number or a word, or the begin of a string or container, or no value at all.
					if (isBare) break;
					if (code === QUOTE) isInString = true;
					else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth = 1;
					else break;
				} else isBare = true;
			}
			const isStopped = isEnd || at < chunk.length;
			if (at > this.#at) {
				const part = chunk.subarray(this.#at, at);
				bytes += part.length;
				this.#at = at;
				if (!take(part, bytes)) return false;
			}
			if (!isStopped && (await this.#next())) continue;
			if (!isStopped && (depth > 0 || isInString)) throw this.problem("ends inside a value");
			if (bytes === 0) throw this.problem("a value was expected");
			return true;
		}
	}

	/** An error that names the place. */
	problem(what: string): FileProblem {
		return new FileProblem(`no valid JSON at byte ${this.position}: ${what}`);
	}

	async #expect(mark: string): Promise<void> {
		if ((await this.peek()) !== mark) throw this.problem(`${mark} was expected`);
		this.#at++;
	}

	#parseKey(text: string): string {
		try {
			return JSON.parse(text) as string;
		} catch {
			// The message of JSON.parse counts from the key's begin; ours names the byte of the file.
			throw this.problem("a key in quotes was expected");
		}
	}

	/** False at the end of the bytes. Only called when the present chunk has been used up. */
	async #next(): Promise<boolean> {
		this.#before += this.#chunk.length;
		this.#chunk = EMPTY;
		this.#at = 0;
		const { done, value } = await this.#chunks.next();
		if (done) return false;
		this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
		if (this.#before === 0 && this.#chunk[0] === 0xef && this.#chunk[1] === 0xbb && this.#chunk[2] === 0xbf)
			this.#at = 3;
		return true;
	}
}

/** Keys of containers are names of members and ids of traces. */
const MAX_KEY_BYTES = 4096;

/** What is no part of a number or a word. */
function isMark(code: number): boolean {
	return (
		code <= SPACE ||
		code === COMMA ||
		code === COLON ||
		code === QUOTE ||
		code === OPEN_BRACE ||
		code === OPEN_BRACKET ||
		code === CLOSE_BRACE ||
		code === CLOSE_BRACKET
	);
}

const EMPTY = Buffer.alloc(0);
const TAB = 9;
const LINE_FEED = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
