import { formatExactDuration } from "../../src/base/quantity.ts";
import type { TimeBase } from "../../src/protocol/traceColumns.ts";

/** A window of time, nanoseconds from the trace's base; `endNs` is later than `startNs`. */
export interface TimeDomain {
	readonly startNs: number;
	readonly endNs: number;
}

/** A trace without extent, or of which no time is known, gets a window of this length. */
const MIN_DOMAIN_NS = 1_000_000;

/** 300,000 years: what a broken clock says beyond is drawn at the edge, where arithmetic still holds. */
const MAX_NS = 1e22;

/** The window that shows everything between two points; safe for NaN, infinities and an end before the start. */
export function timeDomain(startNs: number, endNs: number): TimeDomain {
	const start = Number.isFinite(startNs) ? Math.min(MAX_NS, Math.max(-MAX_NS, startNs)) : 0;
	const end = Number.isFinite(endNs) ? Math.min(MAX_NS, Math.max(-MAX_NS, endNs)) : start;
	// Far from 0 a double has no single nanoseconds; the window must not collapse there either.
	if (end > start && start + (end - start) / 1e6 !== start) return { startNs: start, endNs: end };
	return { startNs: start, endNs: start + Math.max(MIN_DOMAIN_NS, Math.abs(start) * 1e-6) };
}

/** Nanoseconds from one moment to another. */
export function nsBetween(from: TimeBase, to: TimeBase): number {
	return (to.ms - from.ms) * 1e6 + (to.subNs - from.subNs);
}

/** Maps a window of time onto pixels, linear, with a margin at both sides where bars may stick out but none begins. */
export class TimeScale {
	readonly domain: TimeDomain;
	readonly widthPx: number;
	readonly #marginPx: number;
	readonly #pxPerNs: number;

	constructor(domain: TimeDomain, widthPx: number, marginPx: number) {
		this.domain = domain;
		this.widthPx = widthPx;
		this.#marginPx = Math.min(marginPx, widthPx / 4);
		this.#pxPerNs = Math.max(1, widthPx - 2 * this.#marginPx) / (domain.endNs - domain.startNs);
	}

	toPx(ns: number): number {
		return this.#marginPx + (ns - this.domain.startNs) * this.#pxPerNs;
	}

	toNs(px: number): number {
		return this.domain.startNs + (px - this.#marginPx) / this.#pxPerNs;
	}

	/** Whether it shows the same time in the same room. */
	isLike(other: TimeScale): boolean {
		const { startNs, endNs } = this.domain;
		return startNs === other.domain.startNs && endNs === other.domain.endNs && this.widthPx === other.widthPx;
	}

	/** Nanoseconds that one pixel stands for. */
	get nsPerPx(): number {
		return 1 / this.#pxPerNs;
	}

	/** Nanoseconds between two ticks that stand at least `minSpacingPx` apart. */
	tickStep(minSpacingPx: number): number {
		return niceStep(minSpacingPx / this.#pxPerNs);
	}
}

const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const CLOCK_STEPS = [
	...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
	...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
	...[1, 2, 3, 6, 12].map((count) => count * HOUR),
	DAY,
];

/** The smallest step people count in that is not below `minNs`: 1, 2, 5 × 10ⁿ ns below a second and of days, clock parts between. */
export function niceStep(minNs: number): number {
	if (!(minNs > 1)) return 1;
	if (minNs > SECOND / 2 && minNs <= DAY) return CLOCK_STEPS.find((step) => step >= minNs) ?? DAY;
	const unit = minNs > DAY ? DAY : 1;
	const power = 10 ** Math.floor(Math.log10(minNs / unit));
	for (const factor of [1, 2, 5, 10]) if (unit * power * factor >= minNs) return unit * power * factor;
	return unit * power * 10;
}

/** Ticks inside a window, as whole multiples of the step from the start of the trace; never more than `limit`. */
export function ticks(domain: TimeDomain, originNs: number, stepNs: number, limit: number): number[] {
	const found: number[] = [];
	const first = Math.ceil((domain.startNs - originNs) / stepNs);
	const last = Math.floor((domain.endNs - originNs) / stepNs);
	for (let index = first; index <= last && found.length < limit; index++) found.push(originNs + index * stepNs);
	return found;
}

/** Offset of a tick in as few words as keep it exact: `0`, `250 ms`, `1.5 s`, `2 m 30 s`, `1 d 06 h`. */
export function formatTick(ns: number): string {
	if (ns === 0) return "0";
	if (ns < 0) return `-${formatTick(-ns)}`;
	if (ns < MINUTE) return formatExactDuration(ns);
	const parts: string[] = [];
	let rest = Math.round(ns);
	for (const [unit, name] of [
		[DAY, "d"],
		[HOUR, "h"],
		[MINUTE, "m"],
	] as const) {
		const count = Math.floor(rest / unit);
		rest -= count * unit;
		if (count > 0 || parts.length > 0) parts.push(`${parts.length > 0 ? pad(count) : count} ${name}`);
	}
	if (rest > 0) parts.push(`${seconds(rest)} s`);
	while (parts.length > 1 && parts[parts.length - 1].startsWith("00 ")) parts.pop();
	return parts.join(" ");
}

/** Offset under a pointer: as many digits as a pixel is worth, `1.23 s` where one stands for 14 ms, to the nanosecond zoomed in. */
export function formatOffset(ns: number, nsPerPx: number): string {
	const unit = Math.max(1, 10 ** Math.floor(Math.log10(Math.max(1, nsPerPx))));
	// By a whole number of units: a fraction's rounding would show digits that are not there.
	return formatTick(Math.round(ns / unit) * unit);
}

function seconds(ns: number): string {
	const fraction = String(ns % SECOND)
		.padStart(9, "0")
		.replace(/0+$/, "");
	return `${pad(Math.floor(ns / SECOND))}${fraction === "" ? "" : `.${fraction}`}`;
}

function pad(count: number): string {
	return String(count).padStart(2, "0");
}
