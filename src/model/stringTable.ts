/** Index of "not known" in columns of interned strings. */
export const NO_STRING = -1;

/** References that ended before the table is looked through for dead strings. */
const MIN_GARBAGE = 8192;

/** Strings that many rows share (names, models), each kept once. */
export class StringTable {
	readonly #indexes = new Map<string, number>();
	readonly #strings: string[] = [];
	#garbage = 0;

	intern(text: string): number {
		const known = this.#indexes.get(text);
		if (known !== undefined) return known;
		const index = this.#strings.length;
		this.#strings.push(text);
		this.#indexes.set(text, index);
		return index;
	}

	get size(): number {
		return this.#strings.length;
	}

	at(index: number): string | undefined {
		return index < 0 ? undefined : this.#strings[index];
	}

	/** So many references to strings are gone: rows were freed or written over. */
	noteGarbage(count: number): void {
		this.#garbage += count;
	}

	/**
	 * Drops strings that no row refers to any more, when most of the table may be dead; the indexes in `columns` move with
	 * it. `owner` is negative for free rows. Looking costs a pass over the rows (5 ms at 500,000), so it waits until as many
	 * references ended.
	 */
	compact(owner: Int32Array, used: number, columns: readonly Int32Array[]): void {
		if (this.#garbage < MIN_GARBAGE + used) return;
		this.#garbage = 0;
		const { size } = this;
		// First which strings live, then where they went.
		const moved = new Int32Array(size);
		let live = 0;
		for (const column of columns) {
			for (let row = 0; row < used; row++) {
				const index = column[row];
				if (index < 0 || owner[row] < 0 || moved[index] === 1) continue;
				moved[index] = 1;
				live++;
			}
		}
		if (size < 2 * live + 1024) return;
		const indexes = [...moved.keys()].filter((index) => moved[index] === 1);
		const texts = indexes.map((index) => this.#strings[index]);
		this.#indexes.clear();
		this.#strings.length = 0;
		for (const [place, index] of indexes.entries()) moved[index] = this.intern(texts[place]);
		for (const column of columns) {
			for (let row = 0; row < used; row++) {
				if (column[row] >= 0 && owner[row] >= 0) column[row] = moved[column[row]];
			}
		}
	}

	clear(): void {
		this.#indexes.clear();
		this.#strings.length = 0;
		this.#garbage = 0;
	}
}

/** Words of which there are few, in one byte each: 1 … 254, and 255 for every word past those, which is not kept. */
export class WordCodes {
	readonly #codes = new Map<string, number>();
	readonly #words: (string | undefined)[] = [undefined];

	code(word: string): number {
		const known = this.#codes.get(word);
		if (known !== undefined) return known;
		if (this.#words.length > 254) return 255;
		const code = this.#words.push(word) - 1;
		this.#codes.set(word, code);
		return code;
	}

	/** Undefined for 0 and 255. */
	at(code: number): string | undefined {
		return this.#words[code];
	}

	clear(): void {
		this.#codes.clear();
		this.#words.length = 1;
	}
}
