/**
 * The members of a JSON object as compact JSON text, cut out of the text that they came in: numbers keep every digit,
 * nesting may be deeper than a call stack, and nothing is written a second time.
 *
 * `text` must be what `JSON.parse` accepted and made an object of. Compact means: no whitespace between tokens (so no line
 * end either, which an SSE frame could not carry), and strings as `JSON.stringify` writes them, so that `é` and `\u00e9`
 * are found by the same search. A lone surrogate stays an escape. Of a name that comes twice, the last one counts, as in
 * `JSON.parse`. Members with the value null are left out.
 */
export function memberTexts<K extends string>(text: string, names: readonly K[]): Partial<Record<K, string>> {
	const found: Partial<Record<K, string>> = {};
	let at = skipSpace(text, skipSpace(text, 0) + 1);
	while (text.charCodeAt(at) === QUOTE) {
		const keyEnd = stringEnd(text, at);
		const rawKey = text.slice(at + 1, keyEnd - 1);
		const key = rawKey.includes("\\") ? (JSON.parse(text.slice(at, keyEnd)) as string) : rawKey;
		const from = skipSpace(text, skipSpace(text, keyEnd) + 1);
		const value = scanValue(text, from);
		const name = names.find((wanted) => wanted === key);
		if (name !== undefined) {
			const raw = text.slice(from, value.end);
			if (raw === "null") delete found[name];
			else found[name] = value.isCompact ? raw : compact(raw);
		}
		at = skipSpace(text, value.end);
		if (text.charCodeAt(at) !== COMMA) break;
		at = skipSpace(text, at + 1);
	}
	return found;
}

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;

function isSpace(code: number): boolean {
	return code === 32 || code === 10 || code === 13 || code === 9;
}

function skipSpace(text: string, from: number): number {
	let at = from;
	while (isSpace(text.charCodeAt(at))) at++;
	return at;
}

/** Index behind the closing quote of the string that begins at `from`. */
function stringEnd(text: string, from: number): number {
	let at = from;
	for (;;) {
		at = text.indexOf('"', at + 1);
		let before = at;
		while (text.charCodeAt(before - 1) === BACKSLASH) before--;
		if ((at - before) % 2 === 0) return at + 1;
	}
}

/** Where a value ends, and whether it is compact already. Iterative: depth costs nothing. */
function scanValue(text: string, from: number): { readonly end: number; readonly isCompact: boolean } {
	let at = from;
	let depth = 0;
	let isCompact = true;
	// Looked up once per backslash, not once per string: else many strings without one would cost their number squared.
	let backslash = -1;
	for (;;) {
		const code = text.charCodeAt(at);
		if (code === QUOTE) {
			const end = stringEnd(text, at);
			if (isCompact) {
				if (backslash < at) backslash = text.indexOf("\\", at);
				if (backslash < 0) backslash = text.length;
				// Only some escapes have a shorter spelling; any one is reason enough to look closer.
				if (backslash < end) isCompact = false;
			}
			at = end;
			if (depth === 0) break;
		} else if (code === 123 || code === 91) {
			depth++;
			at++;
		} else if (code === 125 || code === 93) {
			// A bare value ends at the bracket of what holds it.
			if (depth === 0) break;
			depth--;
			at++;
			if (depth === 0) break;
		} else if (Number.isNaN(code) || (depth === 0 && (code === COMMA || isSpace(code)))) {
			break;
		} else {
			if (isSpace(code)) isCompact = false;
			at++;
		}
	}
	return { end: at, isCompact };
}

function compact(text: string): string {
	let result = "";
	let at = 0;
	while (at < text.length) {
		const code = text.charCodeAt(at);
		if (code === QUOTE) {
			const end = stringEnd(text, at);
			const token = text.slice(at, end);
			result += token.includes("\\") ? JSON.stringify(JSON.parse(token)) : token;
			at = end;
		} else if (isSpace(code)) {
			at++;
		} else {
			let end = at + 1;
			for (;;) {
				const next = text.charCodeAt(end);
				if (next === QUOTE || isSpace(next) || Number.isNaN(next)) break;
				end++;
			}
			result += text.slice(at, end);
			at = end;
		}
	}
	return result;
}
