import { formatCount } from "../../base/quantity.ts";
import { differenceNs, formatTimestamp } from "../../base/timestamp.ts";
import { type CallFacts, callFacts } from "../../model/callFacts.ts";
import { type Conversation, type ConversationMessage, conversationOf } from "../../model/conversation.ts";
import { conversationInAttributes } from "../../model/conversationAttributes.ts";
import { decodedBytes, imageUri, type MessageMedia } from "../../model/conversationMedia.ts";
import {
	type CostExplanation,
	explainCost,
	isEstimated,
	isPriced,
	PRICES_AS_OF,
	type TokenPart,
} from "../../model/prices.ts";
import type { SpanDetail, SpanSummary } from "../../model/span.ts";
import type { StackFrame } from "../../model/stackFrames.ts";
import {
	type FrameView,
	type HistoryView,
	MAX_WHOLE_BYTES,
	type MediaView,
	type MessageView,
	type PartText,
	type SpanDetailView,
	type SpanPart,
	type SpanRefView,
	type ToolLinkView,
} from "../../protocol/messages.ts";
import { captureOf } from "./captureHint.ts";
import { attributeTable, compact, label, optionalLabel, shown } from "./partTexts.ts";
import { eventsOf, linksOf, originOf, otelOf, ownAttributes, stackOf } from "./spanDetailFacts.ts";

/** UTF-16 units of one part that a page gets. "Open in Editor" has the whole. */
export const MAX_PART_UNITS = 64_000;
/** Units of all messages together; past it each is a preview, so that a message to a page stays small while live. */
const MAX_MESSAGES_UNITS = 192_000;
const MAX_PREVIEW_UNITS = 500;
/** Of the JSON of an image or a file: it is shown as what it is, not as base64. */
const MAX_MEDIA_UNITS = 200;
/** Base64 of one image that a page gets: 6 MB of image. */
const MAX_IMAGE_UNITS = 8_000_000;
const MAX_ATTRIBUTES = 500;
/** Strings of JSON up to this many units are shown indented; a longer one as it was sent. */
const MAX_INDENTED_UNITS = 1_000_000;

const NO_FACTS: CallFacts = { finishReasons: [], firstTokenNs: undefined };

/** `vscode.l10n.t`, passed in so that this file runs without VS Code. */
export type Translate = (message: string, ...args: (string | number | boolean)[]) => string;

export interface SpanDetailViewInput {
	readonly detail: SpanDetail;
	readonly sourceId: string;
	readonly traceName: string;
	/** Milliseconds to add to this machine's clock to get the server's; 0 when unknown. */
	readonly clockOffsetMs: number;
	readonly history?: HistoryView | undefined;
	readonly isMarked?: boolean;
	readonly toolLinks?: readonly ToolLinkView[];
	readonly askedBy?: SpanRefView | undefined;
	readonly startedSession?: string | undefined;
	readonly startedBy?: SpanRefView | undefined;
	/** Frames whose files are in the workspace. */
	readonly errorFrames?: readonly StackFrame[];
	readonly stackFrames?: readonly StackFrame[];
	/** Name of a trace that is there, for links. */
	readonly nameOfTrace?: (traceId: string) => string | undefined;
	readonly t: Translate;
}

/**
 * What the details page shows of a span: everything bounded, with its true size beside it. Work grows with what is shown,
 * plus one count over the payload (5 MB: a few milliseconds).
 */
