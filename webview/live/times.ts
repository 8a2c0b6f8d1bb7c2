import { UNKNOWN } from "../../src/base/quantity.ts";
import { formatAbsoluteTime } from "../../src/model/format.ts";

/** Where date and time stand in `2026-03-06 10:00:00.125 UTC+01:00`. */
const DATE = [5, 10] as const;
const TIME = [11, 19] as const;
const MINUTE = [11, 16] as const;
const DAY_END = 10;

/** Times of a table come in crowds, and each is asked for again and again. */
const MAX_KEPT = 5_000;
const kept = new Map<number, string>();

/** Date, time and zone, to the millisecond. */
export function exactTime(ms: number | undefined): string {
	if (ms === undefined) return UNKNOWN;
	let text = kept.get(ms);
	if (text === undefined) {
		text = formatAbsoluteTime({ ms: Math.floor(ms), subNs: 0 });
		if (kept.size >= MAX_KEPT) kept.clear();
		kept.set(ms, text);
	}
	return text;
}

/** In this machine's zone: `10:00:00` of the day that `nowMs` is in, `03-05 10:00` of others. */
export function timeOfDay(ms: number | undefined, nowMs: number): string {
	const text = exactTime(ms);
	if (text === UNKNOWN) return text;
	const today = exactTime(Math.floor(nowMs / 60_000) * 60_000);
	if (text.slice(0, DAY_END) === today.slice(0, DAY_END)) return text.slice(...TIME);
	return `${text.slice(...DATE)} ${text.slice(...MINUTE)}`;
}
