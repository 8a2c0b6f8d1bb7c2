import { formatCost, formatCount, formatDuration, UNKNOWN } from "../../src/base/quantity.ts";
import { formatTokens } from "../../src/model/format.ts";
import type { LiveRow } from "../../src/protocol/liveMessages.ts";
import { ICONS, type IconName } from "../shared/glyphs.ts";
import { tokensText } from "../shared/tokens.ts";
import { fill } from "../shared/words.ts";
import { COLUMNS, type ColumnId, type FittedColumn, latencyNs, tokensOf } from "./columns.ts";
import type { Entry } from "./table.ts";
import { exactTime, timeOfDay } from "./times.ts";
import { words } from "./words.ts";

/** VS Code's height of list rows. */
export const ROW_PX = 22;
const FLASH_MS = 1_000;

export interface RowsView {
	readonly order: readonly Entry[];
	/** Rows first … end - 1 are in the page. */
	readonly first: number;
	readonly end: number;
	readonly columns: readonly FittedColumn[];
	readonly selected: Entry | undefined;
	/** The server's clock. */
	readonly nowMs: number;
	/** `performance.now`; undefined where nothing may move. */
	readonly flashClockMs: number | undefined;
}

/**
 * The rows in the DOM: as many as are in view, whatever the table has. A row keeps its element while it is in view, so that
 * what comes in on top moves the others without writing them again; elements that left are used for rows that came.
 */
export class RowPool {
	readonly #container: HTMLElement;
	readonly #rows = new Map<Entry, Row>();
	readonly #free: Row[] = [];
	#columns: readonly FittedColumn[] = [];

	constructor(container: HTMLElement) {
		this.#container = container;
	}

	/** Number of row elements in the page. */
	get size(): number {
		return this.#rows.size;
	}

