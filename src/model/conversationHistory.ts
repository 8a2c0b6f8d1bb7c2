import type { ConversationMessage } from "./conversation.ts";
import { boundText, jsonText } from "./jsonText.ts";
import type { SpanSummary } from "./span.ts";
import type { TraceStore } from "./traceStore.ts";

/**
 * Agents send their whole history again with each call. These functions find the call before in the same trace, and what of a
 * call's messages it already showed.
 */

/** Messages by what they say, each with how often it was said. */
export type SaidBefore = ReadonlyMap<string, number>;

/** Units of a message that tell it from others; its length is told whole. */
const MAX_KEY_UNITS = 2_000;

/** What a call showed: its input and its answer. */
export function saidIn(...sides: readonly (readonly ConversationMessage[])[]): SaidBefore {
	const said = new Map<string, number>();
	for (const messages of sides) {
		for (const message of messages) {
			const key = keyOf(message);
			said.set(key, (said.get(key) ?? 0) + 1);
		}
	}
	return said;
}

/**
 * How many of a call's messages, from the first that is no system prompt on, were said before. By content and not by place, for
 * either conversation may have lost its middle; each saying counts once, so that a second "yes" is new. The newest message
 * is always new: there is something to read.
 */
export function countSaidBefore(messages: readonly ConversationMessage[], said: SaidBefore): number {
	const left = new Map(said);
	const lead = messages[0]?.role === "system" ? 1 : 0;
	if (lead === 1) take(left, keyOf(messages[0]));
	let at = lead;
	while (at < messages.length - 1 && take(left, keyOf(messages[at]))) at++;
	return at - lead;
}

function take(left: Map<string, number>, key: string): boolean {
	const count = left.get(key) ?? 0;
	left.set(key, count - 1);
	return count > 0;
}

/** Ids are left out: some programs make new ones each time they send their history. */
function keyOf({ role, kind, content, toolName }: ConversationMessage): string {
	const { text, totalBytes } =
		typeof content === "string" ? boundText(content, MAX_KEY_UNITS) : jsonText(content, MAX_KEY_UNITS);
	return JSON.stringify([role, kind, toolName ?? "", totalBytes, text]);
}

/**
 * The calls of a model that had ended when this one began, newest first: the one below the same parent, then the one of the
 * whole trace; none for a span whose start is not known. Calls around this one (a wrapper that reports the same call) and
 * beside it are none, for they had not ended. One pass over the rows of the trace.
 */
export function previousCalls(store: TraceStore, span: SpanSummary): readonly SpanSummary[] {
	const entry = store.entry(span.traceId);
	if (entry === undefined || span.start === undefined) return [];
	const { startMs, endMs, parentRow } = store.columns;
	const ownRow = store.rowOf(span.spanId, span.traceId);
	const parent = ownRow === undefined ? -1 : parentRow[ownRow];
	const beginMs = span.start.ms;
	let sibling: number | undefined;
	let newest: number | undefined;
	for (const row of entry.rows) {
		// NaN, where a time is not known, is not before anything.
		const isBefore = endMs[row] <= beginMs && startMs[row] < beginMs;
		if (!isBefore || row === ownRow || store.kindTypeOf(row) !== "llm_call") continue;
		if (newest === undefined || startMs[row] >= startMs[newest]) newest = row;
		const isSibling = parent >= 0 && parentRow[row] === parent;
		if (isSibling && (sibling === undefined || startMs[row] >= startMs[sibling])) sibling = row;
	}
	return [...new Set([sibling, newest])].filter((row) => row !== undefined).map((row) => store.spanAt(row));
}
