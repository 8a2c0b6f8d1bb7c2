import { eastAsianWidth } from "get-east-asian-width";
import { displayText } from "../../base/displayText.ts";

const PLAIN = /^[\x20-\x7e]*$/;
/** Marks that take no cell of their own. */
const MARK = /^\p{M}$/u;
/** Joiners, variation selectors and other invisible signs: terminals disagree about what they do to the width. */
const INVISIBLE = /[\p{Cf}\p{Variation_Selector}]/gu;
/** Marks piled on one character reach into the lines above and below. */
const PILED_MARKS = /(\p{M}{2})\p{M}+/gu;
/** How much of a text is looked at for one cell of a table, whose width it is cut to afterwards. */
const MAX_CHARS = 1000;

/**
 * A text from outside, safe in a terminal: no control character and so no escape sequence is left (`displayText`), nothing
 * that changes direction, no line end. Invisible signs are dropped, so that each character counts for its own width.
 */
export function terminalText(text: string): string {
	const safe = displayText(text, MAX_CHARS);
	return PLAIN.test(safe) ? safe : safe.normalize("NFC").replace(INVISIBLE, "").replace(PILED_MARKS, "$1");
}

/**
 * Columns that a text takes in a terminal that counts code points, as VS Code's does: East Asian wide characters and emoji 2,
 * marks 0, all others 1.
 */
export function textWidth(text: string): number {
	if (PLAIN.test(text)) return text.length;
	let width = 0;
	for (const character of text) width += characterWidth(character);
	return width;
}

/** The beginning of a text that fits into so many columns, with "…" as its end where something is missing. */
export function cutText(text: string, columns: number): string {
	if (columns <= 0) return "";
	if (PLAIN.test(text) ? text.length <= columns : textWidth(text) <= columns) return text;
	let width = 0;
	let result = "";
	for (const character of text) {
		width += characterWidth(character);
		if (width > columns - 1) break;
		result += character;
	}
	return `${result}…`;
}

/** A text in exactly so many columns: cut, or filled with spaces behind it (or before it, for numbers). */
export function fitText(text: string, columns: number, align: "left" | "right" = "left"): string {
	const cut = cutText(text, columns);
	const space = " ".repeat(Math.max(0, columns - textWidth(cut)));
	return align === "left" ? cut + space : space + cut;
}

/** Whether every terminal gives this text the same width: there is nothing in it but ASCII. */
export function isPlain(text: string): boolean {
	return PLAIN.test(text);
}

function characterWidth(character: string): number {
	const code = character.codePointAt(0) ?? 0;
	if (code < 0x7f) return 1;
	return MARK.test(character) ? 0 : eastAsianWidth(code);
}
