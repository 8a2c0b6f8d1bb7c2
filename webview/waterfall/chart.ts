import { html, LitElement, type TemplateResult } from "lit";
import { assertNever } from "../../src/base/assert.ts";
import { DisposableStore } from "../../src/base/disposable.ts";
import { FrameScheduler } from "../shared/frame.ts";
import { iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { Theme } from "../shared/theme.ts";
import { fill } from "../shared/words.ts";
import { chartStyles } from "./chartStyles.ts";
import { DurationLabels, drawFrame, hitTest, ROW_PX, RULER_PX, rowWindow } from "./draw.ts";
import { actionOfKey, type KeyAction } from "./keys.ts";
import type { TraceModel } from "./model.ts";
import { type Palette, readPalette } from "./palette.ts";
import { RowPool } from "./rowPool.ts";
import { TimeScale, timeDomain } from "./timeScale.ts";
import { Tooltip } from "./tooltip.ts";
import { VirtualScroll } from "./virtualScroll.ts";
import { words } from "./words.ts";

const MIN_SHARE = 0.15;
const MAX_SHARE = 0.85;
/** While the user has not moved the divider: this share, but no more than names need. */
const DEFAULT_SHARE = 0.4;
const DEFAULT_MAX_PX = 440;
/** Below this a time column would tell nothing. */
const NARROW_PX = 420;
const MARGIN_PX = 10;
/** Indents take at most this part of the tree column; the rest is for names. */
const INDENT_SHARE = 0.4;
/** With no running bar in view the window of time still grows, seldom. */
const SLOW_REDRAW_MS = 1000;

export interface SpanSelectDetail {
	readonly node: number;
	/** A key is held down: more will follow at once. */
	readonly isRepeat: boolean;
}

/** Where rows stand, by span id: what a new snapshot needs to put them back. */
export interface Place {
	readonly spanIds: readonly string[];
	/** Distance of the first of these from the viewport's top, then one row each. */
	readonly offsets: readonly number[];
}

/**
 * Tree column, time column and the divider between them. Draws what its model says and tells what the user does by events:
 * `span-select`, `span-open` (both with `SpanSelectDetail`) and `arrangement-change`; knows nothing of the host.
 */
export class TraceChart extends LitElement {
	static override styles = [baseStyles, iconStyles, chartStyles];

	readonly #scroll = new VirtualScroll();
	readonly #labels = new DurationLabels();
	readonly #frames = new FrameScheduler(() => this.#draw());
	#owned = new DisposableStore();
	#model: TraceModel | undefined;
	#theme: Theme | undefined;
	#palette: Palette | undefined;
	#pool: RowPool | undefined;
	#tooltip: Tooltip | undefined;
	#context: CanvasRenderingContext2D | undefined;
	#selected: number | undefined;
	#share: number | undefined;
	#width = 0;
	#pixelRatio = 1;
	#hasRunningInView = false;
	#drawnAtMs = 0;
	#wantedTop: number | undefined;

	get model(): TraceModel | undefined {
		return this.#model;
	}

	get selectedNode(): number | undefined {
		return this.#selected;
	}

	get scrollOffset(): number {
		return this.#wantedTop ?? this.#scroll.top;
	}

	/** Share of the width that the user gave the tree column, 0.15 … 0.85; undefined before. */
	get treeShare(): number | undefined {
		return this.#share;
	}

	set treeShare(share: number | undefined) {
		this.#share = share === undefined || !Number.isFinite(share) ? undefined : clampShare(share);
		this.#applyWidth();
	}

	/** Shows another trace, or the same one anew. Selection and place start over. */
	setModel(model: TraceModel | undefined, scrollTop = 0): void {
		this.#model = model;
		this.#selected = undefined;
		this.#tooltip?.hide();
		this.#labels.clear();
		this.#wantedTop = scrollTop;
		this.#applySize();
	}

	/** Runs a change of the model and keeps on the screen what is being read: rows above it may come and go. */
	keepPlace(change: () => void): void {
		const model = this.#model;
		if (model === undefined) {
			change();
			return;
		}
		const { first, end } = rowWindow(model.rows.count, this.#scroll.top, this.#scroll.viewportPx);
		const nodes: number[] = [];
		for (let index = first; index < end; index++) nodes.push(model.rows.nodeAt(index));
		change();
		for (const [position, node] of nodes.entries()) {
			// A placeholder whose parent arrived has no row any more; the next row keeps the place.
			const index = model.rows.indexOfNode(node);
			if (index < 0) continue;
			const top = this.#scroll.top + (index - first - position) * ROW_PX;
			this.#resizeContent(top);
			break;
		}
		this.modelChanged();
	}

	/** The rows in view by id, for a model that replaces this one. */
	place(): Place {
		const model = this.#model;
		const spanIds: string[] = [];
		const offsets: number[] = [];
		if (model !== undefined) {
			const { first, end } = rowWindow(model.rows.count, this.#scroll.top, this.#scroll.viewportPx);
			for (let index = first; index < end; index++) {
				const node = model.rows.nodeAt(index);
				if (node < 0) continue;
				spanIds.push(model.table.idOf(node));
				offsets.push(index * ROW_PX - this.#scroll.top);
			}
		}
		return { spanIds, offsets };
	}

	/** Puts the first row of a place that is still there where it stood. */
	restorePlace(place: Place): void {
		const model = this.#model;
		if (model === undefined) return;
		for (const [position, spanId] of place.spanIds.entries()) {
			const ordinal = model.table.find(spanId);
			if (ordinal < 0) continue;
			this.#wantedTop = Math.max(0, model.rows.indexOfNode(ordinal) * ROW_PX - place.offsets[position]);
			this.#applySize();
			return;
		}
	}

	/** Spans changed: draws them in the next frame. */
	modelChanged(): void {
		this.#resizeContent(this.#scroll.top);
		this.#frames.request();
	}

	/** A tick of the shared clock. */
	tick(): void {
		if (this.#hasRunningInView || performance.now() - this.#drawnAtMs >= SLOW_REDRAW_MS) this.#frames.request();
	}

	/** Selects without telling; `reveal` unfolds and scrolls to it. */
	select(node: number | undefined, reveal: boolean): void {
		this.#selected = node;
		if (node !== undefined && reveal) this.#reveal(node, true);
		this.#frames.request();
	}

	override focus(): void {
		this.#part(".tree").focus();
	}

	override connectedCallback(): void {
		super.connectedCallback();
		if (this.hasUpdated) this.#attach();
	}

	override disconnectedCallback(): void {
		super.disconnectedCallback();
		this.#owned.dispose();
		this.#tooltip?.hide();
	}

	override firstUpdated(): void {
		this.#pool = new RowPool(this.#part(".rows"));
		this.#tooltip = new Tooltip(this.#part(".tooltip"));
		this.#context = this.#part<HTMLCanvasElement>("canvas").getContext("2d") ?? undefined;
		this.#attach();
	}

	override render(): TemplateResult {
		return html`
			<div class="chart">
				<div class="head">
					<span class="column" id="column">${words.columnSpan}</span>
				</div>
				<div
					class="scroller"
					@scroll=${this.#handleScroll}
					@pointermove=${this.#handlePointerMove}
					@pointerleave=${this.#handlePointerLeave}
				>
					<div
						class="tree"
						role="tree"
						tabindex="0"
						@keydown=${this.#handleKey}
						@focus=${this.#handleFocus}
						@blur=${this.#handleFocus}
						@mousedown=${this.#handleMouseDown}
						@dblclick=${this.#handleDoubleClick}
					>
						<div class="rows" role="none"></div>
					</div>
					<div class="sizer"></div>
				</div>
			</div>
			<canvas aria-hidden="true"></canvas>
			<div
				class="divider"
				role="separator"
				tabindex="0"
				aria-orientation="vertical"
				aria-label=${words.resize}
				aria-valuemin=${MIN_SHARE * 100}
				aria-valuemax=${MAX_SHARE * 100}
				@pointerdown=${this.#handleDividerDown}
				@keydown=${this.#handleDividerKey}
				@dblclick=${this.#handleDividerReset}
			></div>
			<div class="tooltip" role="tooltip" hidden></div>
		`;
	}

	#attach(): void {
		this.#owned = new DisposableStore();
		const theme = this.#owned.add(new Theme());
		this.#theme = theme;
		this.#owned.add(this.#frames);
		this.#owned.add(
			theme.onDidChange(() => {
				this.#palette = undefined;
				this.#labels.clear();
				this.#frames.request();
			}),
		);
		// The box tells of width and height, and of the browser's zoom, which changes the size of a pixel.
		const observer = new ResizeObserver(() => this.#applySize());
		observer.observe(this.#part(".scroller"));
		this.#owned.add({ dispose: () => observer.disconnect() });
		this.#applySize();
	}

	// ── Size ───────────────────────────────────────────────────────────────────────────────────────────────────────────

	#applySize(): void {
		if (!this.hasUpdated) return;
		const scroller = this.#part(".scroller");
		this.#part(".tree").style.setProperty("height", `${scroller.clientHeight}px`);
		const wasInView = this.#isSelectionInView();
		this.#scroll.viewportPx = scroller.clientHeight;
		this.#resizeContent(this.#wantedTop ?? this.#scroll.top);
		if (this.#model !== undefined && scroller.clientHeight > 0) this.#wantedTop = undefined;
		// A notice that comes up at the top must not push the row one is at out at the bottom.
		if (wasInView && !this.#isSelectionInView()) this.#scrollIntoView(this.#selectedIndex(), false);
		this.#applyWidth();
	}

	#applyWidth(): void {
		if (!this.hasUpdated) return;
		const scroller = this.#part(".scroller");
		this.#width = scroller.clientWidth;
		const isNarrow = this.#width < NARROW_PX;
		this.classList.toggle("narrow", isNarrow);
		const treePx = this.#treePx();
		this.style.setProperty("--tree-width", `${treePx}px`);
		this.#part(".divider").setAttribute("aria-valuenow", String(Math.round(this.#currentShare() * 100)));

		const canvas = this.#part<HTMLCanvasElement>("canvas");
		this.#pixelRatio = window.devicePixelRatio || 1;
		const widthPx = this.#width - treePx;
		const heightPx = scroller.clientHeight + RULER_PX;
		const width = Math.max(1, Math.round(widthPx * this.#pixelRatio));
		const height = Math.max(1, Math.round(heightPx * this.#pixelRatio));
		if (canvas.width !== width || canvas.height !== height) {
			canvas.width = width;
			canvas.height = height;
			canvas.style.setProperty("width", `${widthPx}px`);
			canvas.style.setProperty("height", `${heightPx}px`);
			this.#palette = undefined;
			this.#labels.clear();
		}
		// A resized canvas is empty until it is drawn: at once, or it would blink.
		this.#draw();
	}

	#currentShare(): number {
		return this.#share ?? clampShare(Math.min(DEFAULT_SHARE, DEFAULT_MAX_PX / Math.max(1, this.#width)));
	}

	#treePx(): number {
		return this.classList.contains("narrow") ? this.#width : Math.round(this.#width * this.#currentShare());
	}

	#resizeContent(top: number): void {
		if (!this.hasUpdated) return;
		const scroller = this.#part(".scroller");
		const contentPx = (this.#model?.rows.count ?? 0) * ROW_PX;
		this.#scroll.top = top;
		this.#scroll.resize(contentPx, this.#scroll.viewportPx);
		const sizerPx = Math.max(0, this.#scroll.elementPx - this.#scroll.viewportPx);
		this.#part(".sizer").style.setProperty("height", `${sizerPx}px`);
		if (Math.abs(scroller.scrollTop - this.#scroll.elementTop) > 0.5) scroller.scrollTop = this.#scroll.elementTop;
	}

	#scrollTo(top: number): void {
		this.#scroll.moveTo(top);
		this.#part(".scroller").scrollTop = this.#scroll.elementTop;
		this.#frames.request();
	}

	// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#draw(): void {
		const { hasUpdated } = this;
		const context = this.#context;
		const theme = this.#theme;
		const pool = this.#pool;
		if (!hasUpdated || context === undefined || theme === undefined || pool === undefined) return;
		this.#drawnAtMs = performance.now();
		const model = this.#model;
		if (model === undefined) {
			pool.clear();
			context.clearRect(0, 0, context.canvas.width, context.canvas.height);
			this.#hasRunningInView = false;
			return;
		}
		const nowNs = model.nowNs();
		const { top, viewportPx } = this.#scroll;
		const { first, end } = rowWindow(model.rows.count, top, viewportPx);
		const isNarrow = this.classList.contains("narrow");
		const treePx = this.#treePx();
		pool.render({
			model,
			first,
			end,
			selectedNode: this.#selected,
			nowNs,
			maxIndentPx: treePx * INDENT_SHARE,
			hasDuration: isNarrow,
		});
		this.#part(".rows").style.setProperty("transform", `translateY(${first * ROW_PX - top}px)`);
		const tree = this.#part(".tree");
		const selectedIndex = this.#selectedIndex();
		const active = selectedIndex >= first && selectedIndex < end ? pool.idAt(selectedIndex) : undefined;
		if (active === undefined) tree.removeAttribute("aria-activedescendant");
		else if (tree.getAttribute("aria-activedescendant") !== active) tree.setAttribute("aria-activedescendant", active);
		const label = fill(words.tree, model.header.name);
		if (tree.getAttribute("aria-label") !== label) tree.setAttribute("aria-label", label);
		this.#tooltip?.refresh(model, nowNs);

		if (isNarrow) {
			this.#hasRunningInView = this.#isRunningIn(model, first, end);
			return;
		}
		if (this.#palette === undefined) {
			this.#palette = readPalette(theme, context, this.#pixelRatio);
			this.classList.toggle("contrast", theme.isHighContrast);
		}
		const widthPx = this.#width - treePx;
		context.setTransform(this.#pixelRatio, 0, 0, this.#pixelRatio, 0, 0);
		const isFocused = this.shadowRoot?.activeElement === tree;
		this.#hasRunningInView = drawFrame(context, {
			model,
			scale: new TimeScale(timeDomain(model.startNs, model.endNs(nowNs)), widthPx, MARGIN_PX),
			palette: this.#palette,
			labels: this.#labels,
			widthPx,
			heightPx: viewportPx + RULER_PX,
			scrollTop: top,
			nowNs,
			selectedIndex: isFocused ? selectedIndex : -1,
		});
	}

	#isRunningIn(model: TraceModel, first: number, end: number): boolean {
		for (let index = first; index < end; index++) {
			const node = model.rows.nodeAt(index);
			if (node >= 0 && model.table.state[node] === 0) return true;
		}
		return false;
	}

	// ── Pointer ────────────────────────────────────────────────────────────────────────────────────────────────────────

	readonly #handleScroll = (): void => {
		const scroller = this.#part(".scroller");
		if (this.#scroll.handleScroll(scroller.scrollTop)) scroller.scrollTop = this.#scroll.elementTop;
		this.#tooltip?.hide();
		this.#frames.request();
		this.#tellArrangement();
	};

	readonly #handlePointerMove = (event: PointerEvent): void => {
		const model = this.#model;
		const index = this.#indexAt(event);
		if (model === undefined || index < 0 || event.buttons !== 0) {
			this.#tooltip?.hide();
			return;
		}
		const rowTop = RULER_PX + index * ROW_PX - this.#scroll.top;
		const x = event.clientX - this.getBoundingClientRect().left;
		this.#tooltip?.arm(model, model.rows.nodeAt(index), x, rowTop, rowTop + ROW_PX, () => model.nowNs());
	};

	readonly #handlePointerLeave = (): void => {
		this.#tooltip?.hide();
	};

	readonly #handleMouseDown = (event: MouseEvent): void => {
		const model = this.#model;
		const index = this.#indexAt(event);
		if (model === undefined || index < 0 || event.button > 1) return;
		this.#tooltip?.hide();
		const isTwistie = event.composedPath().some((target) => target instanceof Element && target.matches(".twistie"));
		if (isTwistie) this.#toggle(index);
		this.#selectByUser(index, false);
	};

	readonly #handleDoubleClick = (event: MouseEvent): void => {
		const index = this.#indexAt(event);
		if (index >= 0) this.#open(index);
	};

	#indexAt(event: MouseEvent): number {
		const y = event.clientY - this.#part(".scroller").getBoundingClientRect().top;
		return hitTest(this.#model?.rows.count ?? 0, this.#scroll.top, y);
	}

	// ── Keyboard ───────────────────────────────────────────────────────────────────────────────────────────────────────

	readonly #handleFocus = (): void => {
		this.#frames.request();
	};

	readonly #handleKey = (event: KeyboardEvent): void => {
		if (event.key === "Escape") this.#tooltip?.hide();
		const model = this.#model;
		const action = actionOfKey(event);
		if (model === undefined || action === undefined || model.rows.count === 0) return;
		event.preventDefault();
		event.stopPropagation();
		this.#tooltip?.hide();
		this.#run(action, model, event.repeat);
	};

	#run(action: KeyAction, model: TraceModel, isRepeat: boolean): void {
		const count = model.rows.count;
		const index = this.#selectedIndex();
		const page = Math.max(1, Math.floor(this.#scroll.viewportPx / ROW_PX) - 1);
		const go = (to: number): void => this.#selectByUser(Math.min(count - 1, Math.max(0, to)), isRepeat);
		switch (action) {
			case "next":
				go(index + 1);
				break;
			case "previous":
				go(index < 0 ? 0 : index - 1);
				break;
			case "first":
				go(0);
				break;
			case "last":
				go(count - 1);
				break;
			case "pageDown":
				go(Math.max(0, index) + page);
				break;
			case "pageUp":
				go(index - page);
				break;
			case "expand":
				this.#expandOrEnter(model, index, isRepeat);
				break;
			case "collapse":
				this.#collapseOrLeave(model, index, isRepeat);
				break;
			case "toggle":
				if (index >= 0) this.#toggle(index);
				break;
			case "expandAll":
				this.#changeFolds(() => model.rows.unfoldAll());
				break;
			case "collapseAll":
				this.#changeFolds(() => model.rows.foldAll());
				break;
			case "open":
				if (index >= 0) this.#open(index);
				break;
			default:
				assertNever(action, "key action");
		}
	}

	#expandOrEnter(model: TraceModel, index: number, isRepeat: boolean): void {
		if (index < 0) return;
		const row = model.rows.rowAt(index);
		if (model.layout.childCount[row] === 0) return;
		if (model.rows.isFolded(model.layout.node[row])) this.#toggle(index);
		else this.#selectByUser(index + 1, isRepeat);
	}

	#collapseOrLeave(model: TraceModel, index: number, isRepeat: boolean): void {
		if (index < 0) return;
		const row = model.rows.rowAt(index);
		if (model.layout.childCount[row] > 0 && !model.rows.isFolded(model.layout.node[row])) {
			this.#toggle(index);
			return;
		}
		const parentRow = model.layout.parentRow(row);
		if (parentRow >= 0) this.#selectByUser(model.rows.indexOfRow(parentRow), isRepeat);
	}

	// ── Selection and folds ────────────────────────────────────────────────────────────────────────────────────────────

	/** Visible row of the selection, or of the fold that hides it; -1 for none. */
	#selectedIndex(): number {
		return this.#selected === undefined ? -1 : (this.#model?.rows.indexOfNode(this.#selected) ?? -1);
	}

	#isSelectionInView(): boolean {
		const index = this.#selectedIndex();
		const { top, viewportPx } = this.#scroll;
		return index >= 0 && index * ROW_PX >= top && (index + 1) * ROW_PX <= top + viewportPx;
	}

	#selectByUser(index: number, isRepeat: boolean): void {
		const node = this.#model?.rows.nodeAt(index);
		if (node === undefined) return;
		this.#selected = node;
		this.#reveal(node, false);
		this.#frames.request();
		this.#tell("span-select", { node, isRepeat });
		this.#tellArrangement();
	}

	#open(index: number): void {
		const node = this.#model?.rows.nodeAt(index);
		if (node !== undefined) this.#tell("span-open", { node, isRepeat: false });
	}

	#toggle(index: number): void {
		const model = this.#model;
		if (model === undefined) return;
		const node = model.rows.nodeAt(index);
		if (model.layout.childCount[model.rows.rowAt(index)] === 0) return;
		this.#changeFolds(() => model.rows.setFolded(node, !model.rows.isFolded(node)));
	}

	/** The rows in view stay where they are; a selection inside a fold moves to the row that hides it. */
	#changeFolds(change: () => void): void {
		const model = this.#model;
		if (model === undefined) return;
		this.keepPlace(() => {
			change();
			model.rows.update();
		});
		const index = this.#selectedIndex();
		const node = index < 0 ? undefined : model.rows.nodeAt(index);
		if (node !== undefined && node !== this.#selected) {
			this.#selected = node;
			this.#tell("span-select", { node, isRepeat: false });
		}
		if (index >= 0) this.#scrollIntoView(index, false);
		this.#tellArrangement();
	}

	#reveal(node: number, isCentred: boolean): void {
		const model = this.#model;
		if (model === undefined) return;
		if (model.rows.reveal(node)) {
			model.rows.update();
			this.#resizeContent(this.#scroll.top);
		}
		const index = model.rows.indexOfNode(node);
		if (index >= 0) this.#scrollIntoView(index, isCentred);
	}

	/** Moves as little as needed; a row that was far away comes to the middle when asked for. */
	#scrollIntoView(index: number, isCentred: boolean): void {
		const { top, viewportPx } = this.#scroll;
		const rowTop = index * ROW_PX;
		if (rowTop >= top && rowTop + ROW_PX <= top + viewportPx) return;
		if (isCentred) this.#scrollTo(rowTop - (viewportPx - ROW_PX) / 2);
		else this.#scrollTo(rowTop < top ? rowTop : rowTop + ROW_PX - viewportPx);
	}

	// ── Divider ────────────────────────────────────────────────────────────────────────────────────────────────────────

	readonly #handleDividerDown = (event: PointerEvent): void => {
		if (event.button !== 0) return;
		const divider = this.#part(".divider");
		divider.setPointerCapture(event.pointerId);
		divider.classList.add("dragging");
		const { left } = this.getBoundingClientRect();
		const move = (moved: PointerEvent): void => {
			this.treeShare = (moved.clientX - left) / Math.max(1, this.#width);
		};
		const end = (): void => {
			divider.classList.remove("dragging");
			divider.removeEventListener("pointermove", move);
			divider.removeEventListener("lostpointercapture", end);
			this.#tellArrangement();
		};
		divider.addEventListener("pointermove", move);
		divider.addEventListener("lostpointercapture", end);
	};

	readonly #handleDividerKey = (event: KeyboardEvent): void => {
		const step = event.shiftKey ? 0.1 : 0.02;
		let share: number;
		if (event.key === "ArrowLeft") share = this.#currentShare() - step;
		else if (event.key === "ArrowRight") share = this.#currentShare() + step;
		else if (event.key === "Home") share = MIN_SHARE;
		else if (event.key === "End") share = MAX_SHARE;
		else return;
		event.preventDefault();
		this.treeShare = share;
		this.#tellArrangement();
	};

	readonly #handleDividerReset = (): void => {
		this.treeShare = undefined;
		this.#tellArrangement();
	};

	// ── Parts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

	#tell(type: "span-select" | "span-open", detail: SpanSelectDetail): void {
		this.dispatchEvent(new CustomEvent<SpanSelectDetail>(type, { detail }));
	}

	#tellArrangement(): void {
		this.dispatchEvent(new CustomEvent("arrangement-change"));
	}

	#part<T extends HTMLElement = HTMLElement>(selector: string): T {
		const part = this.renderRoot.querySelector<T>(selector);
		if (part === null) throw new Error(`chart: no ${selector}`);
		return part;
	}
}

function clampShare(share: number): number {
	return Math.min(MAX_SHARE, Math.max(MIN_SHARE, Math.round(share * 1e4) / 1e4));
}

customElements.define("traceway-chart", TraceChart);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-chart": TraceChart;
	}
}
