import { html, nothing, type TemplateResult } from "lit";
import { formatBytes } from "../../src/model/format.ts";
import { MAX_WHOLE_BYTES, type PartText, type SpanPart } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { blockText, shownBytes } from "./blockText.ts";
import "./jsonTree.ts";
import { liveText } from "./liveText.ts";
import type { PartArrangement } from "./partArrangement.ts";
import "./textLines.ts";
import { words } from "./words.ts";

/** What the user can fold; the choice holds for every span that the page shows. */
export type FoldName =
	| "input"
	| "output"
	| "attributes"
	| "events"
	| "links"
	| "resource"
	| "scope"
	| "otel"
	| "raw"
	| "system"
	| "reasoning"
	/** JSON as text and not as a tree. */
	| "text"
	/** Messages as Markdown and not as they were sent. */
	| "markdown"
	/** JSON of messages as a tree and not as text. */
	| "messageTree";

/** What the parts of the page ask of the element around them. */
export interface PageContext {
	/** Whether a fold is open; `isOpenAtFirst` until the user has decided. */
	isOpen(fold: FoldName, isOpenAtFirst: boolean): boolean;
	setOpen(fold: FoldName, isOpen: boolean): void;
	/** Whether a single message, by its part, is unfolded; holds for the span shown. */
	isExpanded(key: string): boolean;
	setExpanded(key: string, isExpanded: boolean): void;
	openPart(part: SpanPart): void;
	copyPart(part: SpanPart): void;
	copyText(key: string, text: string): void;
	/** What the user arranged in the tree or text of a part; holds for the span shown. */
	arrangementOf(part: SpanPart): PartArrangement;
	/** A part that came cut, once it was loaded whole. */
	wholeOf(part: SpanPart, cut: PartText): PartText | undefined;
	loadPart(part: SpanPart): void;
	/** Shows another span of the same trace. */
	showSpan(spanId: string): void;
	/** The session that the span started. */
	openStarted(): void;
	/** The span that started this one's session. */
	openStarter(): void;
	/** The whole span; the host asks in which format. */
	copySpan(): void;
	/** Asks what the span is to be compared with. */
	compareSpan(): void;
	/** The span that a link names, by the link's place. */
	openLink(index: number): void;
	/** The file of the workspace that a line of the error names. */
	openFrame(part: "error" | "stack", index: number): void;
	/** The image of a message: `undefined` until it is there, `"none"` when it cannot be shown, else its data URI. */
	imageOf(part: SpanPart): string | undefined;
	/** Asks for an image once its place comes into view. */
	watchImage(place: Element, part: SpanPart): void;
	/** The browser could not decode it. */
	failImage(part: SpanPart): void;
	/** Key of what was copied a moment ago. */
	readonly copiedKey: string | undefined;
	/** True once the toolkit's controls are there. */
	readonly isKitReady: boolean;
}

/** "64 kB", or "64 kB of 5.0 MB" when cut. */
export function sizeText(part: PartText): string {
	return part.isCut
		? fill(words.showing, formatBytes(shownBytes(part.text)), formatBytes(part.totalBytes))
		: formatBytes(part.totalBytes);
}

/** Copy and "Open in Editor", named after what they act on. */
export function partTools(context: PageContext, part: SpanPart, name: string): TemplateResult {
	const isCopied = context.copiedKey === part;
	return html`<span class="tools">
		<button
			type="button"
			class="icon-button"
			title=${isCopied ? words.copied : words.copy}
			aria-label=${fill(words.copyOf, name)}
			@click=${() => context.copyPart(part)}
		>
			${icon(isCopied ? "check" : "copy")}
		</button>
		<button
			type="button"
			class="icon-button"
			title=${words.open}
			aria-label=${fill(words.openOf, name)}
			@click=${() => context.openPart(part)}
		>
			${icon("go-to-file")}
		</button>
	</span>`;
}

/** Says how much of a cut text is here, with the way to the whole. */
export function cutNotice(
	context: PageContext,
	text: PartText,
	part: SpanPart,
	name: string,
): TemplateResult | typeof nothing {
	if (!text.isCut) return nothing;
	const canShow = text.totalBytes <= MAX_WHOLE_BYTES[text.language];
	return html`<p class="cut">
		${icon("info")}<span>${sizeText(text)}</span>
		${
			canShow
				? html`<button
						type="button"
						class="link-button"
						aria-label=${`${words.showWhole}: ${name}`}
						@click=${() => context.loadPart(part)}
					>
						${words.showWhole}
					</button>`
				: nothing
		}
		<button
			type="button"
			class="link-button"
			aria-label=${`${words.open}: ${name}`}
			@click=${() => context.openPart(part)}
		>
			${words.open}
		</button>
	</p>`;
}

const shownTexts = new WeakMap<PartText, string>();

/** A part's text as it may be shown; worked out once a part. */
export function shownText(part: PartText): string {
	let text = shownTexts.get(part);
	if (text === undefined) {
		text = blockText(part.text);
		shownTexts.set(part, text);
	}
	return text;
}

/** A block of text that scrolls by itself when it is long, for mouse and keyboard. */
export function textBlock(part: PartText, name: string, address: SpanPart): TemplateResult {
	if (part.text === "") return html`<p class="empty">${words.emptyText}</p>`;
	return html`<pre
		class="block ${part.language}"
		tabindex="0"
		role="group"
		dir="auto"
		aria-label=${name}
		data-part=${address}
	>${liveText(shownText(part))}</pre>`;
}

/** A part as it reads best: JSON as a tree unless text is wanted, a long text by lines, what is cut by its beginning. */
export function partContent(context: PageContext, part: PartText, name: string, address: SpanPart): TemplateResult {
	const whole = part.isCut ? context.wholeOf(address, part) : part;
	const isTree = whole?.language === "json" && !context.isOpen("text", false);
	if (whole !== undefined && (isTree || part.isCut)) return wholeContent(context, whole, name, address);
	return html`${cutNotice(context, part, address, name)}${textBlock(part, name, address)}`;
}

export function jsonTree(context: PageContext, whole: PartText, name: string, address: SpanPart): TemplateResult {
	const arrangement = context.arrangementOf(address);
	return html`<traceway-json-tree .text=${whole.text} .label=${name} .arrangement=${arrangement}></traceway-json-tree>`;
}

/** A part that is here whole: JSON as a tree unless text is wanted, any text by lines. */
export function wholeContent(context: PageContext, whole: PartText, name: string, address: SpanPart): TemplateResult {
	if (whole.language === "json" && !context.isOpen("text", false)) return jsonTree(context, whole, name, address);
	const arrangement = context.arrangementOf(address);
	return html`<traceway-text-lines .text=${whole.text} .label=${name} .arrangement=${arrangement}></traceway-text-lines>`;
}

/** Switches between the tree and the text of JSON, for all parts alike. */
export function treeSwitch(context: PageContext, part: PartText): TemplateResult | typeof nothing {
	if (part.language !== "json") return nothing;
	const isText = context.isOpen("text", false);
	const title = isText ? words.asTree : words.asText;
	return html`<button
		type="button"
		class="icon-button switch"
		title=${title}
		aria-label=${title}
		@click=${() => context.setOpen("text", !isText)}
	>
		${icon(isText ? "list-tree" : "list-flat")}
	</button>`;
}
