import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { formatBytes } from "../../src/model/format.ts";
import type { MessageView, SpanDetailView, SpanPart } from "../../src/protocol/messages.ts";
import type { IconName } from "../shared/glyphs.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { lineText, previewOf } from "./blockText.ts";
import { cutNotice, type FoldName, type PageContext, partTools, shownText } from "./context.ts";
import { liveText } from "./liveText.ts";
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

/** The conversation as cards: what was sent, then what came back. */
export function messageCards(context: PageContext, detail: SpanDetailView): TemplateResult | typeof nothing {
	const { inputMessages, outputMessages } = detail;
	const count = inputMessages.length + outputMessages.length;
	if (count === 0) return nothing;
	const lead = inputMessages[0]?.role === "system" ? 1 : 0;
	const folded = inputMessages.length - lead - RECENT_MESSAGES;
	const isFolded = folded > 1 && !context.isExpanded("history");
	const shown = inputMessages
		.map((message, index) => ({ message, part: `inputMessage-${index}` as const }))
		.filter((_entry, index) => !isFolded || index < lead || index >= lead + folded);
	return html`<section class="messages" aria-labelledby="messages-title">
		<div class="section-title">
			<h2 id="messages-title">${words.messages}</h2>
			<span class="count">${count + detail.omittedMessages}</span>
		</div>
		<ol role="list">
			${shown.slice(0, lead).map(({ message, part }) => card(context, message, part))}
			${
				detail.omittedMessages > 0
					? html`<li class="cut">
							${icon("info")}<span>${fill(words.omitted, detail.omittedMessages)}</span>
							<button type="button" class="link-button" @click=${() => context.openPart("input")}>${words.open}</button>
						</li>`
					: nothing
			}
			${
				isFolded
					? html`<li class="history">
							<button type="button" class="link-button" @click=${() => context.setExpanded("history", true)}>
								${icon("history")}${fill(words.earlier, folded)}
							</button>
						</li>`
					: nothing
			}
			${repeat(
				shown.slice(lead),
				({ part }) => part,
				({ message, part }) => card(context, message, part),
			)}
		</ol>
		${
			outputMessages.length === 0
				? nothing
				: html`<h3 class="answer">${words.answer}</h3>
						<ol role="list">
							${repeat(
								outputMessages.map((message, index) => ({ message, part: `outputMessage-${index}` as const })),
								({ part }) => part,
								({ message, part }) => card(context, message, part),
							)}
						</ol>`
		}
	</section>`;
}

function card(context: PageContext, message: MessageView, part: SpanPart): TemplateResult {
	const look = Object.hasOwn(ROLES, message.role) ? ROLES[message.role] : undefined;
	const label = look?.label ?? lineText(message.role, 40);
	const text = shownText(message.content);
	const fold = foldOf(message, part.startsWith("output"));
	const preview = previewOf(text, fold.lines, fold.characters);
	const isExpanded =
		fold.name === undefined ? context.isExpanded(part) : context.isOpen(fold.name, false) || context.isExpanded(part);
	const isFolded = preview !== undefined && !isExpanded;
	return html`<li class="card ${look === undefined ? "other" : message.role} ${message.kind === "text" ? "" : message.kind}">
		<div class="card-title">
			${icon(message.kind === "toolCall" ? "symbol-method" : (look?.icon ?? "comment-discussion"))}
			<span class="role">${label}</span>
			${message.kind === "text" ? nothing : toolLabel(message)}
			<span class="size">${formatBytes(message.content.totalBytes)}</span>
			${partTools(context, part, `${label} ${words.message}`)}
		</div>
		${
			text === ""
				? html`<p class="empty">${words.emptyText}</p>`
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
		${cutNotice(context, message.content, part, `${label} ${words.message}`)}
	</li>`;
}

/** "calls weather", "result of weather". */
function toolLabel(message: MessageView): TemplateResult {
	const verb = message.kind === "toolCall" ? words.calls : words.returned;
	return html`<span class="verb">${verb}</span
		><code class="tool-name" dir="auto">${message.toolName === undefined ? words.unnamedTool : lineText(message.toolName, 120)}</code>`;
}
