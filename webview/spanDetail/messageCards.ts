import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { formatBytes, formatDuration } from "../../src/model/format.ts";
import type { MessageView, SpanDetailView, SpanPart, ToolLinkView } from "../../src/protocol/messages.ts";
import type { IconName } from "../shared/glyphs.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { lineText, previewOf } from "./blockText.ts";
import { cutNotice, type FoldName, jsonTree, type PageContext, partTools, shownText, wholeContent } from "./context.ts";
import { liveText } from "./liveText.ts";
import { markdown } from "./markdown.ts";
import { looksLikeMarkdown } from "./markdownBlocks.ts";
import { mediaContent } from "./mediaCard.ts";
import { STATE_ICONS, STATE_WORDS } from "./overview.ts";
import { words } from "./words.ts";

interface RoleLook {
	readonly icon: IconName;
	readonly label: string;
}

const ROLES: Readonly<Record<string, RoleLook>> = {
	system: { icon: "gear", label: words.role_system },
	user: { icon: "account", label: words.role_user },
	assistant: { icon: "sparkle", label: words.role_assistant },
	tool: { icon: "tools", label: words.role_tool },
	reasoning: { icon: "lightbulb", label: words.role_reasoning },
};

/** Agents send their whole history again with each call: the newest of it is what is looked for. */
const RECENT_MESSAGES = 6;

interface Fold {
	readonly lines: number;
	readonly characters: number;
	/** Remembered for all spans under this name; else each message by itself. */
	readonly name?: FoldName;
}

/** How much of a long message stands there before it is unfolded. */
function foldOf(message: MessageView, isAnswer: boolean): Fold {
	if (message.role === "system") return { lines: 6, characters: 250, name: "system" };
	if (message.role === "reasoning") return { lines: 4, characters: 250, name: "reasoning" };
	if (message.kind !== "text") return { lines: 16, characters: 1_000 };
	return isAnswer ? { lines: 60, characters: 5_000 } : { lines: 24, characters: 1_500 };
}

interface Entry {
	readonly message: MessageView;
	readonly part: SpanPart;
	/** What the tool gave back, for a call: its result and the media beside it. */
	readonly results: readonly Entry[];
	/** A call whose result should be there, and is not. */
	readonly lacksResult: boolean;
	/** The span that ran this call, once it was found. */
	readonly run: ToolLinkView | undefined;
}

/** The conversation as cards: what was new in this call, then what came back; what an earlier call showed is folded away. */
export function messageCards(context: PageContext, detail: SpanDetailView): TemplateResult | typeof nothing {
	const { inputMessages, outputMessages, history } = detail;
	const count = inputMessages.length + outputMessages.length;
	if (count === 0) return nothing;
	const lead = inputMessages[0]?.role === "system" ? 1 : 0;
	// Known history goes first; without it a long one is folded by its age.
	const old = history?.count ?? 0;
	const folded = old > 0 ? old : Math.max(0, inputMessages.length - lead - RECENT_MESSAGES);
	const canFold = old > 0 || folded > 1;
	const isFolded = canFold && !context.isExpanded("history");
	const runs = new Map(detail.toolLinks.map((link) => [link.part, link]));
	const entryOf = (message: MessageView, part: SpanPart): Entry => ({
		message,
		part,
		results: [],
		lacksResult: false,
		run: runs.get(part),
	});
	const entries = inputMessages.map((message, index) => entryOf(message, `inputMessage-${index}`));
	const earlier = paired(entries.slice(lead, lead + folded), false);
	const recent = paired(entries.slice(lead + folded), true);
	return html`<section class="messages" aria-labelledby="messages-title">
		<div class="section-title">
			<h2 id="messages-title">${words.messages}</h2>
			<span class="count">${count + detail.omittedMessages}</span>
		</div>
		<ol role="list">
			${entries.slice(0, lead).map((entry) => card(context, entry))}
			${
				detail.omittedMessages > 0
					? html`<li class="cut">
							${icon("info")}<span>${fill(words.omitted, detail.omittedMessages)}</span>
							<button type="button" class="link-button" @click=${() => context.openPart("input")}>${words.open}</button>
						</li>`
					: nothing
			}
			${canFold ? historyLine(context, folded, detail) : nothing}
			${isFolded ? nothing : cards(context, earlier)}
			${old > 0 && !isFolded ? html`<li class="new-line"><h3>${words.newMessages}</h3></li>` : nothing}
			${cards(context, recent)}
		</ol>
		${
			outputMessages.length === 0
				? nothing
				: html`<h3 class="answer">${words.answer}</h3>
						<ol role="list">
							${cards(
								context,
								paired(
									outputMessages.map((message, index) => entryOf(message, `outputMessage-${index}`)),
									false,
								),
							)}
						</ol>`
		}
	</section>`;
}

