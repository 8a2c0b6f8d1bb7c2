/** Longest part of a text in which matches are shown; names are cut long before. */
const MAX_MARKED = 1000;

/** What is searched for: a text that is contained, with or without regard to case. */
export class TextQuery {
	readonly text: string;
	readonly isCaseSensitive: boolean;
	readonly #needle: string;
	#pattern: RegExp | undefined;

	/** `text` is not empty. */
	constructor(text: string, isCaseSensitive: boolean) {
		this.text = text;
		this.isCaseSensitive = isCaseSensitive;
		this.#needle = this.#fold(text);
	}

	isIn(text: string): boolean {
		return this.#fold(text).includes(this.#needle);
	}

	/** A text cut at the edges of what matches: parts at odd places match. */
	split(text: string): readonly string[] {
		// By a pattern: lower case may be longer, and its places are not those of the text.
		this.#pattern ??= new RegExp(`(${escaped(this.text)})`, this.isCaseSensitive ? "u" : "iu");
		return text.length > MAX_MARKED ? [text] : text.split(this.#pattern);
	}

	#fold(text: string): string {
		return this.isCaseSensitive ? text : text.toLowerCase();
	}
}

function escaped(text: string): string {
	return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
