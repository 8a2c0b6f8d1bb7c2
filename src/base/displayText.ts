/**
 * A text from a trace, safe to put on a line of the interface through `textContent` or a tree label: at most
 * `maxCharacters` UTF-16 units, cut at a code point with "…" as its last character. C0 controls (NUL, escape, line ends)
 * and delete become their Control Pictures, C1 controls and lone surrogates "�", and characters that change the
 * direction or order of what stands around them (bidi marks, embeddings, overrides, isolates) become "�" too: they would
 * let a span's name rewrite its neighbours. Escapes nothing: it is no way into HTML.
 */
export function displayText(text: string, maxCharacters: number): string {
	const limit = Math.max(1, Math.floor(maxCharacters));
	let end = text.length;
	if (end > limit) {
		end = limit - 1;
		// Never between the halves of a pair.
		if (end > 0 && isHigh(text.charCodeAt(end - 1)) && isLow(text.charCodeAt(end))) end--;
	}
	let result = "";
	let from = 0;
	for (let index = 0; index < end; index++) {
		const code = text.charCodeAt(index);
		// Nearly every character of nearly every text ends here.
		if (code >= 0x20 && code < 0x7f) continue;
		if (isHigh(code) && index + 1 < end && isLow(text.charCodeAt(index + 1))) {
			index++;
			continue;
		}
		const picture = neutral(code);
		if (picture === undefined) continue;
		result += text.slice(from, index) + picture;
		from = index + 1;
	}
	result = from === 0 ? text.slice(0, end) : result + text.slice(from, end);
	return end < text.length ? `${result}…` : result;
}

/** The stand-in of a UTF-16 unit that may not be shown as it is, undefined for all others. */
function neutral(code: number): string | undefined {
	if (code < 0x20) return String.fromCharCode(0x2400 + code);
	if (code === 0x7f) return "␡";
	if (code > 0x7f && code < 0xa0) return "�";
	if (code >= 0xd800 && code <= 0xdfff) return "�";
	// Arabic letter mark; left-to-right and right-to-left mark; embeddings and overrides; isolates.
	if (code === 0x61c || code === 0x200e || code === 0x200f) return "�";
	if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) return "�";
	// Line and paragraph separator break a line where no line may break; the byte order mark is invisible.
	if (code === 0x2028 || code === 0x2029) return "␤";
	if (code === 0xfeff) return "�";
	return undefined;
}

function isHigh(code: number): boolean {
	return code >= 0xd800 && code <= 0xdbff;
}

function isLow(code: number): boolean {
	return code >= 0xdc00 && code <= 0xdfff;
}
