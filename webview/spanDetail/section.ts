import { html, nothing, type TemplateResult } from "lit";
import type { PartText, SpanPart } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { type FoldName, type PageContext, partTools, treeSwitch } from "./context.ts";

/** A heading that folds. Its tools stand beside it, not in it: a button inside a button reaches no keyboard. */
export function section(
	context: PageContext,
	name: FoldName & SpanPart,
	title: string,
	size: string,
	isOpenAtFirst: boolean,
	content: () => unknown,
	text?: PartText,
): TemplateResult {
	const isOpen = context.isOpen(name, isOpenAtFirst);
	return html`<div class="payload">
		<div class="section-title">
			<h2>
				<button
					type="button"
					class="fold"
					aria-expanded=${isOpen ? "true" : "false"}
					aria-controls="content-${name}"
					@click=${() => context.setOpen(name, !isOpen)}
				>
					${icon(isOpen ? "chevron-down" : "chevron-right")}${title}
				</button>
			</h2>
			<span class="size">${size}</span>
			${isOpen && text !== undefined ? treeSwitch(context, text) : nothing} ${partTools(context, name, title)}
		</div>
		<div id="content-${name}" class="content" ?hidden=${!isOpen}>${isOpen ? content() : nothing}</div>
	</div>`;
}