/** "14 earlier messages, as in draft reply · Show · Open draft reply". */
function historyLine(context: PageContext, folded: number, { history }: SpanDetailView): TemplateResult {
	const isOpen = context.isExpanded("history");
	const name = lineText(history?.name ?? "", 80);
	const text =
		history === undefined
			? fill(words.earlier, folded)
			: fill(folded === 1 ? words.earlierSameOne : words.earlierSame, folded, name);
	return html`<li class="history">
		<button
			type="button"
			class="link-button"
			aria-expanded=${isOpen ? "true" : "false"}
			@click=${() => context.setExpanded("history", !isOpen)}
		>
			${icon(isOpen ? "chevron-down" : "chevron-right")}${icon("history")}<span>${text}</span>
		</button>
		${
			history === undefined
				? nothing
				: html`<button type="button" class="link-button" @click=${() => context.showSpan(history.spanId)}>
						${icon("arrow-right")}${fill(words.previousCall, name)}
					</button>`
		}
	</li>`;
}

/**
 * Results under the calls that they answer: by the id, and where a record has none, the nearest open call of the same tool.
 * Results without a call stay where they are. With `expectsResults` a call without one says so.
 */
function paired(entries: readonly Entry[], expectsResults: boolean): Entry[] {
	const top: (Entry & { readonly results: Entry[] })[] = [];
	for (const entry of entries) {
		const { message } = entry;
		const isAnswer = message.kind === "toolResult" || (message.kind === "media" && message.role === "tool");
		const call = isAnswer ? top.findLast((other) => answers(message, other)) : undefined;
		if (call === undefined) top.push({ ...entry, results: [] });
		else call.results.push(entry);
	}
	return top.map((entry) => ({
		...entry,
		lacksResult: expectsResults && entry.message.kind === "toolCall" && entry.results.length === 0,
	}));
}

function answers(result: MessageView, call: Entry): boolean {
	if (call.message.kind !== "toolCall") return false;
	if (result.toolCallId !== undefined || call.message.toolCallId !== undefined) {
		return result.toolCallId === call.message.toolCallId;
	}
	return result.toolName === call.message.toolName && call.results.length === 0;
}

function cards(context: PageContext, entries: readonly Entry[]): unknown {
	return repeat(
		entries,
		({ part }) => part,
		(entry) => card(context, entry),
	);
}

function card(context: PageContext, { message, part, results, lacksResult, run }: Entry): TemplateResult {
	const look = Object.hasOwn(ROLES, message.role) ? ROLES[message.role] : undefined;
	const label = look?.label ?? lineText(message.role, 40);
	return html`<li class="card ${look === undefined ? "other" : message.role} ${message.kind === "text" ? "" : message.kind}">
		<div class="card-title">
			${icon(message.kind === "toolCall" ? "symbol-method" : (look?.icon ?? "comment-discussion"))}
			<span class="role">${label}</span>
			${message.kind === "toolCall" || message.kind === "toolResult" ? toolLabel(message) : nothing}
			<span class="size">${formatBytes(message.content.totalBytes)}</span>
			${run === undefined ? nothing : runLink(context, run)}
			${markdownSwitch(context, message)}${jsonSwitch(context, message)} ${partTools(context, part, `${label} ${words.message}`)}
		</div>
		${message.media === undefined ? messageText(context, message, part, label) : mediaContent(context, message.media, part, label)}
		${results.length === 0 ? nothing : html`<ol class="results" role="list">${cards(context, results)}</ol>`}
		${lacksResult ? html`<p class="empty">${words.noResult}</p>` : nothing}
	</li>`;
}

/** How the span that ran a call did, and the way to it. */
function runLink(context: PageContext, { spanId, name, state, durationNs }: ToolLinkView): TemplateResult {
	const duration = durationNs === undefined ? "" : formatDuration(durationNs);
	const label = [fill(words.openRun, lineText(name, 120)), STATE_WORDS[state], duration].filter((text) => text !== "");
	return html`<button
		type="button"
		class="run ${state}"
		title=${label.join(", ")}
		aria-label=${label.join(", ")}
		@click=${() => context.showSpan(spanId)}
	>
		${icon(STATE_ICONS[state], state === "running" ? "spin" : "")}<span>${duration === "" ? STATE_WORDS[state] : duration}</span>${icon("arrow-right")}
	</button>`;
}

