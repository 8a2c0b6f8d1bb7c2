import { displayText } from "../../base/displayText.ts";
import type { ConversationMessage } from "../../model/conversation.ts";
import { formatAbsoluteTime, formatBytes } from "../../model/format.ts";
import { boundText, jsonText, utf8Bytes } from "../../model/jsonText.ts";
import type { SpanDetail, SpanSummary } from "../../model/span.ts";
import { contentOf, fenced, titleOf } from "./spanCopy.ts";
import { ownAttributes } from "./spanDetailFacts.ts";
import { conversationsOf, partText, type Translate } from "./spanDetailView.ts";

/** What two spans are compared by. */
export type CompareSubject = "prompt" | "output" | "attributes";

export const COMPARE_SUBJECTS: readonly CompareSubject[] = ["prompt", "output", "attributes"];

/** The server's measure of a span, among its attributes: never the same twice. */
const MEASURED = "metadata.duration_ms";

/** UTF-16 units of one side: above it VS Code's diff takes longer than anybody waits. */
export const MAX_COMPARED_UNITS = 4_000_000;

/** One side of a comparison; `extension` tells VS Code the language. */
export interface CompareText {
	readonly text: string;
	readonly extension: "md" | "json" | "txt";
}

/** One side whole: messages as Markdown with a heading each, anything else as it is. Undefined where the span has nothing of it. */
export function compareText(detail: SpanDetail, subject: CompareSubject): CompareText | undefined {
	if (subject === "attributes") {
		const attributes = ownAttributes(detail);
		const keys = Object.keys(attributes)
			.filter((key) => key !== MEASURED)
			.sort();
		// In one order: which of them was set first is no difference.
		const sorted = Object.fromEntries(keys.map((key) => [key, attributes[key]]));
		return keys.length === 0 ? undefined : { text: whole(sorted), extension: "json" };
	}
	const side = subject === "prompt" ? "input" : "output";
	const { messages } = conversationsOf(detail)[side];
	if (messages.length > 0) return { text: `${messages.map(messageText).join("\n\n")}\n`, extension: "md" };
	if (detail[side] === undefined) return undefined;
	const { text, language } = partText(detail, side);
	return { text, extension: language === "json" ? "json" : "txt" };
}

/** As `compareText`, cut where a diff would take too long, with a last line that says so. */
export function boundedCompareText(detail: SpanDetail, subject: CompareSubject, t: Translate): string {
	const { text } = compareText(detail, subject) ?? { text: "" };
	const cut = boundText(text, MAX_COMPARED_UNITS);
	if (!cut.isCut) return text;
	const shown = formatBytes(utf8Bytes(cut.text));
	const note = t("Cut here for the comparison: {0} of {1}.", shown, formatBytes(cut.totalBytes));
	return `${cut.text}\n\n… ${note}\n`;
}

/** What of two spans differs, with the sizes of both sides; and what is the same, or not there on either side. */
export interface Comparison {
	readonly differing: readonly {
		readonly subject: CompareSubject;
		readonly leftBytes: number;
		readonly rightBytes: number;
	}[];
	readonly same: readonly CompareSubject[];
}

export function comparisonOf(left: SpanDetail, right: SpanDetail): Comparison {
	const differing: { subject: CompareSubject; leftBytes: number; rightBytes: number }[] = [];
	const same: CompareSubject[] = [];
	for (const subject of COMPARE_SUBJECTS) {
		const a = compareText(left, subject)?.text;
		const b = compareText(right, subject)?.text;
		if (a === b) {
			if (a !== undefined) same.push(subject);
		} else differing.push({ subject, leftBytes: utf8Bytes(a ?? ""), rightBytes: utf8Bytes(b ?? "") });
	}
	return { differing, same };
}

/** Names for both sides; two of one name are told apart by their start, and by their ids where that is the same too. */
export function compareNames(left: SpanSummary, right: SpanSummary): readonly [string, string] {
	const named = (span: SpanSummary): string => displayText(span.name, 60);
	if (named(left) !== named(right)) return [named(left), named(right)];
	const timed = (span: SpanSummary): string =>
		span.start === undefined ? named(span) : `${named(span)} ${formatAbsoluteTime(span.start).slice(11, 23)}`;
	if (timed(left) !== timed(right)) return [timed(left), timed(right)];
	return [left, right].map((span) => `${named(span)} ${displayText(span.spanId, 40)}`) as [string, string];
}

function messageText(message: ConversationMessage): string {
	const isText = typeof message.content === "string" || message.media !== undefined;
	const content = contentOf(message);
	return `## ${displayText(titleOf(message), 200)}\n\n${isText ? content : fenced(content, "json")}`;
}

function whole(value: unknown): string {
	return jsonText(value, Number.MAX_SAFE_INTEGER).text;
}
