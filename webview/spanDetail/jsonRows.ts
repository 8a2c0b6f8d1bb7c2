/** What stands in a row: a container or one of JSON's scalars. */
export const RowKind = { object: 0, array: 1, string: 2, number: 3, boolean: 4, null: 5 } as const;

/** Rows that a tree has at most: at 22 px each they are below the height that browsers lay out. */
export const MAX_ROWS = 1_000_000;

const ROOT = "$";

/**
 * A JSON value as flat rows in the order of the document, one a value: 169,000 rows of a 5 MB payload cost a few typed arrays and
 * no object each. Closing brackets have no row. Built once; only what is folded changes.
 */
export class JsonRows {
	/** Values by row; for a container the container itself. */
	readonly values: unknown[] = [];
	/** Name in the object around it, index in the array around it; undefined for the root. */
	readonly keys: (string | number | undefined)[] = [];
	/** Of `RowKind`. */
	kinds = new Uint8Array(1_024);
	depths = new Uint16Array(1_024);
	/** -1 for the root. */
	parents = new Int32Array(1_024);
	/** First row past the value and all below it. */
	ends = new Uint32Array(1_024);
	/** 1 for containers whose members are hidden. */
	#folded = new Uint8Array(0);
	/** Rows that are not below a folded one, in order; `visibleCount` of them. */
	visible = new Uint32Array(0);
	visibleCount = 0;
	count = 0;
	/** True when the value has more than `MAX_ROWS`; then there are no rows at all, for a tree with holes would mislead. */
	readonly isTooLong: boolean;

	/** `openDepth`: containers at this depth and deeper are folded at first. A value from `JSON.parse`: it holds no cycles. */
	constructor(root: unknown, openDepth: number) {
		this.isTooLong = !this.#build(root);
		if (this.isTooLong) this.count = 0;
		this.#folded = new Uint8Array(this.count);
		for (let row = 0; row < this.count; row++) {
			if (this.depths[row] >= openDepth && this.ends[row] > row + 1) this.#folded[row] = 1;
		}
		this.visible = new Uint32Array(this.count);
		this.#show();
	}

	/** Members of a container in this row; 0 for a scalar. */
	sizeOf(row: number): number {
		const value = this.values[row];
		if (Array.isArray(value)) return value.length;
		return this.kinds[row] === RowKind.object ? Object.keys(value as object).length : 0;
	}

	canFold(row: number): boolean {
		return this.ends[row] > row + 1;
	}

	isFolded(row: number): boolean {
		return this.#folded[row] === 1;
	}

	setFolded(row: number, isFolded: boolean): void {
		if (!this.canFold(row) || this.isFolded(row) === isFolded) return;
		this.#folded[row] = isFolded ? 1 : 0;
		this.#show();
	}

	/** Folds and unfolds many at once: what is visible is worked out once. Rows that cannot fold are left alone. */
	setFolds(folds: Iterable<readonly [row: number, isFolded: boolean]>): void {
		for (const [row, isFolded] of folds) if (this.canFold(row)) this.#folded[row] = isFolded ? 1 : 0;
		this.#show();
	}

	/** Folds or unfolds everything; the root stays open, for a tree of one row shows nothing. */
	setAllFolded(isFolded: boolean): void {
		for (let row = 1; row < this.count; row++) this.#folded[row] = isFolded && this.canFold(row) ? 1 : 0;
		if (this.count > 0) this.#folded[0] = 0;
		this.#show();
	}

	/** Opens all containers on the same level below the same one (the tree pattern's `*`). */
	openSiblings(row: number): void {
		for (const sibling of this.siblingsOf(row)) this.#folded[sibling] = 0;
		this.#show();
	}

	/** The rows of one level below the same container, the row itself among them. */
	*siblingsOf(row: number): Iterable<number> {
		const parent = this.parents[row];
		const end = parent === -1 ? this.count : this.ends[parent];
		for (let at = parent + 1; at < end; at = this.ends[at]) yield at;
	}

