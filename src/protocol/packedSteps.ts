/**
 * Columns of whole numbers that lie near each other, as the steps between them in one, two or four bytes each. Widening those
 * is the engine's own work: a page that was just made has not compiled a loop that takes bytes apart.
 */

/** Whole numbers up to here are exact as doubles, and so are the steps between them. */
const MAX_NUMBER = 2 ** 52;
/** Nanoseconds that clocks count in multiples of, coarsest first. */
const UNITS_NS = [1_000_000, 1000, 1] as const;

export interface PackedSteps {
	readonly near: Int8Array | Int16Array | Int32Array;
	/** Steps that are too long for that, NaN included, and their places. */
	readonly far: Float64Array;
	readonly farAt: Uint32Array;
}

/** Start and end of each span. */
export interface PackedTimes {
	/** All times are multiples of it. */
	readonly unitNs: number;
	/** Steps from start to start. */
	readonly starts: PackedSteps;
	/** Steps from a span's start to its end; from the last known start where it is not known. */
	readonly ends: PackedSteps;
}

/** Times of one length, NaN where unknown. Undefined when some are no whole nanoseconds, or steps would take no fewer bytes. */
export function packTimes(startNs: Float64Array, endNs: Float64Array): PackedTimes | undefined {
	const unitNs = UNITS_NS.find((unit) => areMultiples(startNs, unit) && areMultiples(endNs, unit));
	if (unitNs === undefined) return undefined;
	const starts = new Float64Array(startNs.length);
	const ends = new Float64Array(startNs.length);
	let known = 0;
	for (let i = 0; i < starts.length; i++) {
		const start = Math.round(startNs[i] / unitNs);
		starts[i] = start - known;
		if (!Number.isNaN(start)) known = start;
		ends[i] = Math.round(endNs[i] / unitNs) - known;
	}
	const packedStarts = packSteps(starts, 8);
	const packedEnds = packSteps(ends, 8);
	return packedStarts && packedEnds ? { unitNs, starts: packedStarts, ends: packedEnds } : undefined;
}

export function unpackTimes({ unitNs, starts, ends }: PackedTimes): {
	readonly startNs: Float64Array;
	readonly endNs: Float64Array;
} {
	const startNs = unpackSteps(starts);
	const endNs = unpackSteps(ends);
	let known = 0;
	for (let i = 0; i < startNs.length; i++) {
		const start = known + startNs[i];
		if (!Number.isNaN(start)) known = start;
		startNs[i] = start * unitNs;
		endNs[i] = (known + endNs[i]) * unitNs;
	}
	return { startNs, endNs };
}

/** Each as the step from the one before it, or as they are where that takes no more bytes. */
export function packIntegers(numbers: Int32Array): PackedSteps | Int32Array {
	const steps = new Float64Array(numbers.length);
	let before = 0;
	for (let i = 0; i < numbers.length; i++) {
		steps[i] = numbers[i] - before;
		before = numbers[i];
	}
	return packSteps(steps, 4) ?? numbers;
}

export function unpackIntegers(packed: PackedSteps | Int32Array): Int32Array {
	if (packed instanceof Int32Array) return packed;
	// A step of more than 32 bits wraps around here, and its sum wraps back.
	const numbers = new Int32Array(unpackSteps(packed));
	for (let i = 1; i < numbers.length; i++) numbers[i] += numbers[i - 1];
	return numbers;
}

/** Whether all that are known are whole multiples that can be told exactly. */
function areMultiples(numbers: Float64Array, unit: number): boolean {
	for (let i = 0; i < numbers.length; i++) {
		const value = numbers[i];
		if (Number.isNaN(value)) continue;
		// Division rounds; the product of whole numbers as small as these does not. A negative zero would come back as 0.
		if (Math.round(value / unit) * unit !== value || Math.abs(value) > MAX_NUMBER || Object.is(value, -0)) return false;
	}
	return true;
}

/** In whichever kind takes the fewest bytes; undefined when that is not fewer than `bytes` a step. */
function packSteps(steps: Float64Array, bytes: number): PackedSteps | undefined {
	let beyond8 = 0;
	let beyond16 = 0;
	let beyond32 = 0;
	for (let i = 0; i < steps.length; i++) {
		const size = Math.abs(steps[i]);
		// Comparisons with NaN are false.
		if (size <= 0x7f) continue;
		beyond8++;
		if (size <= 0x7fff) continue;
		beyond16++;
		if (!(size <= 0x7fff_ffff)) beyond32++;
	}
	const n = steps.length;
	// A far step takes its own eight bytes and four for its place.
	const least = Math.min(n + 12 * beyond8, 2 * n + 12 * beyond16, 4 * n + 12 * beyond32);
	if (least >= bytes * n) return undefined;
	if (least === n + 12 * beyond8) return parted(steps, new Int8Array(n), 0x7f, beyond8);
	if (least === 2 * n + 12 * beyond16) return parted(steps, new Int16Array(n), 0x7fff, beyond16);
	return parted(steps, new Int32Array(n), 0x7fff_ffff, beyond32);
}

function parted(steps: Float64Array, near: PackedSteps["near"], highest: number, beyond: number): PackedSteps {
	const far = new Float64Array(beyond);
	const farAt = new Uint32Array(beyond);
	let next = 0;
	for (let i = 0; i < steps.length; i++) {
		const step = steps[i];
		if (Math.abs(step) <= highest) near[i] = step;
		else {
			farAt[next] = i;
			far[next++] = step;
		}
	}
	return { near, far, farAt };
}

function unpackSteps({ near, far, farAt }: PackedSteps): Float64Array {
	const steps = new Float64Array(near);
	for (let i = 0; i < far.length; i++) steps[farAt[i]] = far[i];
	return steps;
}
