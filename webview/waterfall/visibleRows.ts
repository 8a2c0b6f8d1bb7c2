import { grown } from "../../src/model/spanColumns.ts";
import type { TraceLayout } from "./layout.ts";
import { MIN_GROUP, type SiblingGroups } from "./siblingGroups.ts";
import { groupCode, isGroupCode, missingIndexOf, ordinalOfGroup } from "./spanTable.ts";

/** Bits of an entry of the list; the others are the layout row. */
const GROUP = 0x8000_0000;
const MEMBER = 0x4000_0000;
const ROW = 0x3fff_ffff;

/** Layout rows `first` … `end` - 1. */
export interface RowRange {
	readonly first: number;
	readonly end: number;
}

/**
 * Which rows of a layout are on show when some of them are folded, and what is folded. Folds belong to nodes, not to rows:
 * they stay when rows move. Like siblings are folded into one row, the *head* of their group, whose node is the code of its
 * first member; an open group shows its members below its head. A change rebuilds the list, one step a row, about a
 * millisecond at 100,000; with nothing folded or grouped there is no list at all.
 */
export class VisibleRows {
	readonly #layout: TraceLayout;
	/** Undefined where nothing is ever grouped. */
	readonly groups: SiblingGroups | undefined;
	/** 1 for a folded node: by ordinal, and by index of the missing parent. */
	#foldedSpans = new Uint8Array(0);
	#foldedMissing = new Uint8Array(0);
	#foldedCount = 0;
	/** [count or more] Layout row and bits; undefined while it would say nothing. */
	#rows: Uint32Array<ArrayBuffer> | undefined;
	/** Where `#rows` are or were: a list that comes and goes takes no new memory each time. */
	#buffer: Uint32Array<ArrayBuffer> = new Uint32Array(0);
	#count = 0;
	/** The list has to be made anew from this layout row on, whatever else has changed. */
	#staleFrom = 0;
	/** [groupCount or more] Places of the heads in the list, ascending, and the layout rows behind their members. */
	#heads = new Uint32Array(0);
	#ends = new Uint32Array(0);
	/** By ordinal; undefined while every row is wanted. */
	#wanted: Uint8Array | undefined;
	/** [rowCount or more] 1 for a layout row that is wanted, or stands above one that is. */
	#kept = new Uint8Array(0);
	#groupCount = 0;

	constructor(layout: TraceLayout, groups?: SiblingGroups) {
		this.#layout = layout;
		this.groups = groups;
	}

	get count(): number {
		return this.#count;
	}