export function buildSpanDetailView(input: SpanDetailViewInput): SpanDetailView {
	const { detail, t } = input;
	const { summary } = detail;
	const isLlm = isLlmSpan(summary);
	const conversations = conversationsOf(detail);
	const budget = { units: MAX_MESSAGES_UNITS };
	// The answer is what is looked for first: its text is taken from the budget first.
	const outputMessages = messagesOf(conversations.output, budget);
	const inputMessages = messagesOf(conversations.input, budget);
	const attributes = attributeTable(ownAttributes(detail), MAX_ATTRIBUTES);
	const facts = isLlm ? callFacts(detail.attributes, detail.output) : NO_FACTS;
	const firstTokenNs = facts.firstTokenNs ?? summary.firstTokenNs;
	const events = eventsOf(detail);
	const links = linksOf(detail, input.nameOfTrace ?? (() => undefined));
	const stack = stackOf(detail);
	return {
		sourceId: input.sourceId,
		traceId: summary.traceId,
		traceName: label(input.traceName),
		spanId: summary.spanId,
		parentSpanId: summary.parentSpanId ?? undefined,
		name: label(summary.name),
		kind: label(summary.kindName),
		isLlm,
		isMarked: input.isMarked ?? false,
		state: summary.state,
		model: optionalLabel(summary.model),
		provider: optionalLabel(summary.provider),
		capture: captureOf(detail),
		startedAt: summary.start === undefined ? undefined : formatTimestamp(summary.start),
		endedAt: summary.end === undefined ? undefined : formatTimestamp(summary.end),
		startMs: summary.start === undefined ? undefined : summary.start.ms + summary.start.subNs / 1e6,
		durationNs:
			summary.start === undefined || summary.end === undefined ? undefined : differenceNs(summary.end, summary.start),
		clockOffsetMs: input.clockOffsetMs,
		inputTokens: summary.inputTokens,
		outputTokens: summary.outputTokens,
		cacheReadTokens: summary.cacheReadTokens,
		cacheWriteTokens: summary.cacheWriteTokens,
		reasoningTokens: summary.reasoningTokens,
		costUsd: summary.costUsd,
		isCostEstimated: summary.isCostEstimated,
		isRollup: summary.isRollup,
		isTokenTotal: summary.isTokenTotal,
		finishReasons: facts.finishReasons.map(label),
		firstTokenNs,
		tokensPerSecond: tokensPerSecond(summary, firstTokenNs),
		costFormula: costFormula(summary, isLlm, t),
		error: summary.error === undefined ? undefined : shown(summary.error, MAX_PART_UNITS),
		errorFrames: frameViews(input.errorFrames),
		stack: stack === undefined ? undefined : shown(stack, MAX_PART_UNITS),
		stackFrames: frameViews(input.stackFrames),
		inputMessages,
		outputMessages,
		history: input.history,
		toolLinks: input.toolLinks ?? [],
		askedBy: input.askedBy,
		startedSession: optionalLabel(input.startedSession),
		startedBy: input.startedBy,
		omittedMessages: conversations.input.omitted + conversations.output.omitted,
		input: detail.input === undefined ? undefined : shown(indented(detail.input), MAX_PART_UNITS),
		output: detail.output === undefined ? undefined : shown(indented(detail.output), MAX_PART_UNITS),
		attributes: attributes.rows,
		omittedAttributes: attributes.omitted,
		attributesBytes: attributes.totalBytes,
		events: events.items,
		omittedEvents: events.omitted,
		eventsBytes: events.totalBytes,
		links: links.items,
		omittedLinks: links.omitted,
		linksBytes: links.totalBytes,
		resource: originOf(detail, "resource"),
		scope: originOf(detail, "scope"),
		otel: otelOf(detail),
		raw: shown(detail.raw, MAX_PART_UNITS),
	};
}

/** Undefined for sums of several calls, and where no time passed that tokens could be divided by. */
function tokensPerSecond(summary: SpanSummary, firstTokenNs: number | undefined): number | undefined {
	const { start, end, outputTokens, isRollup } = summary;
	if (start === undefined || end === undefined || outputTokens === undefined || isRollup) return undefined;
	const lastingNs = differenceNs(end, start);
	const generatingNs = firstTokenNs !== undefined && firstTokenNs < lastingNs ? lastingNs - firstTokenNs : lastingNs;
	return outputTokens === 0 || generatingNs <= 0 ? undefined : outputTokens / (generatingNs / 1e9);
}

function frameViews(frames: readonly StackFrame[] = []): FrameView[] {
	return frames.flatMap(({ start, end }, index) => (end > MAX_PART_UNITS ? [] : [{ start, end, index }]));
}

/** One part whole, for the clipboard and the editor. A part that the span does not have is an empty text. */
export function partText(
	detail: SpanDetail,
	part: SpanPart,
): { readonly text: string; readonly language: "json" | "plaintext" } {
	const { text, language } = shown(partValue(detail, part), Number.MAX_SAFE_INTEGER);
	return { text, language };
}

/** One part whole, for the page, cut where a page takes no more. */
export function wholePart(detail: SpanDetail, part: SpanPart): PartText {
	const value = partValue(detail, part);
	return shown(value, typeof value === "string" ? MAX_WHOLE_BYTES.plaintext : MAX_WHOLE_BYTES.json);
}

function partValue(detail: SpanDetail, part: SpanPart): unknown {
	switch (part) {
		case "input":
			return indented(detail.input) ?? "";
		case "output":
			return indented(detail.output) ?? "";
		case "attributes":
			return ownAttributes(detail);
		case "error":
			return detail.summary.error ?? "";
		case "stack":
			return stackOf(detail) ?? "";
		case "events":
		case "links":
		case "resource":
		case "scope":
		case "otel":
			return detail.raw[part] ?? "";
		case "raw":
			return detail.raw;
		default: {
			const [kind, number] = part.split("-");
			const index = Number(number);
			if (kind === "attribute") return Object.values(ownAttributes(detail))[index] ?? "";
			return indented(messageAt(detail, part)?.content) ?? "";
		}
	}
}

/** The message that a part names. */
function messageAt(detail: SpanDetail, part: SpanPart): ConversationMessage | undefined {
	const [kind, number] = part.split("-");
	if (kind !== "inputMessage" && kind !== "outputMessage") return undefined;
	return conversationsOf(detail)[kind === "inputMessage" ? "input" : "output"].messages[Number(number)];
}

/** The image of a message as a data URI; undefined when the part is none that can be shown. */
export function partImage(detail: SpanDetail, part: SpanPart): string | undefined {
	const media = messageAt(detail, part)?.media;
	return media === undefined ? undefined : imageUri(media, MAX_IMAGE_UNITS);
}

