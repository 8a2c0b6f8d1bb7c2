import { html, nothing, type TemplateResult } from "lit";
import { formatBytes } from "../../src/model/format.ts";
import type { PartText, SpanDetailView, SpanPart } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { lineText } from "./blockText.ts";
import {
	cutNotice,
	type FoldName,
	type PageContext,
	partContent,
	partTools,
	shownText,
	sizeText,
	textBlock,
	treeSwitch,
} from "./context.ts";
import { liveText } from "./liveText.ts";
import { words } from "./words.ts";

/** Set where the program runs, OpenTelemetry's instrumentations record prompts and answers. */
const CAPTURE_SETTING = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true";

/** What went wrong, before anything else. */
export function errorSection(context: PageContext, detail: SpanDetailView): TemplateResult | typeof nothing {
	if (detail.state !== "failed" && detail.error === undefined) return nothing;
	const { error } = detail;
	return html`<section class="error" aria-labelledby="error-title">
		<div class="section-title">
			${icon("error")}
			<h2 id="error-title">${words.error}</h2>
			${
				error === undefined
					? nothing
					: html`<span class="size">${formatBytes(error.totalBytes)}</span>${partTools(context, "error", words.error)}`
			}
		</div>
		${
			error === undefined || error.text === ""
				? html`<p>${words.noErrorText}</p>`
				: html`${cutNotice(context, error, "error", words.error)}${textBlock(error, words.error)}`
		}
	</section>`;
}

/** Why there is nothing to read on a call of a model, and what helps. */
export function missingMessages(context: PageContext, detail: SpanDetailView): TemplateResult | typeof nothing {
	const isEmpty = detail.inputMessages.length + detail.outputMessages.length === 0;
	if (!detail.isLlm || !isEmpty || detail.input !== undefined || detail.output !== undefined) return nothing;
	if (detail.state === "running")
		return html`<p class="hint-line">${icon("info")}<span>${words.waitingForMessages}</span></p>`;
	const isCopied = context.copiedKey === "capture-setting";
	return html`<section class="missing" aria-labelledby="missing-title">
		<h2 id="missing-title">${icon("info")}${words.noMessagesTitle}</h2>
		<p>${words.noMessagesHint}</p>
		<div class="setting">
			<code>${CAPTURE_SETTING}</code>
			<button
				type="button"
				class="icon-button"
				title=${isCopied ? words.copied : words.copy}
				aria-label=${fill(words.copyOf, CAPTURE_SETTING)}
				@click=${() => context.copyText("capture-setting", CAPTURE_SETTING)}
			>
				${icon(isCopied ? "check" : "copy")}
			</button>
		</div>
		<p>${words.noMessagesElse}</p>
	</section>`;
}

/** Input, output, attributes and the wire's own words, folded until wanted where messages say it better. */
export function payloadSections(context: PageContext, detail: SpanDetailView): TemplateResult {
	return html`<div class="payloads">${
		detail.input === undefined
			? nothing
			: partSection(context, "input", words.input, detail.input, detail.inputMessages.length === 0)
	}${
		detail.output === undefined
			? nothing
			: partSection(context, "output", words.output, detail.output, detail.outputMessages.length === 0)
	}${detail.attributes.length === 0 ? nothing : attributes(context, detail)}${partSection(
		context,
		"raw",
		words.raw,
		detail.raw,
		false,
	)}</div>`;
}

function partSection(
	context: PageContext,
	name: "input" | "output" | "raw",
	title: string,
	text: PartText,
	isOpenAtFirst: boolean,
): TemplateResult {
	const size = formatBytes(text.totalBytes);
	return section(context, name, title, size, isOpenAtFirst, () => partContent(context, text, title, name), text);
}

/** A heading that folds. Its tools stand beside it, not in it: a button inside a button reaches no keyboard. */
function section(
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
		<div id="content-${name}" ?hidden=${!isOpen}>${isOpen ? content() : nothing}</div>
	</div>`;
}

function attributes(context: PageContext, detail: SpanDetailView): TemplateResult {
	const count = detail.attributes.length + detail.omittedAttributes;
	const counted = count === 1 ? words.attributeCountOne : fill(words.attributeCount, count);
	const size = `${counted} · ${formatBytes(detail.attributesBytes)}`;
	return section(context, "attributes", words.attributes, size, !detail.isLlm, () => [
		detail.omittedAttributes > 0
			? html`<p class="cut">
					${icon("info")}<span>${fill(words.omittedAttributes, detail.omittedAttributes)}</span>
					<button type="button" class="link-button" @click=${() => context.openPart("attributes")}>${words.open}</button>
				</p>`
			: nothing,
		// The roles are said because a narrow page lays the cells out as blocks, which takes a table's own roles away.
		html`<table role="table" aria-label=${words.attributes}>
			<colgroup>
				<col class="name-column" />
				<col />
			</colgroup>
			<thead class="visually-hidden" role="rowgroup">
				<tr role="row">
					<th role="columnheader" scope="col">${words.name}</th>
					<th role="columnheader" scope="col">${words.value}</th>
				</tr>
			</thead>
			<tbody role="rowgroup">
				${detail.attributes.map(({ key, value }, index) => {
					const part = `attribute-${index}` as const;
					const name = fill(words.attribute, lineText(key, 100));
					return html`<tr role="row">
						<th role="rowheader" scope="row" dir="auto">${lineText(key, 500)}</th>
						<td role="cell">
							<div class="cell">
								<span class="value ${value.language}" dir="auto">${liveText(shownText(value))}</span>
								${partTools(context, part, name)}
							</div>
							${value.isCut ? html`<span class="size">${sizeText(value)}</span>` : nothing}
						</td>
					</tr>`;
				})}
			</tbody>
		</table>`,
	]);
}
