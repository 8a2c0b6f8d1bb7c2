import { SpanStateCode } from "../../src/model/span.ts";
import { grown } from "../../src/model/spanColumns.ts";
import type { TraceLayout } from "./layout.ts";

/** Fewer like siblings than this stay rows of their own. */
export const MIN_GROUP = 5;
/** Bits of a span's mark. */
const OPEN = 1;
const HELD = 2;

/** What grouping reads of a table, by ordinal. */
export interface GroupSource {
	/** Codes of `SpanStateCode`. */
	readonly state: Uint8Array;
	/** Indexes of interned strings. */
	readonly name: Int32Array;
	readonly kind: Int32Array;
}

/**
 * Which rows of a layout are runs of like siblings: leaves that stand beside each other, of one name and kind, all of them
 * completed. What failed or runs is in no run, so that no group can hide it; nor is what is held. Runs are found where they
 * are asked for, not kept. Whether a group is open is known by its members: it stays so when it grows at either end, is
 * parted by a failure or joined with another.
 */
export class SiblingGroups {
	/** Nothing is grouped while this is false; what is open is remembered. */
	isOn = true;
	readonly #layout: TraceLayout;
	readonly #source: GroupSource;
	/** By ordinal, as far as any was marked. */
	#marks = new Uint8Array(0);
	#held: readonly number[] = [];

	constructor(layout: TraceLayout, source: GroupSource) {
		this.#layout = layout;
		this.#source = source;
	}

	/**
	 * Row behind the group that begins at a row, which is not to be inside of a run; the row itself when none begins there.
	 * Called for each leaf of a trace: where no group begins, one look ahead mostly tells.
	 */
	endOfGroup(row: number): number {
		const { node, size, depth, rowCount } = this.#layout;
		const { state, name, kind } = this.#source;
		const level = depth[row];
		const firstName = name[node[row]];
		const ahead = row + MIN_GROUP - 1;
		if (ahead >= rowCount || depth[ahead] !== level || name[node[ahead]] !== firstName) return row;
		if (!this.#isPlain(row)) return row;
		const firstKind = kind[node[row]];
		const marks = this.#marks;
		let end = row + 1;
		// Rows of leaves that stand beside each other on one level have one parent.
		while (end < rowCount && size[end] === 1 && depth[end] === level) {
			const span = node[end];
			if (name[span] !== firstName || kind[span] !== firstKind || state[span] !== SpanStateCode.completed) break;
			if ((marks[span] & HELD) !== 0 || (level === 0 && this.#layout.isStranded(span))) break;
			end++;
		}
		return end - row < MIN_GROUP ? row : end;
	}

	/** First row of the run that a row is in. */
	startOfRun(row: number): number {
		if (!this.#isPlain(row)) return row;
		let start = row;
		while (this.#isJoined(start)) start--;
		return start;
	}

	/** Whether the members of a group are on show: any of them is marked. */
	isOpen(first: number, end: number): boolean {
		const { node } = this.#layout;
		for (let row = first; row < end; row++) if ((this.#marks[node[row]] & OPEN) !== 0) return true;
		return false;
	}

	/** Shows or hides the members of a group, rows first … end - 1. */
	setOpen(first: number, end: number, isOpen: boolean): void {
		for (let row = first; row < end; row++) this.#mark(this.#layout.node[row], OPEN, isOpen);
	}

	/** Opens the groups that these spans are members of, now or later. */
	open(ordinals: readonly number[]): void {
		for (const ordinal of ordinals) this.#mark(ordinal, OPEN, true);
	}

	/** Those that are groups, and those that become one later. */
	openAll(): void {
		const { node, size, rowCount } = this.#layout;
		for (let row = 0; row < rowCount; row++) if (size[row] === 1) this.#mark(node[row], OPEN, true);
	}

	closeAll(): void {
		for (let ordinal = 0; ordinal < this.#marks.length; ordinal++) this.#marks[ordinal] &= ~OPEN;
	}

	/** A member of each open group, at most `limit` of them. */
	openGroups(limit: number): number[] {
		const found: number[] = [];
		for (let ordinal = 0; ordinal < this.#marks.length && found.length < limit; ordinal++) {
			if ((this.#marks[ordinal] & OPEN) === 0) continue;
			const row = this.#layout.rowOf(ordinal);
			if (row < 0 || !this.#isPlain(row)) continue;
			// Mostly all of them are marked: the first one that is speaks for those behind it.
			if (this.#isJoined(row) && (this.#marks[this.#layout.node[row - 1]] & OPEN) !== 0) continue;
			const start = this.startOfRun(row);
			if (this.endOfGroup(start) !== start) found.push(ordinal);
		}
		return found;
	}

	/** These spans, and only these, are in no run until this is called again. Returns those for which this is a change. */
	hold(ordinals: readonly number[]): number[] {
		const before = new Set(this.#held);
		const changed = ordinals.filter((ordinal) => !before.delete(ordinal));
		for (const ordinal of before) this.#mark(ordinal, HELD, false);
		for (const ordinal of ordinals) this.#mark(ordinal, HELD, true);
		this.#held = ordinals;
		return [...before, ...changed];
	}

	/** Whether a leaf that may be in a run is in one with the row before it. */
	#isJoined(row: number): boolean {
		const { node, depth } = this.#layout;
		const { name, kind } = this.#source;
		if (row === 0 || depth[row - 1] !== depth[row] || !this.#isPlain(row - 1)) return false;
		return name[node[row - 1]] === name[node[row]] && kind[node[row - 1]] === kind[node[row]];
	}

	/** A leaf that may be in a run. */
	#isPlain(row: number): boolean {
		const { node, size, depth } = this.#layout;
		const span = node[row];
		if (size[row] !== 1 || span < 0 || this.#source.state[span] !== SpanStateCode.completed) return false;
		return (this.#marks[span] & HELD) === 0 && !(depth[row] === 0 && this.#layout.isStranded(span));
	}

	#mark(ordinal: number, bit: number, isSet: boolean): void {
		if (ordinal >= this.#marks.length) {
			if (!isSet) return;
			this.#marks = grown(Uint8Array, this.#marks, Math.max(256, Math.ceil((ordinal + 1) * 1.5)));
		}
		if (isSet) this.#marks[ordinal] |= bit;
		else this.#marks[ordinal] &= ~bit;
	}
}
