import type { Disposable } from "../../src/base/disposable.ts";
import { COLUMN_IDS, COLUMNS, type ColumnId, MAX_COLUMN_PX, MIN_COLUMN_PX } from "./columns.ts";

const STEP_PX = 10;

export interface ColumnHeadsEvents {
	readonly widthOf: (id: ColumnId) => number;
	/** Undefined gives the column its own width back. */
	readonly onResize: (id: ColumnId, widthPx: number | undefined) => void;
	readonly onSort: (id: ColumnId) => void;
}

/**
 * The heads of the columns: a click or Enter sorts, the edge drags, a double click on it gives the width back. By keys they
 * are one stop: arrows go from head to head, with Shift they change the width.
 */
export class ColumnHeads implements Disposable {
	readonly #heads: HTMLElement;
	readonly #events: ColumnHeadsEvents;
	readonly #stop = new AbortController();
	#current: ColumnId = "time";

	constructor(heads: HTMLElement, events: ColumnHeadsEvents) {
		this.#heads = heads;
		this.#events = events;
		const { signal } = this.#stop;
		heads.addEventListener("click", this.#handleClick, { signal });
		heads.addEventListener("dblclick", this.#handleDoubleClick, { signal });
		heads.addEventListener("keydown", this.#handleKey, { signal });
		heads.addEventListener("pointerdown", this.#handleDown, { signal });
		heads.addEventListener("focusin", this.#handleFocus, { signal });
	}

	/** The heads were drawn anew: one of them takes the focus by Tab. */
	update(): void {
		const buttons = this.#buttons();
		const current = buttons.find((button) => columnOf(button) === this.#current) ?? buttons[0];
		for (const button of buttons) button.tabIndex = button === current ? 0 : -1;
	}

	dispose(): void {
		this.#stop.abort();
	}

	readonly #handleClick = (event: MouseEvent): void => {
		const button = (event.target as HTMLElement).closest<HTMLElement>("button.sort");
		const id = button === null ? undefined : columnOf(button);
		if (id !== undefined) this.#events.onSort(id);
	};

	readonly #handleDoubleClick = (event: MouseEvent): void => {
		const handle = (event.target as HTMLElement).closest<HTMLElement>(".handle");
		const id = handle === null ? undefined : columnOf(handle);
		event.stopPropagation();
		if (id !== undefined) this.#events.onResize(id, undefined);
	};

	readonly #handleFocus = (event: FocusEvent): void => {
		const id = columnOf(event.target as HTMLElement);
		if (id === undefined) return;
		this.#current = id;
		this.update();
	};

	readonly #handleKey = (event: KeyboardEvent): void => {
		const id = columnOf(event.target as HTMLElement);
		if (id === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
		const sign = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
		if (sign === 0) return;
		event.preventDefault();
		event.stopPropagation();
		if (event.shiftKey) {
			this.#events.onResize(id, clampWidth(this.#events.widthOf(id) + sign * STEP_PX));
			return;
		}
		const buttons = this.#buttons();
		const index = buttons.findIndex((button) => columnOf(button) === id);
		buttons[index + sign]?.focus();
	};

	readonly #handleDown = (down: PointerEvent): void => {
		const handle = (down.target as HTMLElement).closest<HTMLElement>(".handle");
		const id = handle === null ? undefined : columnOf(handle);
		if (handle === null || id === undefined || down.button !== 0) return;
		// No text selection, no focus; the click that follows sorts nothing, for the handle is no button.
		down.preventDefault();
		const widthPx = this.#events.widthOf(id);
		const stop = new AbortController();
		const { signal } = stop;
		handle.setPointerCapture(down.pointerId);
		handle.classList.add("dragging");
		handle.addEventListener(
			"pointermove",
			(move) => this.#events.onResize(id, clampWidth(widthPx + move.clientX - down.clientX)),
			{ signal },
		);
		handle.addEventListener(
			"lostpointercapture",
			() => {
				handle.classList.remove("dragging");
				stop.abort();
			},
			{ signal },
		);
	};

	#buttons(): HTMLElement[] {
		return [...this.#heads.querySelectorAll<HTMLElement>("button.sort")];
	}
}

function clampWidth(widthPx: number): number {
	return Math.round(Math.min(MAX_COLUMN_PX, Math.max(MIN_COLUMN_PX, widthPx)));
}

function columnOf(element: HTMLElement): ColumnId | undefined {
	const word = element.closest<HTMLElement>("[data-column]")?.dataset.column;
	return COLUMN_IDS.find((id) => id === word && id in COLUMNS);
}
