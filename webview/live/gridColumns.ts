import { html, nothing, type TemplateResult } from "lit";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { columnMenu, type MenuItem } from "./columnMenu.ts";
import {
	COLUMN_IDS,
	COLUMNS,
	type ColumnId,
	type FittedColumn,
	fitColumns,
	type Sorting,
	STATUS_WORD_PX,
} from "./columns.ts";
import { words } from "./words.ts";

/** Width of the column with the buttons at its end. */
const ACTIONS_PX = 26;

/** What the user arranged in the table. */
export interface GridArrangement {
	hidden: Set<ColumnId>;
	widths: Partial<Record<ColumnId, number>>;
}

/** The columns of the table: which have room, their heads, and the menu that shows and hides them. */
export class GridColumns {
	readonly arrangement: GridArrangement = { hidden: new Set(), widths: {} };
	readonly #onArranged: () => void;
	readonly #redraw: () => void;
	#fitted: readonly FittedColumn[] = [];
	#isMenuOpen = false;
	/** Where the pointer opened the menu; undefined for the button at the end. */
	#menuPx: number | undefined;
	#root: ParentNode | undefined;

	/** `onArranged` is called when the user arranged something, `redraw` when the heads or the menu are to be drawn anew. */
	constructor(onArranged: () => void, redraw: () => void) {
		this.#onArranged = onArranged;
		this.#redraw = redraw;
	}

	/** A new array each time that a width or the choice of columns changes. */
	get fitted(): readonly FittedColumn[] {
		return this.#fitted;
	}

	widthOf(id: ColumnId): number {
		return this.#fitted.find((column) => column.id === id)?.widthPx ?? 0;
	}

	has(id: ColumnId): boolean {
		return this.#fitted.some((column) => column.id === id);
	}

	/** Fits the columns into a table and tells it their widths. */
	layout(grid: HTMLElement): void {
		const { hidden, widths } = this.arrangement;
		this.#fitted = fitColumns(Math.max(0, grid.clientWidth - ACTIONS_PX), hidden, widths);
		const template = [...this.#fitted.map(({ widthPx }) => `${widthPx}px`), `${ACTIONS_PX}px`].join(" ");
		grid.style.setProperty("--columns", template);
		grid.classList.toggle("icons-only", this.widthOf("status") < STATUS_WORD_PX);
		this.#redraw();
	}

	/** A width that the user set; undefined gives the column its own back. */
	resize(id: ColumnId, widthPx: number | undefined): void {
		const { widths } = this.arrangement;
		if (widthPx === undefined) delete widths[id];
		else widths[id] = widthPx;
		this.#onArranged();
	}

	heads(sorting: Sorting | undefined): TemplateResult {
		return html`
			${this.#fitted.map(({ id }, index) => head(id, index, sorting))}
			<div class="cell actions" role="columnheader" aria-colindex=${this.#fitted.length + 1}>
				<button
					type="button"
					title=${words.columnsHint}
					aria-label=${words.columns}
					aria-haspopup="menu"
					aria-expanded=${this.#isMenuOpen}
					@mousedown=${keepFocus}
					@click=${() => (this.#isMenuOpen ? this.#closeMenu(true) : this.openMenu(undefined))}
				>
					${icon("gear")}
				</button>
			</div>
		`;
	}

	menu(): TemplateResult | typeof nothing {
		return this.#isMenuOpen ? columnMenu(this.#menuItems(), (isByKey) => this.#closeMenu(isByKey)) : nothing;
	}

	/** `xPx` is a place in the table, where the pointer is. */
	openMenu(xPx: number | undefined): void {
		this.#isMenuOpen = true;
		this.#menuPx = xPx;
		this.#redraw();
	}

	/** The menu was drawn: it takes its place and the focus. */
	settleMenu(root: ParentNode, widthPx: number): void {
		this.#root = root;
		const menu = root.querySelector<HTMLElement>(".menu");
		if (menu === null || menu.matches(":focus-within")) return;
		if (this.#menuPx !== undefined) {
			menu.style.setProperty("left", `${Math.max(0, Math.min(this.#menuPx, widthPx - menu.offsetWidth))}px`);
			menu.style.setProperty("right", "auto");
		}
		menu.querySelector<HTMLElement>("[role^=menuitem]")?.focus();
	}

	#closeMenu(returnsFocus: boolean): void {
		this.#isMenuOpen = false;
		if (returnsFocus) this.#root?.querySelector<HTMLElement>(".heads .actions button")?.focus();
		this.#redraw();
	}

	#menuItems(): readonly MenuItem[] {
		const { hidden } = this.arrangement;
		const items = COLUMN_IDS.filter((id) => id !== "name").map((id): MenuItem => {
			const isOn = !hidden.has(id);
			return {
				label: isOn && !this.has(id) ? fill(words.columnNoRoom, words[id]) : words[id],
				isChecked: isOn,
				run: () => {
					if (isOn) hidden.add(id);
					else hidden.delete(id);
					this.#onArranged();
				},
			};
		});
		const reset = (): void => {
			hidden.clear();
			this.arrangement.widths = {};
			this.#onArranged();
		};
		return [...items, { label: words.resetColumns, isChecked: undefined, run: reset }];
	}
}

function head(id: ColumnId, index: number, sorting: Sorting | undefined): TemplateResult {
	const isSorted = sorting?.column === id;
	const { canSort, isNumber } = COLUMNS[id];
	const label = fill(words.headerHint, id === "steps" ? `${words.steps}: ${words.stepsHint}` : words[id]);
	return html`<div
		class="cell head-cell ${id} ${isNumber ? "number" : ""}"
		role="columnheader"
		aria-colindex=${index + 1}
		aria-sort=${isSorted ? (sorting.isDescending ? "descending" : "ascending") : nothing}
		data-column=${id}
	>
		<button type="button" class="sort" title=${label} aria-disabled=${canSort ? nothing : "true"}>
			<span class="title">${words[id]}</span>
			${isSorted ? icon(sorting.isDescending ? "chevron-down" : "chevron-up") : nothing}
		</button>
		<span class="handle"></span>
	</div>`;
}

/** A click on the button closes the menu, which the loss of the focus would have done before. */
function keepFocus(event: MouseEvent): void {
	event.preventDefault();
}
