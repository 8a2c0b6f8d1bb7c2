import { fill } from "../shared/words.ts";
import { ROW_PX } from "./draw.ts";
import { nameTree, RowPool, type RowsView } from "./rowPool.ts";
import { words } from "./words.ts";

/** The tree column in the page: its rows, where they stand, and what assistive technology is told of the whole. */
export class TreePane {
	readonly #tree: HTMLElement;
	readonly #rows: HTMLElement;
	readonly #pool: RowPool;

	/** `rows` is the part of `tree` that the rows are put into. */
	constructor(tree: HTMLElement, rows: HTMLElement) {
		this.#tree = tree;
		this.#rows = rows;
		this.#pool = new RowPool(rows);
	}

	/** Draws the rows of a view; `top` is the offset into all rows, `selectedIndex` -1 for none. */
	draw(view: RowsView, top: number, selectedIndex: number): void {
		this.#pool.render(view);
		this.#rows.style.setProperty("transform", `translateY(${view.first * ROW_PX - top}px)`);
		const isInView = selectedIndex >= view.first && selectedIndex < view.end;
		const active = isInView ? this.#pool.idAt(selectedIndex) : undefined;
		nameTree(this.#tree, fill(words.tree, view.model.header.name), active);
	}

	clear(): void {
		this.#pool.clear();
	}
}
