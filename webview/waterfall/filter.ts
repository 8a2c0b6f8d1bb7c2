import type { FilterState } from "../../src/protocol/messages.ts";
import { Category } from "../shared/kinds.ts";
import type { TraceModel } from "./model.ts";

export const NO_FILTER: FilterState = { kinds: [], states: [], minDurationNs: 0 };

const UNIT_NS: Readonly<Record<string, number>> = {
	ns: 1,
	us: 1e3,
	µs: 1e3,
	μs: 1e3,
	ms: 1e6,
	s: 1e9,
	m: 60e9,
	min: 60e9,
	h: 3600e9,
};

/** Nanoseconds of "250 ms", "1.5s", "2 min"; of a bare number milliseconds, 0 of nothing; undefined of anything else. */
export function parseDuration(text: string): number | undefined {
	if (text.trim() === "") return 0;
	const [, number, unit] = /^\s*(\d{1,12}(?:[.,]\d{1,9})?)\s*(\p{L}{0,3})\s*$/u.exec(text) ?? [];
	if (number === undefined) return undefined;
	const unitNs = UNIT_NS[unit === "" ? "ms" : unit.toLowerCase()];
	return unitNs === undefined ? undefined : Number(number.replace(",", ".")) * unitNs;
}

/** A value with a word more, or without it where it has it. */
export function toggled<T>(values: readonly T[], value: T): readonly T[] {
	return values.includes(value) ? values.filter((other) => other !== value) : [...values, value];
}

/** Spans of each category and of each state, by their codes. One pass over the table. */
export function countKinds(model: TraceModel): {
	readonly kinds: readonly number[];
	readonly states: readonly number[];
} {
	const kinds = new Array<number>(Object.keys(Category).length).fill(0);
	const states = [0, 0, 0];
	const { count, state } = model.table;
	for (let ordinal = 0; ordinal < count; ordinal++) {
		kinds[model.category(ordinal)]++;
		states[state[ordinal]]++;
	}
	return { kinds, states };
}
