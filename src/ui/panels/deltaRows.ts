/** Rows of one message while spans come in: at most 256 kB, at about 100 bytes a span. */
export const DELTA_ROWS = 2_000;

export interface DeltaPlaces {
	/** Place of a row in order of arrival. */
	readonly ordinalOf: (row: number) => number;
	/** Row of the parent; below 0 where there is none. */
	readonly parentOf: (row: number) => number;
	/** Ordinals below this one the page has. */
	readonly known: number;
}

/**
 * Which of the changed rows go with the next message, in ascending order of their ordinals: a message never names a new span
 * before the ones in front of it. They are `DELTA_ROWS` at most, but for a late parent and its children: these change places
 * together, however many they are, or some would hang in the air until the next message.
 */
export function deltaRows(changed: Iterable<number>, places: DeltaPlaces): { part: number[]; rest: number[] } {
	const { ordinalOf, parentOf, known } = places;
	const rows = [...changed].sort((a, b) => ordinalOf(a) - ordinalOf(b));
	if (rows.length <= DELTA_ROWS) return { part: rows, rest: [] };
	const isAdoption = rows.some((row) => {
		const parent = parentOf(row);
		return parent >= 0 && ordinalOf(row) < known && ordinalOf(parent) >= known;
	});
	if (isAdoption) return { part: rows, rest: [] };
	return { part: rows.slice(0, DELTA_ROWS), rest: rows.slice(DELTA_ROWS) };
}
