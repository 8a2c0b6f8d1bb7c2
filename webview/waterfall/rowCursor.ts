import type { TraceModel } from "./model.ts";
import { failedFrom } from "./navigation.ts";
import type { RowViewport } from "./rowViewport.ts";

/** What the cursor needs of the chart around it. */
export interface CursorHost {
	/** Undefined while no trace is shown. */
	readonly model: () => TraceModel | undefined;
	/** Undefined before the chart is in the page. */
	readonly viewport: () => RowViewport | undefined;
	/** Runs a change of the rows and keeps on the screen what is being read. */
	readonly keepPlace: (change: () => void) => void;
	readonly requestFrame: () => void;
	/** The user selected a row, or a fold moved the selection to the row that hides it. */
	readonly onSelect: (node: number, isRepeat: boolean) => void;
	/** The user arranged something that is worth keeping. */
	readonly onArrange: () => void;
}

/** Where one is in the tree, and what is folded around it: the selection follows folds, folds open for the selection. */
export class RowCursor {
	readonly #host: CursorHost;
	#node: number | undefined;

	constructor(host: CursorHost) {
		this.#host = host;
	}

	get node(): number | undefined {
		return this.#node;
	}

	/** Visible row of the selection, or of the fold that hides it; -1 for none. */
	get index(): number {
		return this.#node === undefined ? -1 : (this.#host.model()?.rows.indexOfNode(this.#node) ?? -1);
	}

	clear(): void {
		this.#node = undefined;
	}

	/** Selects without telling; `reveal` unfolds and scrolls to it. */
	select(node: number | undefined, reveal: boolean): void {
		this.#node = node;
		if (node !== undefined && reveal) this.#reveal(node, true);
		this.#host.requestFrame();
	}

	/** The user goes to a visible row. */
	goTo(index: number, isRepeat: boolean): void {
		const node = this.#host.model()?.rows.nodeAt(index);
		if (node === undefined) return;
		this.#node = node;
		this.#reveal(node, false);
		this.#host.requestFrame();
		this.#host.onSelect(node, isRepeat);
		this.#host.onArrange();
	}

	/** The user goes to a span, wherever it stands. */
	goToNode(node: number, isRepeat: boolean): void {
		this.select(node, true);
		this.#host.onSelect(node, isRepeat);
		this.#host.onArrange();
	}

	/** Goes to the next failed span, or the one before; returns it, undefined when none failed. */
	goToFailed(direction: 1 | -1): number | undefined {
		const model = this.#host.model();
		if (model === undefined) return undefined;
		const row = this.#node === undefined ? -1 : model.layout.rowOf(this.#node);
		const node = failedFrom(model, row, direction);
		if (node === undefined) return undefined;
		this.goToNode(node, false);
		return node;
	}

	/** Folds or unfolds a visible row; nothing happens to one without children. */
	toggle(index: number): void {
		const model = this.#host.model();
		if (model === undefined) return;
		const node = model.rows.nodeAt(index);
		if (model.layout.childCount[model.rows.rowAt(index)] === 0) return;
		this.#changeFolds(model, () => model.rows.setFolded(node, !model.rows.isFolded(node)));
	}

	foldAll(): void {
		const model = this.#host.model();
		if (model !== undefined) this.#changeFolds(model, () => model.rows.foldAll());
	}

	unfoldAll(): void {
		const model = this.#host.model();
		if (model !== undefined) this.#changeFolds(model, () => model.rows.unfoldAll());
	}

	/** Moves as little as needed to have a visible row in view. */
	scrollTo(index: number, isCentred: boolean): void {
		this.#host.viewport()?.bringIntoView(index, isCentred);
		this.#host.requestFrame();
	}

	/** The rows in view stay where they are; a selection inside a fold moves to the row that hides it. */
	#changeFolds(model: TraceModel, change: () => void): void {
		this.#host.keepPlace(() => {
			change();
			model.rows.update();
		});
		const { index } = this;
		const node = index < 0 ? undefined : model.rows.nodeAt(index);
		if (node !== undefined && node !== this.#node) {
			this.#node = node;
			this.#host.onSelect(node, false);
		}
		if (index >= 0) this.scrollTo(index, false);
		this.#host.onArrange();
	}

	#reveal(node: number, isCentred: boolean): void {
		const model = this.#host.model();
		if (model === undefined) return;
		if (model.rows.reveal(node)) {
			model.rows.update();
			const viewport = this.#host.viewport();
			viewport?.resize(model.rows.count, viewport.top);
		}
		const index = model.rows.indexOfNode(node);
		if (index >= 0) this.scrollTo(index, isCentred);
	}
}
