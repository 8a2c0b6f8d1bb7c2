/**
 * Numbers of traces as people read them, the same words in tree, waterfall, details and status bar. Whatever is unknown
 * (undefined, NaN) is "–", never 0.
 */
export const UNKNOWN = "–";

/** About three significant digits: `850 ns`, `1.23 ms`, `4.5 s`, `2 m 05 s`, `3 h 12 m`, `2 d 4 h`. Negative durations keep their sign. */
export function formatDuration(durationNs: number | undefined): string {
	if (durationNs === undefined || !Number.isFinite(durationNs)) return UNKNOWN;
	if (durationNs < 0) return `-${formatDuration(-durationNs)}`;
	// Each unit ends where its rounding would show the next one's 1: 999.6 µs is 1 ms, not 1000 µs.
	if (durationNs < 999.5) return `${Math.round(durationNs)} ns`;
	if (durationNs < 999_500) return `${threeDigits(durationNs / 1e3)} µs`;
	if (durationNs < 999_500_000) return `${threeDigits(durationNs / 1e6)} ms`;
	if (durationNs < 59_950_000_000) return `${threeDigits(durationNs / 1e9)} s`;
	const seconds = Math.round(durationNs / 1e9);
	if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
	const minutes = Math.round(durationNs / 60e9);
	if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`;
	const hours = Math.round(durationNs / 3600e9);
	return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/**
 * To the nanosecond, in the unit that fits: `1.234567 ms`, `2.5 s`, `12 ns`. Exact while the number is whole and below
 * 2^53 (104 days).
 */
export function formatExactDuration(durationNs: number | undefined): string {
	if (durationNs === undefined || !Number.isFinite(durationNs)) return UNKNOWN;
	if (durationNs < 0) return `-${formatExactDuration(-durationNs)}`;
	const ns = Math.round(durationNs);
	if (ns < 1e3) return `${ns} ns`;
	if (ns < 1e6) return `${decimal(ns, 3)} µs`;
	if (ns < 1e9) return `${decimal(ns, 6)} ms`;
	return `${decimal(ns, 9)} s`;
}

/** Whole counts with thousands separators: `12,345`. */
export function formatCount(count: number | undefined): string {
	if (count === undefined || !Number.isFinite(count)) return UNKNOWN;
	return `${count < 0 ? "-" : ""}${grouped(Math.abs(count).toFixed(0))}`;
}

/** US dollars: `$1.23`, below one dollar to three significant digits (`$0.0421`), `~` before an estimate. */
export function formatCost(costUsd: number | undefined, isEstimated: boolean): string {
	if (costUsd === undefined || !Number.isFinite(costUsd)) return UNKNOWN;
	const mark = isEstimated ? "~" : "";
	const sign = costUsd < 0 ? "-" : "";
	const value = Math.abs(costUsd);
	if (value === 0) return `${mark}$0`;
	if (value >= 0.995) {
		return `${mark}${sign}$${dollarsAndCents(value)}`;
	}
	if (value < 0.000_000_001) return `${mark}${sign}<$0.000000001`;
	const places = Math.min(9, 2 - Math.floor(Math.log10(value)));
	return `${mark}${sign}$${value.toFixed(places).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

/** By hand: the first use of `Intl` in a page costs 20 ms, which is a frame and more of a trace's opening. */
function grouped(digits: string): string {
	return digits.replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** Halves of a cent as they are written are rounded up: 1.005, which is a little less as a double, is `1.01`. */
function dollarsAndCents(value: number): string {
	const cents = Math.round(Number(`${value}e2`));
	if (!Number.isSafeInteger(cents)) return grouped(value.toFixed(0));
	return `${grouped(String(Math.floor(cents / 100)))}.${pad(cents % 100)}`;
}

function threeDigits(value: number): string {
	const text = value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
	return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** `value / 10^places` without a division's rounding and without trailing zeros. */
function decimal(value: number, places: number): string {
	const digits = String(value).padStart(places + 1, "0");
	const fraction = digits.slice(-places).replace(/0+$/, "");
	const whole = digits.slice(0, -places);
	return fraction === "" ? whole : `${whole}.${fraction}`;
}

function pad(value: number): string {
	return String(value).padStart(2, "0");
}
