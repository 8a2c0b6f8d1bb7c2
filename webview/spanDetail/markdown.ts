import { html, type TemplateResult } from "lit";
import { fill } from "../shared/words.ts";
import { blockText, lineText } from "./blockText.ts";
import type { PageContext } from "./context.ts";
import { type Block, blocksOf } from "./markdownBlocks.ts";
import { words } from "./words.ts";

/** Markdown as elements that are made here, one by one: no text of a trace is ever read as HTML, and no link leads anywhere. */
export function markdown(context: PageContext, text: string): TemplateResult {
	return html`<div class="markdown" dir="auto">${blocksOf(text).map((block) => blockTemplate(context, block))}</div>`;
}

function blockTemplate(context: PageContext, block: Block): TemplateResult {
	switch (block.kind) {
		case "code":
			return html`<pre class="block" tabindex="0" role="group" aria-label=${words.code}>${blockText(block.text)}</pre>`;
		case "rule":
			return html`<hr />`;
		case "quote":
			return html`<blockquote>${inline(context, block.text)}</blockquote>`;
		case "heading":
			// One level below the page's, whatever the message says: a jump would make it hard to find one's way by headings.
			return html`<div class="heading" role="heading" aria-level="3">${inline(context, block.text)}</div>`;
		case "item":
			return html`<div class="item" .style=${`--depth: ${block.depth}`}><span class="mark">${block.mark}</span><span>${inline(context, block.text)}</span></div>`;
		case "text":
			return html`<p>${inline(context, block.text)}</p>`;
	}
}

/** Each alternative ends at the next mark or line end, so that no text makes it walk the same stretch often. */
const INLINE =
	/(?<ticks>`+)(?<code>[^`\n]+)\k<ticks>(?!`)|\*\*(?<strong>[^*\n]+)\*\*|\*(?<em>[^*\s][^*\n]*)\*|\[(?<label>[^\][\n]{1,300})\]\((?<target>[^()\s]{1,2000})\)/g;

function inline(context: PageContext, text: string): unknown[] {
	const pieces: unknown[] = [];
	let from = 0;
	for (const match of text.matchAll(INLINE)) {
		pieces.push(blockText(text.slice(from, match.index)));
		from = match.index + match[0].length;
		const { code, strong, em, label = "", target = "" } = match.groups ?? {};
		if (code !== undefined) pieces.push(html`<code>${blockText(code)}</code>`);
		else if (strong !== undefined) pieces.push(html`<strong>${blockText(strong)}</strong>`);
		else if (em !== undefined) pieces.push(html`<em>${blockText(em)}</em>`);
		else pieces.push(link(context, label, target));
	}
	pieces.push(blockText(text.slice(from)));
	return pieces;
}

/** The address is shown and can be copied; following it is the reader's own step. */
function link(context: PageContext, label: string, target: string): TemplateResult {
	const address = lineText(target, 500);
	const title = fill(words.copyAddress, address);
	return html`<button type="button" class="link-button address" title=${title} aria-label=${`${lineText(label)}: ${title}`} @click=${() => context.copyText("address", target)}>${lineText(label)}</button>`;
}
