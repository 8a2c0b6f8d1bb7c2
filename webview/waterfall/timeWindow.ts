import type { TimeDomain } from "./timeScale.ts";

/** Nothing is told apart below this; and far from 0 not below what a double resolves, with a thousand steps to draw between. */
const MIN_WINDOW_NS = 20;
const MIN_WINDOW_SHARE = 1e-12;
const MAX_HISTORY = 50;
/** Steps of one gesture (turns of a wheel, a held key) that follow each other sooner than this are one entry of the history. */
const GESTURE_MS = 600;

/**
 * The part of `whole` that comes closest to what is wanted: moved inside, not shorter than what can be drawn, around the
 * same middle. Undefined for the whole itself: then the window goes on following a trace that grows. NaN and infinities are the whole.
 */
export function clampWindow(wanted: TimeDomain, whole: TimeDomain): TimeDomain | undefined {
	const wholeNs = whole.endNs - whole.startNs;
	const farthest = Math.max(Math.abs(whole.startNs), Math.abs(whole.endNs));
	const least = Math.max(MIN_WINDOW_NS, farthest * MIN_WINDOW_SHARE);
	const wantedNs = wanted.endNs - wanted.startNs;
	if (!Number.isFinite(wanted.startNs) || !Number.isFinite(wantedNs)) return undefined;
	const lengthNs = Math.max(least, wantedNs);
	if (lengthNs >= wholeNs) return undefined;
	const startNs = wanted.startNs - (lengthNs - wantedNs) / 2;
	const clamped = Math.min(Math.max(startNs, whole.startNs), whole.endNs - lengthNs);
	return { startNs: clamped, endNs: Math.min(whole.endNs, clamped + lengthNs) };
}

/** The window made `factor` times as long, with `anchorNs` where it stood in it. */
export function zoomedAt(domain: TimeDomain, anchorNs: number, factor: number): TimeDomain {
	return {
		startNs: anchorNs - (anchorNs - domain.startNs) * factor,
		endNs: anchorNs + (domain.endNs - anchorNs) * factor,
	};
}

export function moved(domain: TimeDomain, byNs: number): TimeDomain {
	return { startNs: domain.startNs + byNs, endNs: domain.endNs + byNs };
}

/** Which part of the trace is shown, and what was shown before. Knows nothing of pixels. */
export class TimeWindow {
	#shown: TimeDomain | undefined;
	#back: (TimeDomain | undefined)[] = [];
	#forward: (TimeDomain | undefined)[] = [];
	/** The window ends where the trace does: it goes along when that grows. */
	#isAtEdge = false;
	#gesture = "";
	#gestureAtMs = Number.NEGATIVE_INFINITY;

	/** Undefined while the whole trace is shown. */
	get shown(): TimeDomain | undefined {
		return this.#shown;
	}

	/** What is to be drawn of a trace of this extent. */
	domain(whole: TimeDomain): TimeDomain {
		return this.#shown === undefined ? whole : (clampWindow(this.#shown, whole) ?? whole);
	}

	/**
	 * Shows a part, undefined for all. Steps that name the same gesture and come close together become one entry of the
	 * history. Returns whether anything changed.
	 */
	show(wanted: TimeDomain | undefined, whole: TimeDomain, gesture = "", atMs = 0): boolean {
		const next = wanted === undefined ? undefined : clampWindow(wanted, whole);
		if (isSame(next, this.#shown)) return false;
		const isContinued = gesture !== "" && gesture === this.#gesture && atMs - this.#gestureAtMs < GESTURE_MS;
		if (!isContinued) {
			this.#back.push(this.#shown);
			if (this.#back.length > MAX_HISTORY) this.#back.shift();
		}
		this.#gesture = gesture;
		this.#gestureAtMs = atMs;
		this.#forward = [];
		this.#shown = next;
		this.#isAtEdge = next !== undefined && next.endNs >= whole.endNs;
		return true;
	}

	/** The end of the trace has moved: a window that was put there goes along, in its length. */
	follow(whole: TimeDomain): void {
		if (this.#isAtEdge && this.#shown !== undefined && whole.endNs > this.#shown.endNs) {
			this.#shown = moved(this.#shown, whole.endNs - this.#shown.endNs);
		}
	}

	/** What is shown was asked for by itself, not for where it ends: it stays. */
	stay(): void {
		this.#isAtEdge = false;
	}

	back(): boolean {
		return this.#travel(this.#back, this.#forward);
	}

	forward(): boolean {
		return this.#travel(this.#forward, this.#back);
	}

	/** What an earlier life of the page showed; without a history. */
	restore(shown: TimeDomain | undefined): void {
		this.#shown = shown;
		this.#isAtEdge = false;
		this.#back = [];
		this.#forward = [];
		this.#gesture = "";
	}

	/** The times are counted from another moment, `byNs` earlier: everything keeps its place in the trace. */
	rebase(byNs: number): void {
		if (byNs === 0) return;
		const shift = (domain: TimeDomain | undefined): TimeDomain | undefined => domain && moved(domain, byNs);
		this.#shown = shift(this.#shown);
		this.#back = this.#back.map(shift);
		this.#forward = this.#forward.map(shift);
	}

	#travel(from: (TimeDomain | undefined)[], to: (TimeDomain | undefined)[]): boolean {
		if (from.length === 0) return false;
		to.push(this.#shown);
		this.#shown = from.pop();
		this.#isAtEdge = false;
		this.#gesture = "";
		return true;
	}
}

function isSame(a: TimeDomain | undefined, b: TimeDomain | undefined): boolean {
	return a?.startNs === b?.startNs && a?.endNs === b?.endNs;
}
