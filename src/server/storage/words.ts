/** Words that are kept in full; a text that is longer, or comes when the dictionary is full, is `Words.other`. */
const MAX_WORD_CHARS = 200;
const MAX_CHARS = 16_000_000;

/** Numbers for texts that many rows share, so that a column of them takes four bytes a row and a filter compares integers. */
export class Words {
	/** Number of "there is none". */
	static readonly none = 0;
	/** Number of every text that the dictionary has no room for: which one it is only the row knows. */
	static readonly other = 1;
	readonly #numbers = new Map<string, number>();
	readonly #texts: string[] = ["", ""];
	#chars = 0;

	/** True once a text was given the number `other`. */
	hasOther = false;

	/** One more than the greatest number. */
	get size(): number {
		return this.#texts.length;
	}

	/** Number of a text, which is added when it is new. */
	add(text: string | null): number {
		if (text === null) return Words.none;
		const known = this.#numbers.get(text);
		if (known !== undefined) return known;
		if (text.length > MAX_WORD_CHARS || this.#chars + text.length > MAX_CHARS) {
			this.hasOther = true;
			return Words.other;
		}
		const number = this.#texts.push(text) - 1;
		this.#numbers.set(text, number);
		this.#chars += text.length;
		return number;
	}

	/** Number of a text that some row has, undefined when none has it; `other` when only the rows know. */
	find(text: string): number | undefined {
		return this.#numbers.get(text) ?? (this.hasOther ? Words.other : undefined);
	}

	/** Text of a number, null of `none`; undefined of `other`. */
	text(number: number): string | null | undefined {
		return number === Words.none ? null : number === Words.other ? undefined : this.#texts[number];
	}

	/** For each number whether its text passes; `other` and `none` do not. */
	matching(test: (text: string) => boolean): Uint8Array {
		const result = new Uint8Array(this.#texts.length);
		for (let number = 2; number < this.#texts.length; number++) if (test(this.#texts[number])) result[number] = 1;
		return result;
	}
}
