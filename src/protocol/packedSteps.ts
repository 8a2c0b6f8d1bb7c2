/**
 * Columns of whole numbers that lie near each other: the steps between them, seven bits a byte, the lowest first, the highest
 * bit saying that more follow. Most steps of a trace take one to four bytes.
 */

/** Whole numbers up to here, and twice their differences, are exact as doubles. */
const MAX_NUMBER = 2 ** 51;
/** What no step takes more of, at seven bits each. */
const MAX_BYTES = 8;
/** A nanosecond's multiples that clocks count in, coarsest first. */
const UNITS_NS = [1_000_000, 1000, 1] as const;

/** Start and end of each span. */
export interface PackedTimes {
	/** All times are multiples of it. */
	readonly unitNs: number;
	/** Steps from start to start. */
	readonly starts: Uint8Array;
	/** Steps from a span's start to its end; from the last known start where it is not known. */
	readonly ends: Uint8Array;
}

/**
 * Times of one length, NaN where unknown. Undefined when some are no whole nanoseconds, or further apart than a month: then
 * they cannot be packed exactly.
 */
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
	return { unitNs, starts: packSteps(starts), ends: packSteps(ends) };
}

export function unpackTimes(
	{ unitNs, starts, ends }: PackedTimes,
	count: number,
): { readonly startNs: Float64Array; readonly endNs: Float64Array } {
	const startNs = unpackSteps(starts, count);
	const endNs = unpackSteps(ends, count);
	let known = 0;
	for (let i = 0; i < count; i++) {
		const start = known + startNs[i];
		if (!Number.isNaN(start)) known = start;
		startNs[i] = start * unitNs;
		endNs[i] = (known + endNs[i]) * unitNs;
	}
	return { startNs, endNs };
}

/** The numbers themselves where their steps would take no less. */
export function packNear(numbers: Int32Array): Int32Array | Uint8Array {
	const steps = new Float64Array(numbers.length);
	let before = 0;
	for (let i = 0; i < numbers.length; i++) {
		steps[i] = numbers[i] - before;
		before = numbers[i];
	}
	const packed = packSteps(steps);
	return packed.byteLength < numbers.byteLength ? packed : numbers;
}

export function unpackNear(packed: Int32Array | Uint8Array, count: number): Int32Array {
	if (packed instanceof Int32Array) return packed;
	const steps = unpackSteps(packed, count);
	const numbers = new Int32Array(count);
	let before = 0;
	for (let i = 0; i < count; i++) {
		before += steps[i];
		numbers[i] = before;
	}
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

/** 0 stands for NaN, an odd number for a step forward, an even one for a step back. */
function packSteps(steps: Float64Array): Uint8Array {
	const bytes = new Uint8Array(steps.length * MAX_BYTES);
	let at = 0;
	for (let i = 0; i < steps.length; i++) {
		const step = steps[i];
		let code = step >= 0 ? 2 * step + 1 : step < 0 ? -2 * step : 0;
		// Bits of a number can be had of the lower 32 only.
		while (code >= 0x8000_0000) {
			const rest = Math.floor(code / 128);
			bytes[at++] = (code - rest * 128) | 128;
			code = rest;
		}
		let low = code | 0;
		while (low >= 128) {
			bytes[at++] = (low & 127) | 128;
			low >>= 7;
		}
		bytes[at++] = low;
	}
	return bytes.slice(0, at);
}

function unpackSteps(bytes: Uint8Array, count: number): Float64Array {
	const steps = new Float64Array(count);
	let at = 0;
	for (let i = 0; i < count; i++) {
		let byte = bytes[at++];
		let low = byte & 127;
		for (let shift = 7; byte >= 128 && shift < 28; shift += 7) {
			byte = bytes[at++];
			low |= (byte & 127) << shift;
		}
		if (byte < 128) {
			steps[i] = (low & 1) === 1 ? low >> 1 : low === 0 ? Number.NaN : -(low >> 1);
			continue;
		}
		let code = low;
		for (let factor = 2 ** 28; byte >= 128; factor *= 128) {
			byte = bytes[at++];
			code += (byte & 127) * factor;
		}
		steps[i] = (low & 1) === 1 ? (code - 1) / 2 : -code / 2;
	}
	return steps;
}