/** A message that may be Markdown: what somebody said, not what a tool gave back. */
function isProse({ kind, content }: MessageView): boolean {
	return kind === "text" && content.language === "plaintext";
}

/** Switches all messages between Markdown and the text as it was sent; only where that makes a difference. */
function markdownSwitch(context: PageContext, message: MessageView): TemplateResult | typeof nothing {
	if (!isProse(message) || !looksLikeMarkdown(message.content.text)) return nothing;
	const isMarkdown = context.isOpen("markdown", false);
	const title = isMarkdown ? words.asSent : words.asMarkdown;
	return html`<button
		type="button"
		class="icon-button"
		title=${title}
		aria-label=${title}
		@click=${() => context.setOpen("markdown", !isMarkdown)}
	>
		${icon(isMarkdown ? "list-flat" : "markdown")}
	</button>`;
}

/** JSON that is here whole and does not fit on a line. */
function canBeTree({ content }: MessageView): boolean {
	return content.language === "json" && !content.isCut && content.text.includes("\n");
}

/** Switches the JSON of all messages between a tree and text. */
function jsonSwitch(context: PageContext, message: MessageView): TemplateResult | typeof nothing {
	if (!canBeTree(message) || message.media !== undefined) return nothing;
	const isTree = context.isOpen("messageTree", false);
	const title = isTree ? words.asText : words.asTree;
	return html`<button
		type="button"
		class="icon-button"
		title=${title}
		aria-label=${title}
		@click=${() => context.setOpen("messageTree", !isTree)}
	>
		${icon(isTree ? "list-flat" : "list-tree")}
	</button>`;
}

/** Why there is JSON where a thought should be. */
function encryptedNote({ role, content }: MessageView): TemplateResult | typeof nothing {
	const isEncrypted = role === "reasoning" && content.language === "json";
	return isEncrypted ? html`<p class="empty">${words.encryptedReasoning}</p>` : nothing;
}

function messageText(context: PageContext, message: MessageView, part: SpanPart, label: string): TemplateResult {
	const whole = message.content.isCut ? context.wholeOf(part, message.content) : undefined;
	if (whole !== undefined) return wholeContent(context, whole, `${label} ${words.message}`, part);
	if (canBeTree(message) && context.isOpen("messageTree", false)) {
		return jsonTree(context, message.content, `${label} ${words.message}`, part);
	}
	const text = shownText(message.content);
	const fold = foldOf(message, part.startsWith("output"));
	const preview = previewOf(text, fold.lines, fold.characters);
	const isExpanded =
		fold.name === undefined ? context.isExpanded(part) : context.isOpen(fold.name, false) || context.isExpanded(part);
	const isFolded = preview !== undefined && !isExpanded;
	return html`${encryptedNote(message)}${
		text === ""
			? html`<p class="empty">${words.emptyText}</p>`
			: isProse(message) && context.isOpen("markdown", false)
				? markdown(context, isFolded ? `${preview} …` : text)
				: html`<div class="text ${message.content.language} ${isFolded ? "folded" : ""}" dir="auto">${liveText(
						isFolded ? `${preview} …` : text,
					)}</div>`
	}
	${
		preview === undefined
			? nothing
			: html`<button
					type="button"
					class="link-button more"
					aria-expanded=${isExpanded ? "true" : "false"}
					aria-label=${`${isExpanded ? words.showLess : words.showMore}: ${label} ${words.message}`}
					@click=${() => {
						if (fold.name === undefined) context.setExpanded(part, !isExpanded);
						else context.setOpen(fold.name, !isExpanded);
					}}
				>
					${icon(isExpanded ? "chevron-up" : "chevron-down")}${isExpanded ? words.showLess : words.showMore}
				</button>`
	}
	${cutNotice(context, message.content, part, `${label} ${words.message}`)}`;
}

/** "calls weather", "result of weather". */
function toolLabel(message: MessageView): TemplateResult {
	const verb = message.kind === "toolCall" ? words.calls : words.returned;
	return html`<span class="verb">${verb}</span
		><code class="tool-name" dir="auto">${message.toolName === undefined ? words.unnamedTool : lineText(message.toolName, 120)}</code>`;
}
