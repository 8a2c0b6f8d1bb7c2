import { parseTimestamp, type Timestamp } from "../base/timestamp.ts";
import { isCost } from "../model/usage.ts";

/** What every adapter asks of wire JSON. All of it is untrusted: nothing here throws, and every text has a bound. */

export const MAX_ID_LENGTH = 256;
export const MAX_NAME_LENGTH = 512;
export const MAX_WORD_LENGTH = 256;
export const MAX_ERROR_LENGTH = 4000;
export const MAX_TAGS = 64;

export type JsonObject = Readonly<Record<string, unknown>>;

/** An object that is no list. */
export function asObject(value: unknown): JsonObject | undefined {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** An id is a string of 1 … 256 characters. */
export function decodeId(value: unknown): string | undefined {
	return typeof value === "string" && value.length > 0 && value.length <= MAX_ID_LENGTH ? value : undefined;
}

/** A text to show, cut. */
export function decodeName(value: unknown): string | undefined {
	return typeof value === "string" ? cut(value, MAX_NAME_LENGTH) : undefined;
}

/** A text that is not empty, cut. */
export function decodeWord(value: unknown): string | undefined {
	return typeof value === "string" && value !== "" ? cut(value, MAX_WORD_LENGTH) : undefined;
}

/** The texts of a list, at most `MAX_TAGS`. */
export function decodeTags(value: unknown): readonly string[] | undefined {
	if (!Array.isArray(value)) return undefined;
	const tags: string[] = [];
	for (const tag of value) {
		if (typeof tag === "string") tags.push(cut(tag, MAX_NAME_LENGTH));
		if (tags.length === MAX_TAGS) break;
	}
	return tags;
}

/** A finite number ≥ 0, also as decimal text; undefined for everything else. */
export function decodeNumber(value: unknown): number | undefined {
	if (typeof value === "number") return value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
	if (typeof value !== "string" || value.length > 32 || !/^\d+(?:\.\d+)?$/.test(value)) return undefined;
	return Number(value);
}

/** US dollars that can be believed. */
export function decodeCost(value: unknown): number | undefined {
	const cost = decodeNumber(value);
	return cost !== undefined && isCost(cost) ? cost : undefined;
}

/** An ISO 8601 time. */
export function decodeTime(value: unknown): Timestamp | undefined {
	return typeof value === "string" ? parseTimestamp(value) : undefined;
}

/** Undefined beyond what a date can hold. `durationMs` ≥ 0. */
export function addMs(time: Timestamp, durationMs: number): Timestamp | undefined {
	const totalNs = time.subNs + Math.round((durationMs % 1) * 1_000_000);
	const ms = time.ms + Math.floor(durationMs) + Math.floor(totalNs / 1_000_000);
	return ms <= 8.64e15 ? { ms, subNs: totalNs % 1_000_000 } : undefined;
}

/** At most `length` UTF-16 units, the last of them "…" when something was cut; never half a surrogate pair more than before. */
export function cut(text: string, length: number): string {
	if (text.length <= length) return text;
	let end = length - 1;
	const last = text.charCodeAt(end - 1);
	if (last >= 0xd800 && last <= 0xdbff) end--;
	// Through a buffer, because a slice would keep the whole of a 5 MB text alive.
	return `${Buffer.from(text.slice(0, end), "utf16le").toString("utf16le")}…`;
}
