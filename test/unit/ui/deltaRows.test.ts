import { describe, expect, it } from "vitest";
import { DELTA_ROWS, deltaRows } from "../../../src/ui/panels/deltaRows.ts";

const rows = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);
/** Rows in order of arrival, which has nothing to do with their numbers. */
const ordinalOf = (row: number) => 100_000 - row;

describe("the rows of a message", () => {
	it("come in order of arrival, so many at a time", () => {
		const places = { ordinalOf, parentOf: () => -1, known: 0 };
		const { part, rest } = deltaRows(rows(DELTA_ROWS + 10), places);
		expect([part.length, rest.length]).toEqual([DELTA_ROWS, 10]);
		expect(part.map(ordinalOf)).toEqual([...part.map(ordinalOf)].sort((a, b) => a - b));
		expect(Math.max(...part.map(ordinalOf))).toBeLessThan(Math.min(...rest.map(ordinalOf)));
	});

	it("have a late parent with all of its children, however many", () => {
		const parent = 5;
		const children = rows(3 * DELTA_ROWS, 10);
		const places = { ordinalOf, parentOf: (row: number) => (row === parent ? -1 : parent), known: ordinalOf(parent) };
		expect(deltaRows([parent, ...children], places)).toEqual({ part: [...children.reverse(), parent], rest: [] });
	});

	it("may part new children from a parent that the page has", () => {
		const places = { ordinalOf, parentOf: () => 90_000, known: ordinalOf(80_000) };
		expect(deltaRows(rows(DELTA_ROWS + 1), places).rest).toHaveLength(1);
	});
});