	render(view: RowsView): void {
		if (view.columns !== this.#columns) {
			const isSameCells = view.columns.map(({ id }) => id).join() === this.#columns.map(({ id }) => id).join();
			this.#columns = view.columns;
			if (!isSameCells) this.#clear();
		}
		const wanted = new Set<Entry>();
		for (let index = view.first; index < view.end; index++) wanted.add(view.order[index]);
		for (const [entry, row] of this.#rows) {
			if (wanted.has(entry)) continue;
			this.#rows.delete(entry);
			this.#free.push(row);
		}
		// In the order that is seen, for those who read the page and do not see it.
		let next = this.#container.firstElementChild;
		for (let index = view.first; index < view.end; index++) {
			const entry = view.order[index];
			let row = this.#rows.get(entry);
			if (row === undefined) {
				row = this.#free.pop() ?? new Row(view.columns);
				this.#rows.set(entry, row);
			}
			if (row.element === next) next = next.nextElementSibling;
			else this.#container.insertBefore(row.element, next);
			row.bind(entry, index, view);
		}
		for (const row of this.#free.splice(0)) row.element.remove();
	}

	/** Id of a row's element, for `aria-activedescendant`; undefined when it is not in the page. */
	elementOf(entry: Entry | undefined): HTMLElement | undefined {
		return entry === undefined ? undefined : this.#rows.get(entry)?.element;
	}

	entryAt(element: Element): Entry | undefined {
		for (const [entry, row] of this.#rows) if (row.element === element) return entry;
		return undefined;
	}

	#clear(): void {
		for (const row of this.#rows.values()) row.element.remove();
		this.#rows.clear();
	}
}

let nextRowId = 0;

const STATE_ICONS: Readonly<Record<LiveRow["state"], IconName>> = {
	running: "loading",
	completed: "pass",
	failed: "error",
};

class Row {
	readonly element = document.createElement("div");
	readonly #cells = new Map<ColumnId, HTMLElement>();
	readonly #stateIcon = document.createElement("span");
	readonly #stateWord = document.createElement("span");
	/** What the cells show now; a write that changes nothing would still cost a style recalculation. */
	readonly #shown = new Map<string, string>();
	#flash: Animation | undefined;
	#entry: Entry | undefined;
	#row: LiveRow | undefined;
	#prompt: string | null | undefined;

	constructor(columns: readonly FittedColumn[]) {
		this.element.id = `row-${nextRowId++}`;
		this.element.className = "row";
		this.element.setAttribute("role", "row");
		for (const [index, { id }] of columns.entries()) {
			const cell = document.createElement("div");
			cell.className = COLUMNS[id].isNumber ? `cell ${id} number` : `cell ${id}`;
			cell.setAttribute("role", "gridcell");
			cell.setAttribute("aria-colindex", String(index + 1));
			if (id === "status") {
				this.#stateIcon.setAttribute("aria-hidden", "true");
				cell.append(this.#stateIcon, this.#stateWord);
			}
			this.#cells.set(id, cell);
			this.element.append(cell);
		}
		const actions = document.createElement("div");
		actions.className = "cell actions";
		actions.setAttribute("role", "gridcell");
		actions.setAttribute("aria-colindex", String(columns.length + 1));
		const button = document.createElement("button");
		button.type = "button";
		button.className = "codicon row-actions";
		button.tabIndex = -1;
		button.textContent = ICONS.ellipsis;
		button.title = words.rowActions;
		button.setAttribute("aria-label", words.rowActions);
		actions.append(button);
		this.element.append(actions);
	}

	bind(entry: Entry, index: number, view: RowsView): void {
		const { row } = entry;
		if (this.#entry !== entry) {
			this.#entry = entry;
			this.#row = undefined;
			this.#startFlash(entry, view.flashClockMs);
		}
		this.#attribute("aria-rowindex", String(index + 2));
		const isSelected = entry === view.selected;
		this.#attribute("aria-selected", String(isSelected));
		this.#write("class", `row ${row.state}${isSelected ? " selected" : ""}`, (value) => {
			this.element.className = value;
		});
		if (this.#row === row && this.#prompt === entry.prompt) {
			if (row.isRunning) this.#text("latency", formatDuration(latencyNs(row, view.nowMs)));
			return;
		}
		this.#row = row;
		this.#prompt = entry.prompt;
		this.#text("time", timeOfDay(row.startMs, view.nowMs), exactTime(row.startMs));
		this.#state(row);
		this.#text("name", row.name === "" ? words.noName : row.name, row.name);
		const model = row.modelCount > 1 ? fill(words.models, row.model ?? UNKNOWN, row.modelCount - 1) : row.model;
		this.#text("model", model ?? UNKNOWN, model);
		this.#text("spans", formatCount(row.spanCount));
		this.#text("latency", formatDuration(latencyNs(row, view.nowMs)));
		const tokens = tokensOf(row);
		const parts = tokensText(words.tokensInOut, "{0}", row.inputTokens, row.outputTokens);
		this.#text("tokens", formatTokens(tokens), tokens === undefined ? undefined : parts);
		this.#text(
			"cost",
			formatCost(row.costUsd, row.isCostEstimated),
			row.isCostEstimated ? words.costEstimated : undefined,
		);
		this.#text("steps", row.spanCount === 0 ? UNKNOWN : formatCount(row.stepCount));
		this.#text("prompt", entry.prompt === null ? UNKNOWN : (entry.prompt ?? ""), entry.prompt ?? undefined);
	}

	/** New rows flash once; a row that comes into view in the middle of it shows the rest. */
	#startFlash(entry: Entry, clockMs: number | undefined): void {
		this.#flash?.cancel();
		this.#flash = undefined;
		if (entry.flashAtMs === undefined || clockMs === undefined) return;
		const passedMs = clockMs - entry.flashAtMs;
		if (passedMs >= FLASH_MS) return;
		this.#flash = this.element.animate([{ backgroundColor: "var(--flash)" }, { backgroundColor: "transparent" }], {
			duration: FLASH_MS,
			easing: "ease-out",
		});
		this.#flash.currentTime = Math.max(0, passedMs);
	}

	#state({ state }: LiveRow): void {
		this.#write("state", state, () => {
			this.#stateIcon.className = `codicon${state === "running" ? " spin" : ""}`;
			this.#stateIcon.textContent = ICONS[STATE_ICONS[state]];
			this.#stateWord.textContent = words[state];
		});
	}

	#text(id: ColumnId, value: string, title?: string): void {
		const cell = this.#cells.get(id);
		if (cell === undefined) return;
		this.#write(id, value, () => {
			cell.textContent = value;
			cell.classList.toggle("unknown", value === UNKNOWN);
		});
		this.#write(`${id} title`, title ?? "", () => {
			if (title === undefined || title === "") cell.removeAttribute("title");
			else cell.title = title;
		});
	}

	#attribute(name: string, value: string): void {
		this.#write(name, value, () => this.element.setAttribute(name, value));
	}

	#write(key: string, value: string, apply: (value: string) => void): void {
		if (this.#shown.get(key) === value) return;
		this.#shown.set(key, value);
		apply(value);
	}
}
