import { callFacts } from "./callFacts.ts";
import { conversationOf } from "./conversation.ts";
import { jsonText } from "./jsonText.ts";
import { type Json, parsedJson } from "./messageShapes.ts";
import type { CallPreview } from "./overview.ts";

/** UTF-16 units of a preview, before the "…" of one that is longer. */
const PREVIEW_UNITS = 200;
/** A longer text is not read as JSON for the sake of a line. */
const MAX_READ_UNITS = 200_000;

/** What a span recorded: JSON values, undefined where nothing. A long one may be given as the beginning of its text. */
export interface CallRecord {
	readonly input: unknown;
	readonly output: unknown;
	readonly attributes: Json;
}

/** The newest message of the user, the answer, and why the model stopped. */
export function modelCallPreview({ input, output, attributes }: CallRecord): CallPreview {
	const { finishReasons } = callFacts(attributes, output);
	return {
		input: lastText(input, "input", "user") ?? valueLine(input),
		output: lastText(output, "output", "assistant") ?? valueLine(output),
		finishReason: finishReasons.length === 0 ? null : line(finishReasons.join(", ")),
	};
}

/** Parameters and result. */
export function toolCallPreview({ input, output }: Omit<CallRecord, "attributes">): CallPreview {
	return { input: valueLine(input), output: valueLine(output), finishReason: null };
}

/** At most `PREVIEW_UNITS` on one line, and "…" for the rest; null for a text of blanks. */
function line(text: string): string | null {
	// Cut before blanks are joined: work is bounded by the preview, not by the text.
	const head = text.slice(0, 4 * PREVIEW_UNITS);
	const joined = head.replace(/\s+/g, " ").trim();
	if (joined === "") return null;
	if (joined.length <= PREVIEW_UNITS) return head.length === text.length ? joined : `${joined}…`;
	// Never half a surrogate pair.
	return `${joined.slice(0, PREVIEW_UNITS).replace(/[\ud800-\udbff]$/, "")}…`;
}

function valueLine(value: unknown): string | null {
	if (value === undefined || value === null) return null;
	if (typeof value === "string") return line(value);
	// Indented JSON; its line ends and blanks become one blank each.
	return line(jsonText(value, 4 * PREVIEW_UNITS).text);
}

function lastText(value: unknown, side: "input" | "output", role: string): string | null {
	if (typeof value === "string" && value.length > MAX_READ_UNITS) return null;
	const { messages } = conversationOf(parsedJson(value), side);
	const found =
		messages.findLast((message) => message.role === role && message.kind === "text") ??
		messages.findLast(({ kind }) => kind === "text");
	return typeof found?.content === "string" ? line(found.content) : null;
}
