import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { DisposableStore } from "../../src/base/disposable.ts";
import { FrameScheduler } from "../shared/frame.ts";
import { icon, iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { fill } from "../shared/words.ts";
import { ColumnHeads } from "./columnHeads.ts";
import { columnMenu, type MenuItem } from "./columnMenu.ts";
import { COLUMNS, type ColumnId, type FittedColumn, fitColumns, isNatural, type Sorting, STATUS_WORD_PX } from "./columns.ts";
import { gridStyles } from "./gridStyles.ts";
import { ROW_PX, RowPool } from "./rowPool.ts";
import type { Entry, LiveTable } from "./table.ts";
import { words } from "./words.ts";

/** Rows kept ready above and below the view, so that a fast wheel shows no gap. */
const MARGIN_ROWS = 6;
/** Width of the column with the buttons at its end. */
export const ACTIONS_PX = 26;
/** Rows in view are asked for their prompts this often. */
const PROMPTS_MS = 300;

export interface TraceDetail {
	readonly traceId: string;
}
export interface PromptsDetail {
	readonly traceIds: readonly string[];
}

/** What the user arranged in the table. */
export interface GridArrangement {
	hidden: Set<ColumnId>;
	widths: Partial<Record<ColumnId, number>>;
}

/**
 * The table of traces: a grid of which only the rows in view are in the DOM. Knows nothing of the host: it tells by events
 * what the user wants (`trace-select`, `trace-open`, `trace-copy`, `trace-delete`, `trace-context`, `prompts-wanted`,
 * `arrangement-change`, `sort-change`).
 */
export class TraceGrid extends LitElement {
	static override styles = [baseStyles, iconStyles, gridStyles];

	#owned = new DisposableStore();
	#frame: FrameScheduler | undefined;
	#pool: RowPool | undefined;
	#heads: ColumnHeads | undefined;
	#table: LiveTable | undefined;
	#columns: readonly FittedColumn[] = [];
	#selected: Entry | undefined;
	#menu: { readonly xPx: number | undefined } | undefined;
	#promptTimer: ReturnType<typeof setTimeout> | undefined;
	#heightPx = 0;
	#widthPx = 0;
	readonly arrangement: GridArrangement = { hidden: new Set(), widths: {} };
	/** The server's clock. */
	nowMs: () => number = () => Date.now();
	canMove = true;

	override connectedCallback(): void {
		super.connectedCallback();
		this.#owned = new DisposableStore();
		this.#frame = this.#owned.add(new FrameScheduler(() => this.#draw()));
		const observer = new ResizeObserver(() => this.#measure());
		this.#owned.add({ dispose: () => observer.disconnect() });
		void this.updateComplete.then(() => observer.observe(this.#grid));
	}

	override disconnectedCallback(): void {
		super.disconnectedCallback();
		clearTimeout(this.#promptTimer);
		this.#owned.dispose();
	}

	setTable(table: LiveTable): void {
		this.#table = table;
		this.redraw();
	}

	/** The table, the selection or the clock changed. */
	redraw(): void {
		this.#frame?.request();
	}

	get selectedTraceId(): string | undefined {
		return this.#selected?.row.traceId;
	}

	select(traceId: string | undefined): void {
		this.#selected = traceId === undefined ? undefined : this.#table?.entry(traceId);
		this.redraw();
	}

	get isAtTop(): boolean {
		return this.#grid.scrollTop < ROW_PX / 2;
	}

	scrollToTop(): void {
		this.#grid.scrollTop = 0;
		this.redraw();
	}

	/** Runs a change of the table so that the row at the top of the view stays there, unless the view is at the very top. */
	keepPlace(change: () => void): void {
		const table = this.#table;
		if (table === undefined || this.isAtTop) {
			change();
			this.#settleSelection();
			this.redraw();
			return;
		}
		const { scrollTop } = this.#grid;
		const first = Math.floor(scrollTop / ROW_PX);
		const before = table.order;
		change();
		if (table.order !== before) {
			// The row at the top may itself be gone: then the next one that is still there.
			for (let index = first; index < before.length; index++) {
				const now = table.indexOf(before[index].row.traceId);
				if (now < 0) continue;
				this.#size();
				this.#grid.scrollTop = scrollTop + (now - index) * ROW_PX;
				break;
			}
		}
		this.#settleSelection();
		this.redraw();
	}

	override focus(): void {
		this.#grid?.focus();
	}

	override render(): TemplateResult {
		const sorting = this.#table?.sorting;
		const label =
			sorting === undefined || isNatural(sorting) ? words.table : fill(words.tableSorted, words[sorting.column]);
		return html`
			<div
				class="grid"
				role="grid"
				tabindex="0"
				aria-label=${label}
				aria-colcount=${this.#columns.length + 1}
				@scroll=${this.#handleScroll}
				@keydown=${this.#handleKey}
				@click=${this.#handleClick}
				@dblclick=${this.#handleDoubleClick}
				@contextmenu=${this.#handleContextMenu}
			>
				<div class="head" role="rowgroup">
					<div role="row" aria-rowindex="1" class="heads">
						${this.#columns.map(({ id }, index) => this.#head(id, index, sorting))}
						<div class="cell actions" role="columnheader" aria-colindex=${this.#columns.length + 1}>
							<button
								type="button"
								class="codicon-button"
								title=${words.columnsHint}
								aria-label=${words.columns}
								aria-haspopup="menu"
								aria-expanded=${this.#menu !== undefined}
								@mousedown=${keepFocus}
								@click=${this.#toggleMenu}
							>
								${icon("gear")}
							</button>
						</div>
					</div>
				</div>
				<div class="body" role="rowgroup"><div class="rows" role="presentation"></div></div>
			</div>
			${this.#menu === undefined ? nothing : columnMenu(this.#menuItems(), () => this.#closeMenu())}
		`;
	}

	override firstUpdated(): void {
		this.#pool = new RowPool(this.renderRoot.querySelector<HTMLElement>(".rows") as HTMLElement);
		this.#heads = this.#owned.add(
			new ColumnHeads(this.renderRoot.querySelector<HTMLElement>(".heads") as HTMLElement, {
				widthOf: (id) => this.#columns.find((column) => column.id === id)?.widthPx ?? 0,
				onResize: (id, widthPx) => this.#resizeColumn(id, widthPx),
				onSort: (id) => this.#sortBy(id),
			}),
		);
		this.#measure();
	}

	override updated(_changed: PropertyValues): void {
		this.#heads?.update();
		const menu = this.renderRoot.querySelector<HTMLElement>(".menu");
		if (menu === null || menu.matches(":focus-within")) return;
		const { xPx } = this.#menu ?? {};
		if (xPx !== undefined) {
			const leftPx = Math.max(0, Math.min(xPx, this.clientWidth - menu.offsetWidth));
			menu.style.setProperty("left", `${leftPx}px`);
			menu.style.setProperty("right", "auto");
		}
		menu.querySelector<HTMLElement>("[role^=menuitem]")?.focus();
	}

	/** Columns were arranged from outside, or the order has another head. */
	layoutColumns(): void {
		this.#columns = fitColumns(
			Math.max(0, this.#grid.clientWidth - ACTIONS_PX),
			this.arrangement.hidden,
			this.arrangement.widths,
		);
		const template = [...this.#columns.map(({ widthPx }) => `${widthPx}px`), `${ACTIONS_PX}px`].join(" ");
		this.#grid.style.setProperty("--columns", template);
		const statusPx = this.#columns.find(({ id }) => id === "status")?.widthPx ?? 0;
		this.#grid.classList.toggle("icons-only", statusPx < STATUS_WORD_PX);
		this.requestUpdate();
		this.redraw();
	}

	// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#draw(): void {
		const table = this.#table;
		const pool = this.#pool;
		if (table === undefined || pool === undefined) return;
		this.#size();
		const { order } = table;
		const { scrollTop } = this.#grid;
		const inView = Math.ceil(this.#heightPx / ROW_PX) + 1;
		const top = Math.floor(scrollTop / ROW_PX);
		const first = Math.max(0, Math.min(top - MARGIN_ROWS, order.length - inView));
		const end = Math.min(order.length, top + inView + MARGIN_ROWS);
		this.#rows.style.setProperty("transform", `translateY(${first * ROW_PX}px)`);
		pool.render({
			order,
			first,
			end,
			columns: this.#columns,
			selected: this.#selected,
			nowMs: this.nowMs(),
			flashClockMs: this.canMove ? performance.now() : undefined,
		});
		const active = pool.elementOf(this.#selected)?.id ?? "";
		setAttribute(this.#grid, "aria-activedescendant", active);
		setAttribute(this.#grid, "aria-rowcount", String(order.length + 1));
		this.#promptTimer ??= setTimeout(() => this.#askPrompts(), PROMPTS_MS);
	}

	#sizedRows = -1;

	/** Gives the body the height of all rows. */
	#size(): void {
		const count = this.#table?.order.length ?? 0;
		if (count === this.#sizedRows) return;
		this.#sizedRows = count;
		this.#body.style.setProperty("height", `${count * ROW_PX}px`);
	}

	#measure(): void {
		const { clientHeight, clientWidth } = this.#grid;
		const bodyPx = clientHeight - ROW_PX;
		const hasWidthChanged = clientWidth !== this.#widthPx;
		this.#heightPx = Math.max(0, bodyPx);
		this.#widthPx = clientWidth;
		if (hasWidthChanged) this.layoutColumns();
		this.redraw();
	}

	#askPrompts(): void {
		this.#promptTimer = undefined;
		const table = this.#table;
		if (table === undefined || !this.#columns.some(({ id }) => id === "prompt")) return;
		const top = Math.floor(this.#grid.scrollTop / ROW_PX);
		const inView = table.order.slice(top, top + Math.ceil(this.#heightPx / ROW_PX));
		const traceIds = inView.filter(({ prompt }) => prompt === undefined).map(({ row }) => row.traceId);
		if (traceIds.length > 0) this.#tell<PromptsDetail>("prompts-wanted", { traceIds });
	}

	// ── Selection and keys ─────────────────────────────────────────────────────────────────────────────────────────────

	/** A row that was deleted hands its selection to the one that took its place. */
	#settleSelection(): void {
		const table = this.#table;
		const selected = this.#selected;
		if (table === undefined || selected === undefined || table.entry(selected.row.traceId) === selected) return;
		this.#selected = table.entry(selected.row.traceId) ?? table.order[this.#selectedIndex];
	}

	#selectedIndex = 0;

	#pick(entry: Entry | undefined, isRepeat = false): void {
		const table = this.#table;
		if (entry === undefined || table === undefined) return;
		this.#selected = entry;
		this.#selectedIndex = table.order.indexOf(entry);
		this.redraw();
		this.#tell<TraceDetail & { isRepeat: boolean }>("trace-select", { traceId: entry.row.traceId, isRepeat });
	}

	#pickAt(index: number, isRepeat: boolean): void {
		const table = this.#table;
		if (table === undefined || table.order.length === 0) return;
		const place = Math.min(table.order.length - 1, Math.max(0, index));
		this.#bringIntoView(place);
		this.#pick(table.order[place], isRepeat);
	}

	#bringIntoView(index: number): void {
		const topPx = index * ROW_PX;
		const { scrollTop } = this.#grid;
		if (topPx < scrollTop) this.#grid.scrollTop = topPx;
		else if (topPx + ROW_PX > scrollTop + this.#heightPx) this.#grid.scrollTop = topPx + ROW_PX - this.#heightPx;
	}

	readonly #handleKey = (event: KeyboardEvent): void => {
		const table = this.#table;
		// The heads have keys of their own.
		if (table === undefined || event.target !== this.#grid) return;
		const index = table.indexOf(this.selectedTraceId);
		const page = Math.max(1, Math.floor(this.#heightPx / ROW_PX) - 1);
		const traceId = this.selectedTraceId;
		if (event.altKey || event.metaKey || event.ctrlKey) {
			const isCopy = event.key.toLowerCase() === "c" && !event.altKey && traceId !== undefined;
			if (!isCopy) return;
			event.preventDefault();
			this.#tell<TraceDetail>("trace-copy", { traceId });
			return;
		}
		switch (event.key) {
			case "ArrowDown":
				this.#pickAt(index + 1, event.repeat);
				break;
			case "ArrowUp":
				this.#pickAt(index < 0 ? 0 : index - 1, event.repeat);
				break;
			case "PageDown":
				this.#pickAt(Math.max(0, index) + page, event.repeat);
				break;
			case "PageUp":
				this.#pickAt(Math.max(0, index) - page, event.repeat);
				break;
			case "Home":
				this.#pickAt(0, event.repeat);
				break;
			case "End":
				this.#pickAt(table.order.length - 1, event.repeat);
				break;
			case "Enter":
				if (traceId !== undefined) this.#tell<TraceDetail>("trace-open", { traceId });
				break;
			case "Delete":
				if (traceId !== undefined) this.#tell<TraceDetail>("trace-delete", { traceId });
				break;
			default:
				return;
		}
		event.preventDefault();
	};

	readonly #handleScroll = (): void => {
		this.redraw();
		this.#tell("grid-scroll", undefined);
	};

	readonly #handleClick = (event: MouseEvent): void => {
		const entry = this.#entryOf(event);
		if (entry === undefined) return;
		this.#pick(entry);
		const button = event.composedPath().find((node) => node instanceof HTMLElement && node.matches(".row-actions"));
		if (!(button instanceof HTMLElement)) return;
		const { left, bottom } = button.getBoundingClientRect();
		this.#openContextMenu(entry, left, bottom);
	};

	readonly #handleDoubleClick = (event: MouseEvent): void => {
		const entry = this.#entryOf(event);
		if (entry !== undefined) this.#tell<TraceDetail>("trace-open", { traceId: entry.row.traceId });
	};

	/** VS Code shows the menu; this says for which row. */
	readonly #handleContextMenu = (event: MouseEvent): void => {
		const entry = this.#entryOf(event);
		if (entry !== undefined) {
			this.#pick(entry);
			this.#tell<TraceDetail>("trace-context", { traceId: entry.row.traceId });
			return;
		}
		event.preventDefault();
		event.stopPropagation();
		if (event.composedPath().some((node) => node instanceof HTMLElement && node.matches(".heads"))) {
			this.#openMenu(event.clientX);
			return;
		}
		// By the key: the event is of the whole table.
		const selected = this.#selected;
		if (event.button === 2 || selected === undefined) return;
		this.#bringIntoView(this.#table?.order.indexOf(selected) ?? 0);
		this.#draw();
		const place = this.#pool?.elementOf(selected)?.getBoundingClientRect();
		if (place !== undefined) this.#openContextMenu(selected, place.left + ROW_PX, place.bottom);
	};

	#openContextMenu(entry: Entry, clientX: number, clientY: number): void {
		const options = { bubbles: true, composed: true, cancelable: true, clientX, clientY };
		this.#pool?.elementOf(entry)?.dispatchEvent(new MouseEvent("contextmenu", options));
	}

	#entryOf(event: Event): Entry | undefined {
		const row = event.composedPath().find((node) => node instanceof HTMLElement && node.matches(".row"));
		return row instanceof HTMLElement ? this.#pool?.entryAt(row) : undefined;
	}

	// ── Columns ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#head(id: ColumnId, index: number, sorting: Sorting | undefined): TemplateResult {
		const isSorted = sorting?.column === id;
		const order = isSorted ? (sorting.isDescending ? "descending" : "ascending") : nothing;
		const { canSort, isNumber } = COLUMNS[id];
		const label = fill(words.headerHint, id === "steps" ? `${words.steps}: ${words.stepsHint}` : words[id]);
		return html`<div
			class="cell head-cell ${id} ${isNumber ? "number" : ""}"
			role="columnheader"
			aria-colindex=${index + 1}
			aria-sort=${order}
			data-column=${id}
		>
			<button type="button" class="sort" title=${label} aria-disabled=${canSort ? nothing : "true"}>
				<span class="title">${words[id]}</span>
				${isSorted ? icon(sorting.isDescending ? "chevron-down" : "chevron-up") : nothing}
			</button>
			<span class="handle"></span>
		</div>`;
	}

	#sortBy(column: ColumnId): void {
		const before = this.#table?.sorting;
		const { canSort, sortsDownFirst } = COLUMNS[column];
		if (!canSort) return;
		const isDescending = before?.column === column ? !before.isDescending : sortsDownFirst;
		this.#tell<Sorting>("sort-change", { column, isDescending });
	}

	#resizeColumn(id: ColumnId, widthPx: number | undefined): void {
		const { widths } = this.arrangement;
		if (widthPx === undefined) delete widths[id];
		else widths[id] = widthPx;
		this.layoutColumns();
		this.#tell("arrangement-change", undefined);
	}

	readonly #toggleMenu = (): void => {
		if (this.#menu === undefined) this.#openMenu(undefined);
		else this.#closeMenu();
	};

	#openMenu(xPx: number | undefined): void {
		this.#menu = { xPx: xPx === undefined ? undefined : xPx - this.getBoundingClientRect().left };
		this.requestUpdate();
	}

	#closeMenu(): void {
		if (this.#menu === undefined) return;
		const hadFocus = this.renderRoot.querySelector(".menu:focus-within") !== null;
		this.#menu = undefined;
		this.requestUpdate();
		if (hadFocus) this.renderRoot.querySelector<HTMLElement>(".heads .actions button")?.focus();
	}

	#menuItems(): readonly MenuItem[] {
		const { hidden } = this.arrangement;
		const items = (Object.keys(COLUMNS) as ColumnId[])
			.filter((id) => id !== "name")
			.map((id): MenuItem => {
				const isOn = !hidden.has(id);
				const hasRoom = this.#columns.some((column) => column.id === id);
				return {
					label: isOn && !hasRoom ? fill(words.columnNoRoom, words[id]) : words[id],
					isChecked: isOn,
					run: () => {
						if (isOn) hidden.add(id);
						else hidden.delete(id);
						this.#handleArranged();
					},
				};
			});
		const reset = (): void => {
			hidden.clear();
			this.arrangement.widths = {};
			this.#handleArranged();
		};
		return [...items, { label: words.resetColumns, isChecked: undefined, run: reset }];
	}

	#handleArranged(): void {
		this.layoutColumns();
		this.#tell("arrangement-change", undefined);
	}

	#tell<T>(type: string, detail: T): void {
		this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
	}

	get #grid(): HTMLElement {
		return this.renderRoot.querySelector<HTMLElement>(".grid") as HTMLElement;
	}

	get #body(): HTMLElement {
		return this.renderRoot.querySelector<HTMLElement>(".body") as HTMLElement;
	}

	get #rows(): HTMLElement {
		return this.renderRoot.querySelector<HTMLElement>(".rows") as HTMLElement;
	}
}

/** A click on the button closes the menu, which the loss of the focus would have done before. */
function keepFocus(event: MouseEvent): void {
	event.preventDefault();
}

function setAttribute(element: HTMLElement, name: string, value: string): void {
	if (value === "") element.removeAttribute(name);
	else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

customElements.define("traceway-trace-grid", TraceGrid);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-trace-grid": TraceGrid;
	}
}
