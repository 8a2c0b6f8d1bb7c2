import { ROW_PX } from "./draw.ts";
import type { TraceModel } from "./model.ts";
import { nodeFacts, nodeName } from "./spanText.ts";

/** VS Code's own delay of hovers. */
const DELAY_MS = 300;
const GAP_PX = 4;

/** The hover of a row. The same words are the description of the selected row and the line at the bottom: no fact needs a pointer. */
export class Tooltip {
	readonly #element: HTMLElement;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#node: number | undefined;

	constructor(element: HTMLElement) {
		this.#element = element;
	}

	/** Node that is told about, or about to be. */
	get node(): number | undefined {
		return this.#node;
	}

	/** The pointer rests on a row; coordinates are the chart's. */
	arm(model: TraceModel, node: number, x: number, rowTop: number, nowNs: () => number): void {
		if (this.#node === node) return;
		this.hide();
		this.#node = node;
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			this.#fill(model, node, nowNs());
			this.#place(x, rowTop);
		}, DELAY_MS);
	}

	/** A tick: what runs tells its duration anew. */
	refresh(model: TraceModel, nowNs: number): void {
		if (this.#node === undefined || this.#element.hidden || this.#node < 0) return;
		if (model.table.state[this.#node] === 0) this.#fill(model, this.#node, nowNs);
	}

	hide(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#node = undefined;
		// Called at every scroll: nothing may be written then.
		if (!this.#element.hidden) this.#element.hidden = true;
	}

	#fill(model: TraceModel, node: number, nowNs: number): void {
		const title = document.createElement("bdi");
		title.className = "tooltip-name";
		title.textContent = nodeName(model, node);
		const list = document.createElement("dl");
		for (const fact of nodeFacts(model, node, nowNs)) {
			const term = document.createElement("dt");
			term.textContent = fact.title;
			const value = document.createElement("dd");
			value.textContent = fact.value;
			if (fact.isError === true) value.className = "error";
			list.append(term, value);
		}
		this.#element.replaceChildren(title, list);
	}

	#place(x: number, rowTop: number): void {
		const element = this.#element;
		element.hidden = false;
		const bounds = element.offsetParent?.getBoundingClientRect();
		const width = bounds?.width ?? window.innerWidth;
		const height = bounds?.height ?? window.innerHeight;
		const { offsetWidth, offsetHeight } = element;
		const left = Math.max(GAP_PX, Math.min(x, width - offsetWidth - GAP_PX));
		const below = rowTop + ROW_PX + GAP_PX;
		const top = below + offsetHeight <= height ? below : Math.max(GAP_PX, rowTop - offsetHeight - GAP_PX);
		element.style.setProperty("transform", `translate(${left}px, ${top}px)`);
	}
}
