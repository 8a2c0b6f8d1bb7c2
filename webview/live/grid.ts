import { html, LitElement, type TemplateResult } from "lit";
import { DisposableStore } from "../../src/base/disposable.ts";
import { FrameScheduler } from "../shared/frame.ts";
import { iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { fill } from "../shared/words.ts";
import { ColumnHeads } from "./columnHeads.ts";
import { COLUMNS, type ColumnId, isNatural, type Sorting } from "./columns.ts";
import { GridColumns } from "./gridColumns.ts";
import { gridStyles } from "./gridStyles.ts";
import { GridViewport, placeOfKey } from "./gridViewport.ts";
import { ROW_PX, RowPool } from "./rowPool.ts";
import type { Entry, LiveTable } from "./table.ts";
import { words } from "./words.ts";

/** Rows in view are asked for their prompts this often. */
const PROMPTS_MS = 300;
/** More new rows than this at once are too many to be pointed at one by one: nothing flashes or turns for a while. */
const BUSY_ROWS = 3;
const BUSY_MS = 1_500;

/** What keys do with the selected row, by the event that tells of it. */
const KEY_ACTIONS: Readonly<Record<string, string>> = {
	Enter: "trace-open",
	Delete: "trace-delete",
	"Ctrl+c": "trace-copy",
};

export interface TraceDetail {
	readonly traceId: string;
}
export interface PromptsDetail {
	readonly traceIds: readonly string[];
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
	#viewport: GridViewport | undefined;
	#table: LiveTable | undefined;
	readonly columns = new GridColumns(
		() => this.#handleArranged(),
		() => this.requestUpdate(),
	);
	#selected: Entry | undefined;
	#promptTimer: ReturnType<typeof setTimeout> | undefined;
	#busyTimer: ReturnType<typeof setTimeout> | undefined;
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
		clearTimeout(this.#busyTimer);
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
		return this.#viewport?.isAtTop !== false;
	}

	scrollToTop(): void {
		this.#viewport?.scrollTo(0);
		this.redraw();
	}

	/** So many rows are new. */
	noteNews(count: number): void {
		if (count <= BUSY_ROWS) return;
		clearTimeout(this.#busyTimer);
		this.#busyTimer = setTimeout(() => {
			this.#busyTimer = undefined;
			this.redraw();
		}, BUSY_MS);
	}

	/** Runs a change of the table so that the row at the top of the view stays there, unless the view is at the very top. */
	keepPlace(change: () => void): void {
		const table = this.#table;
		const viewport = this.#viewport;
		if (table === undefined || viewport === undefined) {
			change();
			return;
		}
		const { scrollTop, top, isAtTop } = viewport;
		const before = table.order;
		const selectedIndex = table.indexOf(this.selectedTraceId);
		change();
		if (!isAtTop && table.order !== before) {
			// The row at the top may itself be gone: then the next one that is still there.
			for (let index = top; index < before.length; index++) {
				const now = table.indexOf(before[index].row.traceId);
				if (now < 0) continue;
				viewport.resize(table.order.length);
				viewport.scrollTo(scrollTop + (now - index) * ROW_PX);
				break;
			}
		}
		this.#settleSelection(selectedIndex);
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
				aria-colcount=${this.columns.fitted.length + 1}
				@scroll=${this.#handleScroll}
				@keydown=${this.#handleKey}
				@mousedown=${this.#handleMouseDown}
				@click=${this.#handleClick}
				@dblclick=${this.#handleDoubleClick}
				@contextmenu=${this.#handleContextMenu}
			>
				<div class="head" role="rowgroup">
					<div role="row" aria-rowindex="1" class="heads">
						${this.columns.heads(sorting)}
					</div>
				</div>
				<div class="body" role="rowgroup"><div class="rows" role="presentation"></div></div>
			</div>
			${this.columns.menu()}
		`;
	}

	override firstUpdated(): void {
		this.#viewport = new GridViewport(this.#grid, this.renderRoot.querySelector<HTMLElement>(".body") as HTMLElement);
		this.#pool = new RowPool(this.renderRoot.querySelector<HTMLElement>(".rows") as HTMLElement);
		this.#heads = this.#owned.add(
			new ColumnHeads(this.renderRoot.querySelector<HTMLElement>(".heads") as HTMLElement, {
				widthOf: (id) => this.columns.widthOf(id),
				onResize: (id, widthPx) => this.columns.resize(id, widthPx),
				onSort: (id) => this.#sortBy(id),
			}),
		);
		this.#measure();
	}

	override updated(): void {
		this.#heads?.update();
		this.columns.settleMenu(this.renderRoot, this.#viewport?.widthPx ?? 0);
	}

	/** Columns were arranged from outside, or there is another width. */
	layoutColumns(): void {
		this.columns.layout(this.#grid);
		this.redraw();
	}

	// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#draw(): void {
		const table = this.#table;
		const pool = this.#pool;
		const viewport = this.#viewport;
		if (table === undefined || pool === undefined || viewport === undefined) return;
		const { order } = table;
		viewport.resize(order.length);
		const { first, end } = viewport.window(order.length);
		const isBusy = this.#busyTimer !== undefined;
		this.#grid.classList.toggle("busy", isBusy);
		this.#rows.style.setProperty("transform", `translateY(${first * ROW_PX}px)`);
		pool.render({
			order,
			first,
			end,
			columns: this.columns.fitted,
			selected: this.#selected,
			nowMs: this.nowMs(),
			flashClockMs: this.canMove && !isBusy ? performance.now() : undefined,
		});
		const active = pool.elementOf(this.#selected)?.id ?? "";
		setAttribute(this.#grid, "aria-activedescendant", active);
		setAttribute(this.#grid, "aria-rowcount", String(order.length + 1));
		this.#promptTimer ??= setTimeout(() => this.#askPrompts(), PROMPTS_MS);
	}

	#measure(): void {
		if (this.#viewport?.measure() === true) this.layoutColumns();
		this.redraw();
	}

	#askPrompts(): void {
		this.#promptTimer = undefined;
		const viewport = this.#viewport;
		if (viewport === undefined || !this.columns.has("prompt")) return;
		const inView = this.#table?.order.slice(viewport.top, viewport.top + viewport.pageRows + 1) ?? [];
		const traceIds = inView.filter(({ prompt }) => prompt === undefined).map(({ row }) => row.traceId);
		if (traceIds.length > 0) this.#tell<PromptsDetail>("prompts-wanted", { traceIds });
	}

	// ── Selection and keys ─────────────────────────────────────────────────────────────────────────────────────────────

	/** A row that was deleted hands its selection to the one that took its place. */
	#settleSelection(index: number): void {
		const table = this.#table;
		const selected = this.#selected;
		if (table === undefined || selected === undefined || table.entry(selected.row.traceId) === selected) return;
		this.#selected = table.entry(selected.row.traceId) ?? table.order[index];
	}

	#pick(entry: Entry | undefined, isRepeat = false): void {
		const table = this.#table;
		if (entry === undefined || table === undefined) return;
		this.#selected = entry;
		this.redraw();
		this.#tell<TraceDetail & { isRepeat: boolean }>("trace-select", { traceId: entry.row.traceId, isRepeat });
	}

	readonly #handleKey = (event: KeyboardEvent): void => {
		const table = this.#table;
		// The heads have keys of their own.
		if (table === undefined || event.target !== this.#grid || event.altKey) return;
		const traceId = this.selectedTraceId;
		const hasModifier = event.ctrlKey || event.metaKey;
		const action = KEY_ACTIONS[hasModifier ? `Ctrl+${event.key.toLowerCase()}` : event.key];
		if (action !== undefined) {
			if (traceId !== undefined) this.#tell<TraceDetail>(action, { traceId });
			event.preventDefault();
			return;
		}
		const { order } = table;
		const pageRows = this.#viewport?.pageRows ?? 1;
		const place = hasModifier ? undefined : placeOfKey(event.key, table.indexOf(traceId), order.length, pageRows);
		if (place === undefined) return;
		event.preventDefault();
		if (order.length === 0) return;
		this.#viewport?.bringIntoView(place);
		this.#pick(order[place], event.repeat);
	};

	readonly #handleScroll = (): void => {
		this.#viewport?.handleScroll();
		this.redraw();
		this.#tell("grid-scroll", undefined);
	};

	/** The buttons of rows are for the pointer; the keys stay with the table. */
	readonly #handleMouseDown = (event: MouseEvent): void => {
		if (inPath(event, ".row-actions") === undefined) return;
		event.preventDefault();
		this.#grid.focus();
	};

	readonly #handleClick = (event: MouseEvent): void => {
		const entry = this.#entryOf(event);
		if (entry === undefined) return;
		this.#pick(entry);
		const button = inPath(event, ".row-actions");
		if (button === undefined) return;
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
		if (inPath(event, ".heads") !== undefined) {
			this.columns.openMenu(event.clientX - this.getBoundingClientRect().left);
			return;
		}
		// By the key: the event is of the whole table.
		const selected = this.#selected;
		if (event.button === 2 || selected === undefined) return;
		this.#viewport?.bringIntoView(this.#table?.order.indexOf(selected) ?? 0);
		this.#draw();
		const place = this.#pool?.elementOf(selected)?.getBoundingClientRect();
		if (place !== undefined) this.#openContextMenu(selected, place.left + ROW_PX, place.bottom);
	};

	#openContextMenu(entry: Entry, clientX: number, clientY: number): void {
		const options = { bubbles: true, composed: true, cancelable: true, clientX, clientY };
		this.#pool?.elementOf(entry)?.dispatchEvent(new MouseEvent("contextmenu", options));
	}

	#entryOf(event: Event): Entry | undefined {
		const row = inPath(event, ".row");
		return row === undefined ? undefined : this.#pool?.entryAt(row);
	}

	// ── Columns ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#sortBy(column: ColumnId): void {
		const before = this.#table?.sorting;
		const { canSort, sortsDownFirst } = COLUMNS[column];
		if (!canSort) return;
		const isDescending = before?.column === column ? !before.isDescending : sortsDownFirst;
		this.#tell<Sorting>("sort-change", { column, isDescending });
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

	get #rows(): HTMLElement {
		return this.renderRoot.querySelector<HTMLElement>(".rows") as HTMLElement;
	}
}

/** The element on an event's way that a selector names. */
function inPath(event: Event, selector: string): HTMLElement | undefined {
	return event
		.composedPath()
		.find((node): node is HTMLElement => node instanceof HTMLElement && node.matches(selector));
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
