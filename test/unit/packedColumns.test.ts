import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PackedColumns, packColumns, unpackColumns } from "../../src/protocol/packedColumns.ts";
import type { TraceColumns } from "../../src/protocol/traceColumns.ts";

const COUNT = 1000;

/** Columns of which each value is taken in turn from a few. */
const columnsOf = fc
	.record({
		parents: fc.array(fc.integer({ min: -900, max: COUNT - 1 }), { minLength: 1 }),
		times: fc.array(fc.double(), { minLength: 1 }),
		indexes: fc.array(fc.oneof(fc.constant(-1), fc.nat(300), fc.nat(70_000)), { minLength: 1, maxLength: 20 }),
		numbers: fc.array(fc.oneof({ arbitrary: fc.constant(Number.NaN), weight: 3 }, fc.double({ min: 0 })), {
			minLength: 1,
		}),
		ids: fc.oneof(
			fc.array(fc.stringMatching(/^[0-9a-f]{16}$/), { minLength: 1, maxLength: 5 }),
			fc.array(fc.string({ unit: "grapheme", maxLength: 8 }), { minLength: 1, maxLength: 5 }),
			fc.array(fc.stringMatching(/^[0-9A-Z]{7}$/), { minLength: 1, maxLength: 5 }),
		),
	})
	.map(({ parents, times, indexes, numbers, ids }): TraceColumns => {
		const take = <T>(values: readonly T[], shift: number) =>
			Array.from({ length: COUNT }, (_, i) => values[(i + shift) % values.length]);
		const texts = take(ids, 0).map((id) => new TextEncoder().encode(id));
		let end = 0;
		const idEnd = Uint32Array.from(texts, (text) => {
			end += text.length;
			return end;
		});
		return {
			ordinal: Uint32Array.from({ length: COUNT }, (_, i) => i),
			parent: Int32Array.from(take(parents, 0)),
			startNs: Float64Array.from(take(times, 0)),
			endNs: Float64Array.from(take(times, 1)),
			state: Uint8Array.from(take([0, 1, 2], 0)),
			name: Int32Array.from(take(indexes, 0)),
			kind: Int32Array.from(take(indexes, 1)),
			model: Int32Array.from(take(indexes.slice(0, 1), 0)),
			error: Int32Array.from(take([-1, -1, 127, 128], 0)),
			inputTokens: Float64Array.from(take(numbers, 0)),
			outputTokens: Float64Array.from(take([Number.NaN], 0)),
			costUsd: Float64Array.from(take(times, 2)),
			firstTokenNs: Float64Array.from(take(times, 1)),
			idBytes: Uint8Array.from(texts.flatMap((text) => [...text])),
			idEnd,
			strings: ["a"],
			missingParentIds: ["m"],
		};
	});

function isPacked(columns: TraceColumns | PackedColumns): columns is PackedColumns {
	return "count" in columns;
}

/** Of all typed arrays in it. */
function bytesOf(value: unknown): number {
	if (ArrayBuffer.isView(value)) return value.byteLength;
	if (typeof value !== "object" || value === null) return 0;
	return Object.values(value).reduce((sum: number, part) => sum + bytesOf(part), 0);
}

describe("packed columns", () => {
	it("are exactly the columns again, and never more bytes", () => {
		fc.assert(
			fc.property(columnsOf, (columns) => {
				const packed = packColumns(columns);
				expect(isPacked(packed)).toBe(true);
				expect(bytesOf(packed)).toBeLessThanOrEqual(bytesOf(columns));
				expect(unpackColumns(structuredClone(packed))).toEqual(columns);
			}),
			{ numRuns: 60 },
		);
	});

	it("take a seventh of the bytes for spans of OpenTelemetry without tokens", () => {
		const digits = new TextEncoder().encode("00f067aa0ba902b7");
		const index = (highest: number) => Int32Array.from({ length: COUNT }, (_, i) => i % (highest + 1));
		const columns: TraceColumns = {
			ordinal: Uint32Array.from({ length: COUNT }, (_, i) => i),
			parent: index(50),
			startNs: Float64Array.from({ length: COUNT }, (_, i) => i * 7000),
			endNs: Float64Array.from({ length: COUNT }, (_, i) => i * 7000 + 12_000),
			state: new Uint8Array(COUNT),
			name: index(99),
			kind: index(3),
			model: new Int32Array(COUNT).fill(-1),
			error: new Int32Array(COUNT).fill(-1),
			inputTokens: new Float64Array(COUNT).fill(Number.NaN),
			outputTokens: new Float64Array(COUNT).fill(Number.NaN),
			costUsd: new Float64Array(COUNT).fill(Number.NaN),
			firstTokenNs: new Float64Array(COUNT).fill(Number.NaN),
			idBytes: Uint8Array.from({ length: COUNT * 16 }, (_, i) => digits[i % 16]),
			idEnd: Uint32Array.from({ length: COUNT }, (_, i) => (i + 1) * 16),
			strings: [],
			missingParentIds: [],
		};
		expect(bytesOf(columns)).toBe(COUNT * 93);
		expect(bytesOf(packColumns(columns))).toBe(COUNT * 13);
	});

	it("keep whole nanoseconds, of whatever clock, and what is no whole one", () => {
		const [some] = fc.sample(columnsOf, 1);
		const unit = fc.constantFrom(1, 1000, 1_000_000, 1e9);
		const steps = fc.array(fc.oneof(fc.constant(Number.NaN), fc.integer({ min: -1e6, max: 1e6 })), { minLength: 1 });
		const odd = fc.constantFrom(undefined, 0.5, -0, 2 ** 51, 2 ** 51 + 1, -(2 ** 52), Number.POSITIVE_INFINITY);
		fc.assert(
			fc.property(unit, steps, odd, (unitNs, times, oddNs) => {
				const timesFrom = (shift: number) =>
					Float64Array.from({ length: COUNT }, (_, i) => times[(i + shift) % times.length] * unitNs + i * unitNs);
				const columns = { ...some, startNs: timesFrom(0), endNs: timesFrom(1) };
				if (oddNs !== undefined) columns.endNs[COUNT - 1] = oddNs;
				expect(unpackColumns(structuredClone(packColumns(columns)))).toEqual(columns);
			}),
			{ numRuns: 60 },
		);
	});

	it("are not made of a few spans, nor of a part of a trace", () => {
		const [some] = fc.sample(columnsOf, 1);
		const part = { ...some, ordinal: some.ordinal.map((ordinal) => ordinal + 1) };
		expect(packColumns(part)).toBe(part);
		const few = { ...some, ordinal: some.ordinal.subarray(0, 10) };
		expect(packColumns(few)).toBe(few);
	});
});
