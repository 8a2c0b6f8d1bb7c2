/** A text is no JSON; the message says where. */
export class JsonProblem extends Error {}

/**
 * Walks large JSON text container by container, in one pass and in as many turns as its user likes, and hands out the text of
 * what is inside. Containers that are walked are checked strictly; a text handed out is checked when its user parses it, so
 * that together nothing that is no JSON goes through.
 *
 * @throws JsonProblem with the place, from every method.
 */
export class JsonCursor {
	readonly #text: string;
	#at = 0;

	constructor(text: string) {
		this.#text = text;
	}

	/** What comes next: `"{"`, `"["`, `'"'`, another character of a value, or `""` at the end. */
	peek(): string {
		this.#skipSpace();
		return this.#text.charAt(this.#at);
	}

	/** Keys of the object that comes next. Whoever takes a key must consume its value before the next one. */
	*keys(): Generator<string> {
		this.#expect("{");
		if (this.peek() === "}") {
			this.#at++;
			return;
		}
		for (;;) {
			if (this.peek() !== '"') throw this.#problem("a key in quotes was expected");
			const key = this.value();
			this.#expect(":");
			yield parsePiece(key) as string;
			if (this.peek() === "}") break;
			this.#expect(",");
		}
		this.#at++;
	}

	/** Indexes of the array that comes next. Whoever takes one must consume its element before the next one. */
	*elements(): Generator<number> {
		this.#expect("[");
		if (this.peek() === "]") {
			this.#at++;
			return;
		}
		for (let index = 0; ; index++) {
			yield index;
			if (this.peek() === "]") break;
			this.#expect(",");
		}
		this.#at++;
	}

	/** Text of the value that comes next, unparsed: depth costs nothing. */
	value(): string {
		this.#skipSpace();
		const from = this.#at;
		const text = this.#text;
		let at = from;
		let depth = 0;
		do {
			const code = text.charCodeAt(at);
			if (code === QUOTE) {
				at = this.#stringEnd(at);
			} else if (code === 123 || code === 91) {
				depth++;
				at++;
			} else if (code === 125 || code === 93) {
				if (depth === 0) break;
				depth--;
				at++;
			} else if (depth > 0) {
				if (at >= text.length) throw this.#problem("ends inside a value");
				at++;
			} else {
				BARE.lastIndex = at;
				at += BARE.exec(text)?.[0].length ?? 0;
			}
		} while (depth > 0);
		if (at === from) throw this.#problem("a value was expected");
		this.#at = at;
		return text.slice(from, at);
	}

	/** Checks that nothing follows. */
	end(): void {
		if (this.peek() !== "") throw this.#problem("something follows the end of the value");
	}

	#stringEnd(from: number): number {
		let at = from;
		for (;;) {
			at = this.#text.indexOf('"', at + 1);
			if (at < 0) throw this.#problem("ends inside a string");
			let before = at;
			while (this.#text.charCodeAt(before - 1) === BACKSLASH) before--;
			if ((at - before) % 2 === 0) return at + 1;
		}
	}

	#expect(mark: string): void {
		if (this.peek() !== mark) throw this.#problem(`${mark} was expected`);
		this.#at++;
	}

	#skipSpace(): void {
		SPACE.lastIndex = this.#at;
		this.#at += SPACE.exec(this.#text)?.[0].length ?? 0;
	}

	#problem(what: string): JsonProblem {
		return new JsonProblem(`is no valid JSON (${what} at position ${this.#at})`);
	}
}

const QUOTE = 34;
const BACKSLASH = 92;
/** A number, true, false or null, roughly: whoever parses it looks closer. */
const BARE = /[\w+.-]*/y;
const SPACE = /[ \t\r\n]*/y;

/** `JSON.parse` of a text from the cursor. @throws JsonProblem */
export function parsePiece(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		const why = error instanceof Error ? error.message.slice(0, 200) : "";
		throw new JsonProblem(`is no valid JSON (${why})`);
	}
}