	/** Ordinals of folded spans, at most `limit` of them; some may have no children any more. */
	foldedSpans(limit: number): number[] {
		const found: number[] = [];
		if (this.#foldedCount === 0) return found;
		for (let ordinal = 0; ordinal < this.#foldedSpans.length && found.length < limit; ordinal++) {
			if (this.#foldedSpans[ordinal] === 1) found.push(ordinal);
		}
		return found;
	}

	/** Indexes of missing parents whose placeholders are folded. */
	foldedMissing(): number[] {
		const found: number[] = [];
		for (let index = 0; index < this.#foldedMissing.length; index++) {
			if (this.#foldedMissing[index] === 1) found.push(index);
		}
		return found;
	}

	/** Layout row at a place of the list; for the head of a group that of its first member. */
	rowAt(index: number): number {
		return this.#rows === undefined ? index : this.#rows[index] & ROW;
	}

	/** Ordinal, code of a missing parent, or code of a group. */
	nodeAt(index: number): number {
		const node = this.#layout.node[this.rowAt(index)];
		return this.isHead(index) ? groupCode(node) : node;
	}

	/** Whether the row at a place stands for a group. */
	isHead(index: number): boolean {
		return this.#rows !== undefined && (this.#rows[index] & GROUP) !== 0;
	}

	/** Whether the row at a place stands below the head of its group. */
	isMember(index: number): boolean {
		return this.#rows !== undefined && (this.#rows[index] & MEMBER) !== 0;
	}

	/** Place of the head whose group a place belongs to: to be asked only of heads and members. O(log n). */
	headOf(index: number): number {
		return this.#heads[this.#groupOf(index)];
	}

	/** Members of the group that a place belongs to: to be asked only of heads and members. */
	membersOf(index: number): RowRange {
		const group = this.#groupOf(index);
		return { first: this.rowAt(this.#heads[group]), end: this.#ends[group] };
	}

	/** Layout rows that the row at a place hides: those below a folded one, the members of a folded group; mostly none. */
	hiddenBy(index: number): RowRange {
		const row = this.rowAt(index);
		if (this.isHead(index)) return this.#isOpenHead(index) ? { first: row, end: row } : this.membersOf(index);
		return { first: row + 1, end: this.isFolded(this.#layout.node[row]) ? row + this.#layout.size[row] : row + 1 };
	}

	/**
	 * Place of a layout row, or of the folded row or group that hides it. O(log n). What is not wanted has the place of the
	 * nearest row above it that is on show, -1 when there is none.
	 */
	indexOfRow(row: number): number {
		if (this.#wanted === undefined) return this.#lastUpTo(row);
		// Shown rows before it that do not hold it are no place for it.
		for (let above = row; above >= 0; above = this.#layout.parentRow(above)) {
			const index = this.#lastUpTo(above);
			if (index < 0) return -1;
			const shown = this.rowAt(index);
			if (row < shown + this.#layout.size[shown]) return index;
		}
		return -1;
	}

	/** The last place whose row is a layout row or one before it; -1 for none. */
	#lastUpTo(row: number, rows = this.#rows, count = this.#count): number {
		if (rows === undefined) return row;
		if (count === 0 || (rows[0] & ROW) > row) return -1;
		let low = 0;
		let high = count - 1;
		// The head of an open group has the row of its first member, which comes after it: the last of them is wanted.
		while (low < high) {
			const middle = (low + high + 1) >>> 1;
			if ((rows[middle] & ROW) <= row) low = middle;
			else high = middle - 1;
		}
		return low;
	}

	/** Place of a node, or of the folded node or group that hides it; -1 when it has no row. A group that is none any more: its first span. */
	indexOfNode(node: number): number {
		const row = this.#layout.rowOf(isGroupCode(node) ? ordinalOfGroup(node) : node);
		if (row < 0) return -1;
		const index = this.indexOfRow(row);
		return isGroupCode(node) && this.isMember(index) ? this.headOf(index) : index;
	}

	/** Whether the row at a place is folded, or the head of a folded group. */
	isFoldedAt(index: number): boolean {
		return this.isHead(index) ? !this.#isOpenHead(index) : this.isFolded(this.#layout.node[this.rowAt(index)]);
	}

	isFolded(node: number): boolean {
		if (isGroupCode(node)) {
			const members = this.membersOfNode(node);
			return members !== undefined && this.groups?.isOpen(members.first, members.end) === false;
		}
		return (node >= 0 ? this.#foldedSpans[node] : this.#foldedMissing[missingIndexOf(node)]) === 1;
	}

	/** Call `update` afterwards; so with the next five. */
	setFolded(node: number, isFolded: boolean): void {
		this.#staleFrom = 0;
		if (isGroupCode(node)) {
			const members = this.membersOfNode(node);
			if (members !== undefined) this.groups?.setOpen(members.first, members.end, !isFolded);
			return;
		}
		if (this.isFolded(node) === isFolded) return;
		this.#foldedCount += isFolded ? 1 : -1;
		if (node >= 0) {
			if (node >= this.#foldedSpans.length) {
				this.#foldedSpans = grown(Uint8Array, this.#foldedSpans, Math.max(256, Math.ceil((node + 1) * 1.5)));
			}
			this.#foldedSpans[node] = Number(isFolded);
		} else {
			const index = missingIndexOf(node);
			if (index >= this.#foldedMissing.length) {
				this.#foldedMissing = grown(Uint8Array, this.#foldedMissing, Math.max(16, (index + 1) * 2));
			}
			this.#foldedMissing[index] = Number(isFolded);
		}
	}

	foldAll(): void {
		this.#staleFrom = 0;
		const { node, childCount, rowCount } = this.#layout;
		for (let row = 0; row < rowCount; row++) if (childCount[row] > 0) this.setFolded(node[row], true);
		this.groups?.closeAll();
	}

	unfoldAll(): void {
		this.#foldedSpans.fill(0);
		this.#foldedMissing.fill(0);
		this.#foldedCount = 0;
		this.#staleFrom = 0;
		this.groups?.openAll();
	}

	/** Unfolds whatever hides a node. Returns whether something was. */
	reveal(node: number): boolean {
		let hasChanged = false;
		const row = this.#layout.rowOf(isGroupCode(node) ? ordinalOfGroup(node) : node);
		for (let above = row < 0 ? -1 : this.#layout.parentRow(row); above >= 0; above = this.#layout.parentRow(above)) {
			if (!this.isFolded(this.#layout.node[above])) continue;
			this.setFolded(this.#layout.node[above], false);
			hasChanged = true;
		}
		if (node < 0 || row < 0) return hasChanged;
		const group = groupCode(node);
		if (!this.isFolded(group)) return hasChanged;
		this.setFolded(group, false);
		return true;
	}

	/**
	 * What stands at the places `first` … `end` - 1 as a row of its own is not taken into a group before this is called again;
	 * nor is `selected`.
	 */
	hold(first: number, end: number, selected: number | undefined): void {
		const { groups } = this;
		if (groups === undefined) return;
		const held: number[] = [];
		const add = (index: number): void => {
			const node = this.nodeAt(index);
			if (node >= 0 && !this.isMember(index)) held.push(node);
		};
		for (let index = first; index < end; index++) add(index);
		const index = selected === undefined ? -1 : this.indexOfNode(selected);
		if (index >= 0 && this.nodeAt(index) === selected) add(index);
		for (const ordinal of groups.hold(held)) this.#staleFrom = Math.min(this.#staleFrom, this.#layout.rowOf(ordinal));
	}

	/** Spans whose rows are on show, by ordinal (1), with the rows above them; undefined for all. Nothing is grouped meanwhile. */
	setWanted(wanted: Uint8Array | undefined): void {
		if (wanted !== this.#wanted) this.#staleFrom = 0;
		this.#wanted = wanted;
	}

	/**
	 * After a change of layout, spans, folds, groups, or of what is wanted. Layout rows before `from` are what they were at the
	 * last update, and so are their spans: live spans come at the end, and what stands before them is not listed anew.
	 */
	update(from = 0): void {
		const { node, size, rowCount } = this.#layout;
		const groups = this.groups?.isOn === true ? this.groups : undefined;
		if (this.#wanted !== undefined || (this.#foldedCount === 0 && groups === undefined)) {
			this.#groupCount = 0;
			this.#staleFrom = 0;
			if (this.#wanted !== undefined) this.#updateWanted(this.#wanted);
			else {
				this.#rows = undefined;
				this.#count = rowCount;
			}
			return;
		}
		const start = this.#restart(Math.min(from, this.#staleFrom), groups);
		this.#staleFrom = Number.POSITIVE_INFINITY;
		// An open group has one row more than it has members.
		const needed = rowCount + Math.ceil(rowCount / MIN_GROUP);
		if (this.#buffer.length < needed) this.#buffer = grown(Uint32Array, this.#buffer, Math.ceil(needed * 1.25));
		const rows = this.#buffer;
		let count = start.index;
		while (this.#groupCount > 0 && this.#heads[this.#groupCount - 1] >= count) this.#groupCount--;
		for (let row = start.row; row < rowCount; ) {
			if (groups === undefined || size[row] > 1) {
				rows[count++] = row;
				row += this.#foldedCount > 0 && this.isFolded(node[row]) ? size[row] : 1;
				continue;
			}
			const end = groups.endOfGroup(row);
			if (end === row) {
				rows[count++] = row++;
				continue;
			}
			this.#addGroup(count, end);
			rows[count++] = row | GROUP;
			if (groups.isOpen(row, end)) for (; row < end; row++) rows[count++] = row | MEMBER;
			row = end;
		}
		this.#rows = this.#groupCount === 0 && count === rowCount ? undefined : rows;
		this.#count = count;
	}

	/**
	 * The last place of the list, with its row, from which on it has to be made anew when layout rows from `from` on have
	 * changed: not inside of a group that was, nor of a run that is.
	 */
	#restart(from: number, groups: SiblingGroups | undefined): { readonly index: number; readonly row: number } {
		// What is listed before it is still right, and no more: the row before it may hold it, or be in a run with it.
		let row = Math.min(from, this.#layout.rowCount) - 1;
		while (row > 0) {
			const first = groups === undefined ? row : groups.startOfRun(row);
			const index = this.#lastUpTo(first, this.#buffer, this.#count);
			if (index < 0) break;
			const head = (this.#buffer[index] & MEMBER) !== 0 ? this.headOf(index) : index;
			row = this.#buffer[head] & ROW;
			if (row === first || groups === undefined || groups.startOfRun(row) === row) return { index: head, row };
		}
		return { index: 0, row: 0 };
	}

	#updateWanted(wanted: Uint8Array): void {
		const { node, size, depth, rowCount } = this.#layout;
		if (this.#kept.length < rowCount) this.#kept = new Uint8Array(Math.ceil(rowCount * 1.25));
		if (this.#buffer.length < rowCount) this.#buffer = new Uint32Array(Math.ceil(rowCount * 1.25));
		const kept = this.#kept;
		const rows = this.#buffer;
		// From the end: the first row above the level of what was kept last is its parent, and so on upwards.
		let level = 0;
		for (let row = rowCount - 1; row >= 0; row--) {
			const isWanted = node[row] >= 0 && wanted[node[row]] === 1;
			kept[row] = Number(isWanted || depth[row] < level);
			if (kept[row] === 1) level = depth[row];
		}
		let count = 0;
		for (let row = 0; row < rowCount; ) {
			if (kept[row] === 1) rows[count++] = row;
			row += this.#foldedCount > 0 && this.isFolded(node[row]) ? size[row] : 1;
		}
		this.#rows = rows;
		this.#count = count;
	}

	#isOpenHead(index: number): boolean {
		return index + 1 < this.#count && this.isMember(index + 1);
	}

	#addGroup(head: number, end: number): void {
		if (this.#groupCount === this.#heads.length) {
			const capacity = Math.max(16, this.#groupCount * 2);
			this.#heads = grown(Uint32Array, this.#heads, capacity);
			this.#ends = grown(Uint32Array, this.#ends, capacity);
		}
		this.#heads[this.#groupCount] = head;
		this.#ends[this.#groupCount++] = end;
	}

	/** The last group whose head stands at a place or before it. */
	#groupOf(index: number): number {
		let low = 0;
		let high = this.#groupCount - 1;
		while (low < high) {
			const middle = (low + high + 1) >>> 1;
			if (this.#heads[middle] <= index) low = middle;
			else high = middle - 1;
		}
		return low;
	}

	/** Members of a group by its code, on show or not; undefined for what is no group now. */
	membersOfNode(group: number): RowRange | undefined {
		const row =
			isGroupCode(group) && this.groups?.isOn === true && this.#wanted === undefined
				? this.#layout.rowOf(ordinalOfGroup(group))
				: -1;
		if (row < 0 || this.groups === undefined) return undefined;
		const first = this.groups.startOfRun(row);
		const end = this.groups.endOfGroup(first);
		return end === first ? undefined : { first, end };
	}
}
