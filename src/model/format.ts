import { formatCost, formatCount, formatDuration, formatExactDuration, UNKNOWN } from "../base/quantity.ts";
import type { Timestamp } from "../base/timestamp.ts";

/**
 * The numbers of a span or trace as every surface writes them: tree, status bar, waterfall, details, command line.
 * Durations and cost have their one rule in `base/quantity.ts`; here are the others. Unknown is "–", never 0.
 */
export { formatCost, formatDuration, formatExactDuration, UNKNOWN };

/** Tokens: whole with separators below 10,000 (`1,234`), then three significant digits (`12.3k`, `1.23M`). */
export function formatTokens(tokens: number | undefined): string {
	if (tokens === undefined || !Number.isFinite(tokens)) return UNKNOWN;
	if (tokens < 0) return `-${formatTokens(-tokens)}`;
	if (tokens < 9_999.5) return formatCount(tokens);
	return scaled(tokens, ["k", "M", "G", "T"]);
}

/** Sizes in SI units, 1 kB = 1,000 bytes: `512 B`, `64 kB`, `5.0 MB`. Two significant digits below 10, whole above. */
export function formatBytes(bytes: number | undefined): string {
	if (bytes === undefined || !Number.isFinite(bytes)) return UNKNOWN;
	if (bytes < 0) return `-${formatBytes(-bytes)}`;
	if (bytes < 999.5) return `${Math.round(bytes)} B`;
	let value = bytes;
	let unit = "";
	for (unit of ["kB", "MB", "GB", "TB"]) {
		value /= 1000;
		if (value < 999.5) break;
	}
	return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

/** How long ago, in the largest whole unit: `now`, `12 s ago`, `5 m ago`, `3 h ago`, `4 d ago`. The future is `now`. */
export function formatAge(ageMs: number | undefined): string {
	if (ageMs === undefined || !Number.isFinite(ageMs)) return UNKNOWN;
	const seconds = Math.floor(ageMs / 1000);
	if (seconds < 1) return "now";
	if (seconds < 60) return `${seconds} s ago`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} m ago`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
	return `${Math.floor(seconds / 86_400)} d ago`;
}

export interface AbsoluteTimeOptions {
	/** UTC instead of this machine's zone. Default false. */
	readonly utc?: boolean | undefined;
	/** All known digits of the second; default false, milliseconds. */
	readonly exact?: boolean | undefined;
}

/**
 * Date, time and zone: `2026-03-06 10:00:00.125 UTC+01:00`, by default in this machine's zone. The same order everywhere,
 * so that times compare by eye, whatever the locale. "–" for a time that no calendar holds.
 */
export function formatAbsoluteTime(time: Timestamp | undefined, options: AbsoluteTimeOptions = {}): string {
	if (time === undefined || !(Math.abs(time.ms) <= 8.64e15)) return UNKNOWN;
	// The wall clock of the zone, read as if it were UTC: `toISOString` then writes it digit by digit.
	const offsetMinutes = options.utc ? 0 : -new Date(time.ms).getTimezoneOffset();
	const wallMs = time.ms + offsetMinutes * 60_000;
	if (!(Math.abs(wallMs) <= 8.64e15)) return UNKNOWN;
	const iso = new Date(wallMs).toISOString();
	const rest = options.exact && time.subNs !== 0 ? String(time.subNs).padStart(6, "0").replace(/0{3}$/, "") : "";
	return `${iso.slice(0, -1).replace("T", " ")}${rest} ${zoneLabel(offsetMinutes)}`;
}

/** `UTC`, `UTC+05:30`: unambiguous where letters (CST, IST) are not. */
function zoneLabel(offsetMinutes: number): string {
	if (offsetMinutes === 0) return "UTC";
	const minutes = Math.abs(offsetMinutes);
	const hours = String(Math.floor(minutes / 60)).padStart(2, "0");
	return `UTC${offsetMinutes < 0 ? "-" : "+"}${hours}:${String(Math.round(minutes % 60)).padStart(2, "0")}`;
}

/** Three significant digits with the unit that fits; trailing zeros fall away (`12k`, not `12.0k`). */
function scaled(value: number, units: readonly string[]): string {
	let number = value;
	let unit = "";
	for (unit of units) {
		number /= 1000;
		if (number < 999.5) break;
	}
	const text = number < 9.995 ? number.toFixed(2) : number < 99.95 ? number.toFixed(1) : number.toFixed(0);
	return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text}${unit}`;
}
