import { assertNever } from "../../src/base/assert.ts";
import type { Disposable } from "../../src/base/disposable.ts";
import { actionOfKey } from "./keys.ts";
import type { TraceModel } from "./model.ts";
import { stepOf } from "./navigation.ts";
import type { RowCursor } from "./rowCursor.ts";
import type { RowViewport } from "./rowViewport.ts";
import type { TimePane } from "./timePane.ts";
import type { Tooltip } from "./tooltip.ts";

/** What pointer and keys on the rows work with. */
export interface RowInputHost {
	/** The box that scrolls, and the tree in it that has the focus. */
	readonly scroller: HTMLElement;
	readonly tree: HTMLElement;
	/** Undefined while no trace is shown. */
	readonly model: () => TraceModel | undefined;
	readonly viewport: RowViewport;
	readonly cursor: RowCursor;
	readonly time: TimePane;
	readonly tooltip: Tooltip;
	/** Where on the chart the pointer is, and a row stands: what the tooltip is placed by. */
	readonly placeOf: (event: MouseEvent, index: number) => { readonly x: number; readonly top: number };
	/** Enter, or a double click beside the bar. */
	readonly onOpen: (node: number) => void;
	/** The focus came to the tree or left it. */
	readonly onFocus: () => void;
}

/** What pointer and keyboard do on the rows: hover, select, fold, open. The axis of time has its own (`TimePointer`). */
export class RowInput implements Disposable {
	readonly #host: RowInputHost;
	readonly #stop = new AbortController();

	constructor(host: RowInputHost) {
		this.#host = host;
		const { scroller, tree } = host;
		const { signal } = this.#stop;
		scroller.addEventListener("pointermove", (event) => this.#handlePointerMove(event), { signal });
		scroller.addEventListener("pointerleave", () => host.tooltip.hide(), { signal });
		tree.addEventListener("keydown", (event) => this.#handleKey(event), { signal });
		tree.addEventListener("focus", host.onFocus, { signal });
		tree.addEventListener("blur", host.onFocus, { signal });
		tree.addEventListener("mousedown", (event) => this.#handleMouseDown(event), { signal });
		tree.addEventListener("click", (event) => this.#handleClick(event), { signal });
		tree.addEventListener("contextmenu", (event) => this.#handleContextMenu(event), { signal });
		tree.addEventListener("dblclick", (event) => this.#handleDoubleClick(event), { signal });
	}

	dispose(): void {
		this.#stop.abort();
	}

	// ── Pointer ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#handlePointerMove(event: PointerEvent): void {
		const { tooltip } = this.#host;
		const model = this.#host.model();
		const index = this.#indexAt(event);
		if (model === undefined || index < 0 || event.buttons !== 0) {
			tooltip.hide();
			return;
		}
		const { x, top } = this.#host.placeOf(event, index);
		tooltip.arm(model, model.rows.nodeAt(index), x, top, () => model.nowNs());
	}

	#handleClick(event: MouseEvent): void {
		const index = this.#indexAt(event);
		if (index >= 0 && this.#host.time.pointer.mayDrag(event)) this.#host.cursor.goTo(index, false);
	}

	#handleMouseDown(event: MouseEvent): void {
		const { cursor, time, tooltip } = this.#host;
		const index = this.#indexAt(event);
		if (index < 0 || event.button > 1) return;
		// What may become a drag of the time selects when it was a click.
		if (time.pointer.mayDrag(event)) return;
		tooltip.hide();
		const isTwistie = event.composedPath().some((target) => target instanceof Element && target.matches(".twistie"));
		if (isTwistie) cursor.toggle(index);
		cursor.goTo(index, false);
	}

	/** The menu is about the row under it; by the keyboard it is about the selected one. */
	#handleContextMenu(event: MouseEvent): void {
		const { cursor, tooltip } = this.#host;
		tooltip.hide();
		const index = event.button === 2 ? this.#indexAt(event) : -1;
		if (index >= 0) cursor.goTo(index, false);
	}

	#handleDoubleClick(event: MouseEvent): void {
		const { axis, pointer } = this.#host.time;
		const model = this.#host.model();
		const index = this.#indexAt(event);
		if (model === undefined || index < 0) return;
		const node = model.rows.nodeAt(index);
		const px = pointer.px(event);
		if (px !== undefined && axis.isBarAt(model, node, px)) axis.fit(model, node);
		else if (model.rows.isHead(index)) this.#host.cursor.toggle(index);
		else this.#host.onOpen(node);
	}

	#indexAt(event: MouseEvent): number {
		return this.#host.viewport.indexAt(event.clientY, this.#host.model()?.rows.count ?? 0);
	}

	// ── Keyboard ───────────────────────────────────────────────────────────────────────────────────────────────────────

	#handleKey(event: KeyboardEvent): void {
		const { cursor, tooltip, time, viewport } = this.#host;
		if (event.key === "Escape") {
			tooltip.hide();
			time.axis.clearMeasure();
		}
		const model = this.#host.model();
		const action = actionOfKey(event);
		if (model === undefined || action === undefined) return;
		event.preventDefault();
		event.stopPropagation();
		tooltip.hide();
		const step = stepOf(action, model, cursor.index, viewport.pageRows);
		switch (step?.do) {
			case undefined:
				break;
			case "select":
				cursor.goTo(step.index, event.repeat);
				break;
			case "toggle":
				cursor.toggle(step.index);
				break;
			case "open":
				this.#host.onOpen(model.rows.nodeAt(step.index));
				break;
			case "expandAll":
				cursor.unfoldAll();
				break;
			case "collapseAll":
				cursor.foldAll();
				break;
			default:
				assertNever(step, "step");
		}
	}
}
