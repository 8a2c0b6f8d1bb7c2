import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CountColumn, SpanColumns } from "../../../src/model/spanColumns.ts";
import { SpanIndex } from "../../../src/model/spanIndex.ts";
import { StringTable, WordCodes } from "../../../src/model/stringTable.ts";

describe("SpanIndex", { timeout: 30_000 }, () => {
	it("finds what a map finds, through any additions and removals", () => {
		const step = fc.record({
			spanId: fc.oneof(fc.nat(40).map(String), fc.string({ unit: "binary", maxLength: 3 })),
			trace: fc.nat(3),
			isRemoval: fc.boolean(),
		});
		fc.assert(
			fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
				const columns = new SpanColumns();
				const index = new SpanIndex(columns);
				const reference = new Map<string, Map<number, number>>();
				for (const { spanId, trace, isRemoval } of steps) {
					const rows = reference.get(spanId) ?? new Map<number, number>();
					reference.set(spanId, rows);
					const row = rows.get(trace);
					if (row === undefined && !isRemoval) {
						const added = columns.allocate(spanId, trace);
						index.add(added);
						rows.set(trace, added);
					} else if (row !== undefined && isRemoval) {
						index.remove(row);
						columns.release(row);
						rows.delete(trace);
					}
				}
				for (const [spanId, rows] of reference) {
					for (let trace = 0; trace < 4; trace++) expect(index.find(spanId, trace)).toBe(rows.get(trace));
					const any = index.findAny(spanId);
					if (rows.size === 0) expect(any).toBeUndefined();
					else expect([...rows.values()]).toContain(any);
				}
				index.clear();
				for (const spanId of reference.keys()) expect(index.findAny(spanId)).toBeUndefined();
			}),
			{ numRuns: 40 },
		);
	});

	it("holds many spans of many ids, and as many of one id", () => {
		const columns = new SpanColumns();
		const index = new SpanIndex(columns);
		for (let trace = 0; trace < 20_000; trace++) {
			index.add(columns.allocate("1", trace));
			index.add(columns.allocate(`id ${trace}`, trace));
		}
		for (let trace = 0; trace < 20_000; trace += 2) {
			index.remove(trace * 2);
			index.remove(trace * 2 + 1);
		}
		for (let trace = 0; trace < 20_000; trace++) {
			const isLeft = trace % 2 === 1;
			expect(index.find("1", trace)).toBe(isLeft ? trace * 2 : undefined);
			expect(index.findAny(`id ${trace}`)).toBe(isLeft ? trace * 2 + 1 : undefined);
		}
	});
});

describe("CountColumn", { timeout: 30_000 }, () => {
	it("gives back every number, and NaN for what is unknown", () => {
		const number = fc.oneof(
			fc.double(),
			fc.nat(),
			fc.constantFrom(0, 0.5, -1, 2 ** 32 - 1, 2 ** 32 - 2, 2 ** 32 - 3, 2 ** 53),
		);
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.nat(9), number)), (writes) => {
				const column = new CountColumn();
				column.resize(10);
				const reference = new Map<number, number>();
				for (const [row, value] of writes) {
					column.set(row, value);
					reference.set(row, value);
				}
				column.resize(20);
				// 0 and -0 are one number of tokens.
				for (const [row, value] of reference) expect(column.get(row)).toBe(value + 0);
			}),
		);
	});
});

describe("StringTable", () => {
	it("keeps each text once, under one number", () => {
		const table = new StringTable();
		expect([table.intern("a"), table.intern("b"), table.intern("a")]).toEqual([0, 1, 0]);
		expect([table.at(0), table.at(1), table.at(2), table.at(-1), table.size]).toEqual([
			"a",
			"b",
			undefined,
			undefined,
			2,
		]);
	});
});

describe("WordCodes", () => {
	it("codes 254 words in a byte and says of the further ones that it has them not", () => {
		const codes = new WordCodes();
		for (let index = 0; index < 254; index++) expect(codes.code(`w${index}`)).toBe(index + 1);
		expect([codes.code("one more"), codes.code("w0"), codes.at(254), codes.at(255), codes.at(0)]).toEqual([
			255,
			1,
			"w253",
			undefined,
			undefined,
		]);
	});
});
