import { displayText } from "../../src/base/displayText.ts";

/**
 * A text from a trace for a block of lines: line ends and tabs stay, everything else that could disturb its surroundings
 * is neutralised as in `displayText`. Escapes nothing: it is for text nodes.
 */
export function blockText(text: string): string {
	const lines = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
	return lines.replace(/[^\n\t]+/g, (run) => displayText(run, Number.MAX_SAFE_INTEGER));
}

/** A text from a trace on one line, for names and labels. */
export function lineText(text: string, maxCharacters = 300): string {
	return displayText(text, maxCharacters);
}

const encoder = new TextEncoder();

/** Bytes of what is shown, beside the bytes of the whole. */
export function shownBytes(text: string): number {
	return encoder.encode(text).length;
}

/**
 * The beginning of a text for a folded card: at most so many lines and characters, undefined when the text is not longer
 * than that by a good part. A fold that hides two words is worse than none.
 */
export function previewOf(text: string, maxLines: number, maxCharacters: number): string | undefined {
	let end = Math.min(text.length, maxCharacters);
	let lines = 0;
	for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) {
		lines++;
		if (lines === maxLines) {
			end = at;
			break;
		}
	}
	if (text.length <= end * 1.25) return undefined;
	// At a word's end if there is one near.
	const space = text.lastIndexOf(" ", end);
	if (end === maxCharacters && space > end - 40) end = space;
	return text.slice(0, end).trimEnd();
}
