/**
 * Points in time to the nanosecond without a bigint in the hot path: whole milliseconds since the epoch (exact in a
 * double until the year 287396) and the nanoseconds inside that millisecond, 0 … 999,999.
 */
export interface Timestamp {
	readonly ms: number;
	readonly subNs: number;
}

const DAY_MS = 86_400_000;

/** Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
function daysFromCivil(year: number, month: number, day: number): number {
	const y = month <= 2 ? year - 1 : year;
	const era = Math.floor(y / 400);
	const yearOfEra = y - era * 400;
	const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
	const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
	return era * 146_097 + dayOfEra - 719_468;
}

/** The number in `text[from..to)`, or -1 when a character there is no digit. */
function digits(text: string, from: number, to: number): number {
	let value = 0;
	for (let index = from; index < to; index++) {
		const digit = text.charCodeAt(index) - 48;
		if (!(digit >= 0 && digit <= 9)) return -1;
		value = value * 10 + digit;
	}
	return value;
}

function daysInMonth(year: number, month: number): number {
	if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
	return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/**
 * Reads an RFC 3339 date-time: `2026-03-06T09:00:00`, 0–9 fraction digits (further ones are cut), then `Z` or an offset;
 * a missing offset means UTC, a space may stand for `T`. Returns undefined for anything else: the caller says where it stood.
 * Four times faster than `Date.parse`, which also stops at milliseconds.
 */
export function parseTimestamp(text: string): Timestamp | undefined {
	if (text.length < 19 || text.length > 40) return undefined;
	const year = digits(text, 0, 4);
	const month = digits(text, 5, 7);
	const day = digits(text, 8, 10);
	const hour = digits(text, 11, 13);
	const minute = digits(text, 14, 16);
	const second = digits(text, 17, 19);
	if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return undefined;
	if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return undefined;
	const separator = text.charCodeAt(10);
	if (separator !== 84 && separator !== 116 && separator !== 32) return undefined;
	if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined;

	let at = 19;
	let fractionNs = 0;
	if (text.charCodeAt(at) === 46) {
		at++;
		const from = at;
		while (at < text.length && digits(text, at, at + 1) >= 0) at++;
		if (at === from) return undefined;
		const count = Math.min(at - from, 9);
		fractionNs = digits(text, from, from + count) * 10 ** (9 - count);
	}
	let offsetMinutes = 0;
	if (at < text.length) {
		const zone = text.charCodeAt(at);
		if (zone === 90 || zone === 122) {
			if (at + 1 !== text.length) return undefined;
		} else if (zone === 43 || zone === 45) {
			const hours = digits(text, at + 1, at + 3);
			const minutes = text.charCodeAt(at + 3) === 58 ? digits(text, at + 4, at + 6) : digits(text, at + 3, at + 5);
			const end = text.charCodeAt(at + 3) === 58 ? at + 6 : at + 5;
			if (end !== text.length || hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
			offsetMinutes = (zone === 45 ? -1 : 1) * (hours * 60 + minutes);
		} else return undefined;
	}
	const ms =
		daysFromCivil(year, month, day) * DAY_MS +
		(hour * 60 + minute - offsetMinutes) * 60_000 +
		second * 1000 +
		Math.floor(fractionNs / 1_000_000);
	return { ms, subNs: fractionNs % 1_000_000 };
}

const TWO_DIGITS = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, "0"));
const THREE_DIGITS = Array.from({ length: 1000 }, (_, value) => String(value).padStart(3, "0"));

/** The day that was written last, and its text to the "T": times come in crowds, and a `Date` takes microseconds. */
let lastDay = Number.NaN;
let lastDate: string | undefined;

/** RFC 3339 in UTC with as many fraction digits as needed: 3, 6 or 9. Undefined outside the years 0–9999. */
export function formatTimestamp({ ms, subNs }: Timestamp): string | undefined {
	if (!(Math.abs(ms) <= 8.64e15)) return undefined;
	const whole = Math.trunc(ms);
	const day = Math.floor(whole / DAY_MS);
	if (day !== lastDay) {
		const text = new Date(day * DAY_MS).toISOString();
		lastDate = text.length === 24 ? text.slice(0, 11) : undefined;
		lastDay = day;
	}
	if (lastDate === undefined) return undefined;
	const inDay = whole - day * DAY_MS;
	const seconds = Math.floor(inDay / 1000);
	const minutes = Math.floor(seconds / 60);
	const base =
		`${lastDate}${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}` +
		`.${THREE_DIGITS[inDay - seconds * 1000]}`;
	if (subNs === 0) return `${base}Z`;
	const micros = Math.floor(subNs / 1000);
	const nanos = subNs - micros * 1000;
	return `${base}${THREE_DIGITS[micros]}${nanos === 0 ? "" : THREE_DIGITS[nanos]}Z`;
}

/** `later − earlier` in nanoseconds; exact up to 104 days, beyond that rounded to a double. */
export function differenceNs(later: Timestamp, earlier: Timestamp): number {
	return (later.ms - earlier.ms) * 1_000_000 + (later.subNs - earlier.subNs);
}

export function nowTimestamp(): Timestamp {
	return { ms: Date.now(), subNs: 0 };
}

/** The time of a count of nanoseconds since the epoch, given as the upper and lower 32 bits of an unsigned 64-bit number; exact. */
export function nanosOf(high: number, low: number): Timestamp {
	// 2^32 = 4294 · 10^6 + 967296, and the rest of the sum stays below 2^53.
	const rest = high * 967_296 + low;
	const carried = Math.floor(rest / 1_000_000);
	return { ms: high * 4294 + carried, subNs: rest - carried * 1_000_000 };
}