	/** Opens whatever hides a row. */
	reveal(row: number): void {
		let hasChanged = false;
		for (let at = this.parents[row]; at !== -1; at = this.parents[at]) {
			if (this.#folded[at] === 1) hasChanged = true;
			this.#folded[at] = 0;
		}
		if (hasChanged) this.#show();
	}

	/** Place of a row among the visible ones, -1 when it is hidden. */
	placeOf(row: number): number {
		let low = 0;
		let high = this.visibleCount - 1;
		while (low <= high) {
			const middle = (low + high) >> 1;
			if (this.visible[middle] === row) return middle;
			if (this.visible[middle] < row) low = middle + 1;
			else high = middle - 1;
		}
		return -1;
	}

	/** Rows whose name or scalar holds the text, whatever its case, in order; none for an empty text. */
	find(text: string): Uint32Array {
		const wanted = text.toLowerCase();
		if (wanted === "") return new Uint32Array(0);
		const found: number[] = [];
		const holds = (candidate: string): boolean => candidate.toLowerCase().includes(wanted);
		for (let row = 0; row < this.count; row++) {
			const key = this.keys[row];
			const kind = this.kinds[row];
			const isFound =
				(typeof key === "string" && holds(key)) || (kind > RowKind.array && holds(scalarText(this.values[row])));
			if (isFound) found.push(row);
		}
		return Uint32Array.from(found);
	}

	/** `$.messages[0].content`, with other names in brackets and quotes: JSONPath. */
	pathOf(row: number): string {
		const steps: string[] = [];
		for (let at = row; at > 0; at = this.parents[at]) {
			const key = this.keys[at];
			if (typeof key === "number") steps.push(`[${key}]`);
			else steps.push(/^[A-Za-z_]\w*$/.test(key ?? "") ? `.${key}` : `[${JSON.stringify(key)}]`);
		}
		return ROOT + steps.reverse().join("");
	}

	/** Names and indices from the root to a row. */
	keysTo(row: number): (string | number)[] {
		const keys: (string | number)[] = [];
		for (let at = row; at > 0; at = this.parents[at]) keys.push(this.keys[at] ?? 0);
		return keys.reverse();
	}

	/** The row that these lead to; -1 when there is none. Steps over the siblings before it, not over what is below them. */
	rowAt(keys: readonly unknown[]): number {
		let row = this.count === 0 ? -1 : 0;
		for (const key of keys) {
			const end = this.ends[row];
			let child = row + 1;
			while (child < end && this.keys[child] !== key) child = this.ends[child];
			if (child >= end) return -1;
			row = child;
		}
		return row;
	}

	#show(): void {
		let count = 0;
		for (let row = 0; row < this.count; row = this.#folded[row] === 1 ? this.ends[row] : row + 1) {
			this.visible[count++] = row;
		}
		this.visibleCount = count;
	}

	/** Iterative: a value as deep as a parser allows does not end the stack. False when there are too many rows. */
	#build(root: unknown): boolean {
		interface Frame {
			readonly row: number;
			readonly array: readonly unknown[] | undefined;
			readonly object: Readonly<Record<string, unknown>>;
			readonly keys: readonly string[];
			at: number;
		}
		const stack: Frame[] = [];
		const add = (key: string | number | undefined, value: unknown): boolean => {
			if (this.count === MAX_ROWS) return false;
			const row = this.count++;
			if (row === this.kinds.length) this.#grow();
			this.values.push(value);
			this.keys.push(key);
			this.parents[row] = stack.length === 0 ? -1 : stack[stack.length - 1].row;
			this.depths[row] = Math.min(stack.length, 0xffff);
			this.ends[row] = row + 1;
			this.kinds[row] = kindOf(value);
			if (Array.isArray(value)) stack.push({ row, array: value, object: {}, keys: [], at: 0 });
			else if (typeof value === "object" && value !== null) {
				const object = value as Record<string, unknown>;
				stack.push({ row, array: undefined, object, keys: Object.keys(object), at: 0 });
			}
			return true;
		};
		if (!add(undefined, root)) return false;
		while (stack.length > 0) {
			const frame = stack[stack.length - 1];
			const { array, keys } = frame;
			if (frame.at === (array ?? keys).length) {
				this.ends[frame.row] = this.count;
				stack.pop();
				continue;
			}
			const at = frame.at++;
			const isAdded = array === undefined ? add(keys[at], frame.object[keys[at]]) : add(at, array[at]);
			if (!isAdded) return false;
		}
		return true;
	}

	#grow(): void {
		const capacity = this.kinds.length * 2;
		const grown = <T extends Uint8Array | Uint16Array | Int32Array | Uint32Array>(to: T, from: T): T => {
			to.set(from);
			return to;
		};
		this.kinds = grown(new Uint8Array(capacity), this.kinds);
		this.depths = grown(new Uint16Array(capacity), this.depths);
		this.parents = grown(new Int32Array(capacity), this.parents);
		this.ends = grown(new Uint32Array(capacity), this.ends);
	}
}

function kindOf(value: unknown): number {
	if (typeof value === "string") return RowKind.string;
	if (typeof value === "number") return RowKind.number;
	if (typeof value === "boolean") return RowKind.boolean;
	if (value === null) return RowKind.null;
	return Array.isArray(value) ? RowKind.array : RowKind.object;
}

/** A scalar as it reads: a string without quotes, anything else as JSON writes it. */
export function scalarText(value: unknown): string {
	return typeof value === "string" ? value : String(value);
}
