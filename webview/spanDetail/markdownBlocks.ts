/** A block of Markdown: what it is, and its text without the marks. */
export type Block =
	| { readonly kind: "code" | "text" | "quote" | "rule"; readonly text: string }
	| { readonly kind: "heading"; readonly text: string; readonly level: number }
	| { readonly kind: "item"; readonly text: string; readonly mark: string; readonly depth: number };

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^( {0,20})([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^ {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/;
const MAX_DEPTH = 6;
/** A longer line is a text, not prose with marks. */
const MAX_LINE_UNITS = 5_000;

/** Whether a text has marks that are worth showing. */
export function looksLikeMarkdown(text: string): boolean {
	return /(?:^|\n) {0,3}(?:#{1,6} |[-*+] |\d{1,3}[.)] |`{3}|> )|\*\*\S|`[^`\n]+`|\]\(/.test(text);
}

/**
 * The blocks of a text, one pass over its lines. The part of CommonMark that models write: headings, lists, quotes, fences, rules and
 * paragraphs. HTML is text, and so is whatever else is not known: nothing is dropped.
 */
export function blocksOf(text: string): Block[] {
	const blocks: Block[] = [];
	const lines = text.split("\n");
	/** Lines of the paragraph or quote that is being read. */
	let open: { readonly kind: "text" | "quote"; readonly lines: string[] } | undefined;
	const close = (): void => {
		if (open !== undefined) blocks.push({ kind: open.kind, text: open.lines.join("\n") });
		open = undefined;
	};
	const add = (kind: "text" | "quote", line: string): void => {
		if (open?.kind !== kind) {
			close();
			open = { kind, lines: [] };
		}
		open.lines.push(line);
	};
	for (let at = 0; at < lines.length; at++) {
		const line = lines[at];
		const fence = FENCE.exec(line)?.[1];
		if (fence !== undefined) {
			close();
			const code: string[] = [];
			while (++at < lines.length && !isFenceEnd(lines[at], fence)) code.push(lines[at]);
			blocks.push({ kind: "code", text: code.join("\n") });
			continue;
		}
		if (line.trim() === "") {
			close();
			continue;
		}
		const isShort = line.length <= MAX_LINE_UNITS;
		const heading = isShort ? HEADING.exec(line) : null;
		const item = isShort ? ITEM.exec(line) : null;
		if (isShort && RULE.test(line)) {
			close();
			blocks.push({ kind: "rule", text: line });
		} else if (heading !== null) {
			close();
			blocks.push({ kind: "heading", level: heading[1].length, text: heading[2] });
		} else if (item !== null) {
			close();
			const depth = Math.min(MAX_DEPTH, Math.floor(item[1].length / 2));
			blocks.push({ kind: "item", depth, mark: /\d/.test(item[2]) ? item[2] : "•", text: item[3] });
		} else if (/^ {0,3}>/.test(line)) add("quote", line.replace(/^ {0,3}> ?/, ""));
		else add("text", line);
	}
	close();
	return blocks;
}

function isFenceEnd(line: string, fence: string): boolean {
	const trimmed = line.trim();
	return trimmed.length >= fence.length && trimmed === fence[0].repeat(trimmed.length);
}