export function isLlmSpan(summary: SpanSummary): boolean {
	return summary.kindType === "llm_call" || summary.model !== undefined;
}

/**
 * For a call of a model anything readable is a message; for any other span only what names its speakers is, else each
 * tool's output would pose as an assistant's answer.
 */
export function conversationsOf(detail: SpanDetail): { readonly input: Conversation; readonly output: Conversation } {
	const isLlm = isLlmSpan(detail.summary);
	const read = (side: "input" | "output"): Conversation => {
		const own = conversationOf(detail[side], side);
		if (own.messages.length > 0 && (isLlm || own.isExplicit)) return own;
		const found = conversationInAttributes(detail.attributes, side);
		return isLlm || found.isExplicit ? found : conversationOf(undefined, side);
	};
	return { input: read("input"), output: read("output") };
}

function messagesOf(conversation: Conversation, budget: { units: number }): MessageView[] {
	const views: MessageView[] = [];
	// From the newest on: when the budget ends, the oldest are previews.
	for (let index = conversation.messages.length - 1; index >= 0; index--) {
		const view = messageOf(conversation.messages[index], Math.min(MAX_PART_UNITS, budget.units));
		budget.units = Math.max(MAX_PREVIEW_UNITS, budget.units - view.content.text.length);
		views.push(view);
	}
	return views.reverse();
}

function messageOf(message: ConversationMessage, maxUnits: number): MessageView {
	const { role, kind, media } = message;
	const names = { toolName: optionalLabel(message.toolName), toolCallId: optionalLabel(message.toolCallId) };
	if (media !== undefined) {
		return {
			role: label(role),
			kind,
			...names,
			media: mediaView(media),
			content: shown(message.content, MAX_MEDIA_UNITS),
		};
	}
	return {
		role: label(role),
		kind,
		...names,
		content: compact(indented(message.content)) ?? shown(indented(message.content), maxUnits),
	};
}

function mediaView(media: MessageMedia): MediaView {
	const { type, data } = media;
	return {
		type,
		mediaType: optionalLabel(media.mediaType),
		name: optionalLabel(media.name),
		bytes: data === undefined ? undefined : decodedBytes(data),
		reference: optionalLabel(media.reference),
		canShow: imageUri(media, MAX_IMAGE_UNITS) !== undefined,
	};
}

/**
 * The value inside a string of JSON, so that it reads indented; any other value as it is. Numbers that would lose digits
 * keep the string as it was sent.
 */
function indented(value: unknown): unknown {
	if (typeof value !== "string" || value.length > MAX_INDENTED_UNITS || !/^\s*[[{]/.test(value.slice(0, 100)))
		return value;
	if (/\d{16}/.test(value)) return value;
	try {
		return JSON.parse(value) as unknown;
	} catch {
		// A text that begins with a bracket.
		return value;
	}
}

/** How the cost came about, or why there is none; undefined for spans that have no cost to expect. */
function costFormula(summary: SpanSummary, isLlm: boolean, t: Translate): string | undefined {
	const { model, provider, costUsd } = summary;
	const explanation = summary.isTokenTotal === true ? undefined : explainCost({ ...summary, atMs: summary.start?.ms });
	if (costUsd !== undefined && !summary.isCostEstimated) {
		return explanation === undefined
			? t("As the server says.")
			: t("As the server says. By our prices: {0}", formulaOf(explanation, t));
	}
	if (costUsd !== undefined) return explanation === undefined ? undefined : formulaOf(explanation, t);
	if (!isLlm) return undefined;
	if (model === undefined) return t("Not priced: the span names no model.");
	if (summary.isTokenTotal === true) return t("Not priced: which tokens were sent and which came back is not known.");
	if (!isEstimated(summary.kindType, summary.isRollup)) return t("Not priced: only calls of models are.");
	if (!isPriced(model, provider))
		return t("Not priced: no price is known for {0} (prices of {1}).", label(model), PRICES_AS_OF);
	return t("Not priced: the token counts are not known.");
}

function formulaOf({ terms, requestUsd, model }: CostExplanation, t: Translate): string {
	const parts = terms.map(({ part, tokens, usdPerMillion }) =>
		termOf(part, formatCount(tokens), dollars(usdPerMillion), t),
	);
	const sum = t("{0} per million", parts.join(" + "));
	const whole = requestUsd === 0 ? sum : t("{0}, and {1} for the call", sum, dollars(requestUsd));
	return t("{0} ({1}, prices of {2})", whole, model, PRICES_AS_OF);
}

function termOf(part: TokenPart, count: string, price: string, t: Translate): string {
	switch (part) {
		case "input":
			return t("{0} in × {1}", count, price);
		case "cacheRead":
			return t("{0} from cache × {1}", count, price);
		case "cacheWrite":
			return t("{0} into cache × {1}", count, price);
		case "output":
			return t("{0} out × {1}", count, price);
		case "reasoning":
			return t("{0} reasoning × {1}", count, price);
	}
}

/** Prices have at least cents and no more digits than anybody lists: $0.15, $2.50, $0.075. */
function dollars(usd: number): string {
	return `$${usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
}
