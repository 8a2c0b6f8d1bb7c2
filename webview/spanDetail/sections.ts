import { html, nothing, type TemplateResult } from "lit";
import { formatBytes } from "../../src/model/format.ts";
import type { CaptureKind, FrameView, PartText, SpanDetailView } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { attributeRows, omittedLine } from "./attributeRows.ts";
import { blockText } from "./blockText.ts";
import { cutNotice, type PageContext, partContent, partTools, textBlock } from "./context.ts";
import { originSections } from "./originSections.ts";
import { section } from "./section.ts";
import { words } from "./words.ts";

/** Two settings of `opentelemetry-util-genai`: the first lets the second speak of spans, where it would be events else. */
const GENAI_SETTINGS =
	"OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental\nOTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY";

/** What has each of them record prompts and answers. */
const CAPTURE_SETTINGS: Readonly<Record<CaptureKind, string>> = {
	genAi: GENAI_SETTINGS,
	aiSdk: "recordInputs: true, recordOutputs: true",
	openInference: "OPENINFERENCE_HIDE_INPUTS=false\nOPENINFERENCE_HIDE_OUTPUTS=false",
	traceloop: "TRACELOOP_TRACE_CONTENT=true",
	pydanticAi: "InstrumentationSettings(include_content=True)",
	own: GENAI_SETTINGS,
};

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
				: html`${cutNotice(context, error, "error", words.error)}${framedText(context, "error", error, detail.errorFrames, words.error)}`
		}
		${detail.stack === undefined ? nothing : stackPart(context, detail.stack, detail)}
	</section>`;
}

/** The stack of the exception that the span recorded, under its message. */
function stackPart(context: PageContext, stack: PartText, detail: SpanDetailView): TemplateResult {
	return html`<div class="section-title">
			<h3>${words.stack}</h3>
			<span class="size">${formatBytes(stack.totalBytes)}</span>
			${partTools(context, "stack", words.stack)}
		</div>
		${cutNotice(context, stack, "stack", words.stack)}${framedText(context, "stack", stack, detail.stackFrames, words.stack)}`;
}

/** A text in which the places that lead to a file of the workspace are buttons. */
function framedText(
	context: PageContext,
	part: "error" | "stack",
	text: PartText,
	frames: readonly FrameView[],
	name: string,
): TemplateResult {
	if (frames.length === 0) return textBlock(text, name, part);
	const pieces: unknown[] = [];
	let from = 0;
	for (const { start, end, index } of frames) {
		if (start < from || end > text.text.length) continue;
		const place = blockText(text.text.slice(start, end));
		pieces.push(
			blockText(text.text.slice(from, start)),
			html`<button
				type="button"
				class="link-button frame"
				title=${words.openFile}
				@click=${() => context.openFrame(part, index)}
			>${place}</button>`,
		);
		from = end;
	}
	pieces.push(blockText(text.text.slice(from)));
	return html`<pre class="block" tabindex="0" role="group" aria-label=${name} data-part=${part}>${pieces}</pre>`;
}

/** Why there is nothing to read on a call of a model, and what helps. */
export function missingMessages(context: PageContext, detail: SpanDetailView): TemplateResult | typeof nothing {
	const isEmpty = detail.inputMessages.length + detail.outputMessages.length === 0;
	if (!detail.isLlm || !isEmpty || detail.input !== undefined || detail.output !== undefined) return nothing;
	if (detail.state === "running")
		return html`<p class="hint-line">${icon("info")}<span>${words.waitingForMessages}</span></p>`;
	const isCopied = context.copiedKey === "capture-setting";
	const setting = CAPTURE_SETTINGS[detail.capture];
	return html`<section class="missing" aria-labelledby="missing-title">
		<h2 id="missing-title">${icon("info")}${words.noMessagesTitle}</h2>
		<p>${words[`capture_${detail.capture}`]}</p>
		<div class="setting">
			<code>${setting}</code>
			<button
				type="button"
				class="icon-button"
				title=${isCopied ? words.copied : words.copy}
				aria-label=${fill(words.copyOf, setting)}
				@click=${() => context.copyText("capture-setting", setting)}
			>
				${icon(isCopied ? "check" : "copy")}
			</button>
		</div>
		${detail.capture === "own" ? html`<p>${words.noMessagesElse}</p>` : nothing}
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
	}${detail.attributes.length === 0 ? nothing : attributes(context, detail)}${originSections(context, detail)}${partSection(
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

function attributes(context: PageContext, detail: SpanDetailView): TemplateResult {
	const count = detail.attributes.length + detail.omittedAttributes;
	const counted = count === 1 ? words.attributeCountOne : fill(words.attributeCount, count);
	const size = `${counted} · ${formatBytes(detail.attributesBytes)}`;
	return section(context, "attributes", words.attributes, size, !detail.isLlm, () => [
		omittedLine(context, "attributes", words.omittedAttributes, detail.omittedAttributes),
		attributeRows(detail.attributes, words.attributes, (index, name) =>
			partTools(context, `attribute-${index}` as const, name),
		),
	]);
}
