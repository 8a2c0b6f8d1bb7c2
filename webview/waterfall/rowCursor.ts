import { foldTo, stepLevel } from "./foldLevels.ts";
import type { TraceModel } from "./model.ts";
import { canFold, failedFrom } from "./navigation.ts";
import type { RowViewport } from "./rowViewport.ts";
import { isGroupCode } from "./spanTable.ts";

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
		if (!canFold(model, index)) return;
		this.#change(() => model.rows.setFolded(node, !model.rows.isFolded(node)));
	}

	foldAll(): void {
		this.#change((model) => model.rows.foldAll());
	}

	unfoldAll(): void {
		this.#change((model) => model.rows.unfoldAll());
	}

	/** Folds the deepest level that is open, or unfolds the first that is folded. */
	stepLevel(isFold: boolean): void {
		this.#change((model) => stepLevel(model, isFold));
	}

	/** Shows what is on the level of the selection and above it, nothing below. */
	foldToHere(): void {
		const { index } = this;
		if (index >= 0) this.#change((model) => foldTo(model, index));
	}

	/** Folds like siblings into groups, or shows them one by one. A selected member keeps its group open. */
	setGrouping(isOn: boolean): void {
		this.#change((model) => {
			model.groups.isOn = isOn;
			model.groups.hold([]);
			if (isOn && this.#node !== undefined) model.rows.reveal(this.#node);
		});
	}

	/** The rows changed: a group may have another first member now, or be none any more, a placeholder be a span. */
	settle(): void {
		const model = this.#host.model();
		if (model === undefined || this.#node === undefined) return;
		const node = model.standIn(this.#node);
		if (node !== this.#node) {
			this.#node = node;
			this.#host.onSelect(node, false);
		}
		if (!isGroupCode(node)) return;
		const { index } = this;
		this.#node = index < 0 ? undefined : model.rows.nodeAt(index);
	}

	/** Moves as little as needed to have a visible row in view. */
	scrollTo(index: number, isCentred: boolean): void {
		this.#host.viewport()?.bringIntoView(index, isCentred);
		this.#host.requestFrame();
	}

	/** The rows in view stay where they are; a selection inside a fold moves to the row that hides it. */
	#change(change: (model: TraceModel) => void): void {
		const model = this.#host.model();
		if (model === undefined) return;
		this.#host.keepPlace(() => {
			change(model);
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
