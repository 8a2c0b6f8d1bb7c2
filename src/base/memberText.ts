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
	// Without a prototype: a member may be called valueOf or __proto__, and one that is missing must not be found there.
	const found = Object.create(null) as Partial<Record<K, string>>;
	const firstBackslash = text.indexOf("\\");
	let at = skipSpace(text, skipSpace(text, 0) + 1);
	while (text.charCodeAt(at) === QUOTE) {
		const keyEnd = stringEnd(text, at);
		const hasEscape = firstBackslash >= 0 && firstBackslash < keyEnd;
		const name = hasEscape ? escapedName(text.slice(at, keyEnd), names) : nameAt(text, at + 1, keyEnd - 1, names);
		const from = skipSpace(text, skipSpace(text, keyEnd) + 1);
		const scanned = scanValue(text, from, firstBackslash);
		const end = Math.abs(scanned);
		if (name !== undefined) {
			const raw = text.slice(from, end);
			if (raw === "null") delete found[name];
			else found[name] = scanned > 0 ? raw : compact(raw);
		}
		at = skipSpace(text, end);
		if (text.charCodeAt(at) !== COMMA) break;
		at = skipSpace(text, at + 1);
	}
	return found;
}

/** Which of the names stands between two places, without making a text of it. */
function nameAt<K extends string>(text: string, from: number, end: number, names: readonly K[]): K | undefined {
	for (const name of names) if (name.length === end - from && text.startsWith(name, from)) return name;
	return undefined;
}

/** `quoted` is a key with its quotes, perhaps one with escapes in it. */
function escapedName<K extends string>(quoted: string, names: readonly K[]): K | undefined {
	const key = quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
	return names.find((name) => name === key);
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

/**
 * Where a value ends, as a negative number when it is not compact. Iterative: depth costs nothing. `firstBackslash` is the place
 * of the first one in `text`, negative when there is none.
 */
function scanValue(text: string, from: number, firstBackslash: number): number {
	let at = from;
	let depth = 0;
	let isCompact = true;
	// Looked up once per backslash, not once per string: else many strings without one would cost their number squared.
	let backslash = firstBackslash < 0 ? text.length : firstBackslash;
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
	return isCompact ? at : -at;
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
