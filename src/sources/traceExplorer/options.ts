import { SourceError } from "../source.ts";

export const RANGES = ["1h", "6h", "24h", "all"] as const;
/** What the backend lists at once. */
export type Range = (typeof RANGES)[number];
const HOUR_MS = 3_600_000;
export const RANGE_MS: Readonly<Record<Range, number>> = {
	"1h": HOUR_MS,
	"6h": 6 * HOUR_MS,
	"24h": 24 * HOUR_MS,
	all: Number.POSITIVE_INFINITY,
};
/** Sessions that began so shortly after a range did may be out of it already. */
export const RANGE_MARGIN_MS = 5 * 60_000;

const MIN_REFRESH_SECONDS = 0.1;
const MAX_REFRESH_SECONDS = 300;

/** The range of the lists; an error for what is none. */
export function rangeOf(value: unknown): Range | SourceError {
	if (value === undefined) return "24h";
	return (
		RANGES.find((range) => range === value) ??
		new SourceError("protocol", `the option "range" must be one of ${RANGES.join(", ")}`)
	);
}

/** Milliseconds between two lists; an error for what makes no sense. */
export function pollMsOf(value: unknown): number | SourceError {
	if (value === undefined) return 2000;
	if (typeof value === "number" && value >= MIN_REFRESH_SECONDS && value <= MAX_REFRESH_SECONDS) return value * 1000;
	return new SourceError(
		"protocol",
		`the option "refreshSeconds" must be a number from ${MIN_REFRESH_SECONDS} to ${MAX_REFRESH_SECONDS}`,
	);
}
