import { html, LitElement, type TemplateResult } from "lit";
import { assertNever } from "../../src/base/assert.ts";
import { DisposableStore } from "../../src/base/disposable.ts";
import type { WaterfallCommand } from "../../src/protocol/messages.ts";
import { FrameScheduler } from "../shared/frame.ts";
import { iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import type { Theme } from "../shared/theme.ts";
import { fill } from "../shared/words.ts";
import { chartStyles } from "./chartStyles.ts";
import { clampShare, Divider, MAX_SHARE, MIN_SHARE } from "./divider.ts";
import { ROW_PX, RULER_PX } from "./draw.ts";
import { actionOfKey } from "./keys.ts";
import { MINIMAP_PX } from "./minimap.ts";
import { minimapStyles } from "./minimapStyles.ts";
import type { TraceModel } from "./model.ts";
import { stepOf } from "./navigation.ts";
import { nodesInView, type Place, placeInView, topKeeping, topOfPlace } from "./place.ts";
import { RowPool } from "./rowPool.ts";
import { RowViewport } from "./rowViewport.ts";
import { TimePane, timeParts } from "./timePane.ts";
import { nsBetween, type TimeDomain } from "./timeScale.ts";
import { Tooltip } from "./tooltip.ts";
import { words } from "./words.ts";

/** While the user has not moved the divider: this share, but no more than names need. */
const DEFAULT_SHARE = 0.4;
const DEFAULT_MAX_PX = 440;
/** Below this a time column would tell nothing. */
const NARROW_PX = 420;
/** Below this the rows need all there is. */
const MIN_OVERVIEW_HEIGHT_PX = 200;
/** Indents take at most this part of the tree column; the rest is for names. */
const INDENT_SHARE = 0.4;
/** With no running bar in view the window of time still grows, seldom. */
const SLOW_REDRAW_MS = 1000;

export interface SpanSelectDetail {
	readonly node: number;
	/** A key is held down: more will follow at once. */
	readonly isRepeat: boolean;
}

/**
 * Tree column, time column and the divider between them. Draws what its model says and tells what the user does by events:
 * `span-select`, `span-open` (both with `SpanSelectDetail`) and `arrangement-change`; knows nothing of the host.
 */
export class TraceChart extends LitElement {
	static override styles = [baseStyles, iconStyles, chartStyles, minimapStyles];

	readonly #frames = new FrameScheduler(() => this.#draw());
	#owned = new DisposableStore();
	#model: TraceModel | undefined;
	#rows: RowViewport | undefined;
	#time: TimePane | undefined;
	#pool: RowPool | undefined;
	#tooltip: Tooltip | undefined;
	#selected: number | undefined;
	#share: number | undefined;
	#width = 0;
	#isNarrow = false;
	#isLow = false;
	/** Height of the strip above the ruler, 0 while there is none. */
	#overviewPx = 0;
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
		return this.#wantedTop ?? this.#rows?.top ?? 0;
	}

	/** Part of the trace that is shown, by the model's base; undefined for all of it. */
	get timeWindow(): TimeDomain | undefined {
		return this.#time?.axis.window.shown;
	}

	set timeWindow(shown: TimeDomain | undefined) {
		this.#time?.axis.window.restore(shown);
		this.#frames.request();
	}

	/** Share of the width that the user gave the tree column, 0.15 … 0.85; undefined before. */
	get treeShare(): number | undefined {
		return this.#share;
	}

	set treeShare(share: number | undefined) {
		this.#share = share === undefined || !Number.isFinite(share) ? undefined : clampShare(share);
		this.#applyWidth();
	}

	/** Shows another trace, or the same one anew. Selection and place start over; the shown time only with another trace. */
	setModel(model: TraceModel | undefined, scrollTop = 0): void {
		const before = this.#model;
		if (model !== undefined && before?.isSameTrace(model) === true) {
			this.#time?.axis.window.rebase(nsBetween(model.base, before.base));
		} else this.#time?.axis.window.restore(undefined);
		this.#model = model;
		this.#selected = undefined;
		this.#tooltip?.hide();
		this.#time?.axis.reset();
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
		const before = nodesInView(model, this.#rows?.top ?? 0, this.#rows?.heightPx ?? 0);
		change();
		this.#resizeContent(topKeeping(model, before));
		this.modelChanged();
	}

	/** The rows in view by id, for a model that replaces this one. */
	place(): Place {
		if (this.#model === undefined) return { spanIds: [], offsets: [] };
		return placeInView(this.#model, this.#rows?.top ?? 0, this.#rows?.heightPx ?? 0);
	}

	/** Puts the first row of a place that is still there where it stood. */
	restorePlace(place: Place): void {
		const top = this.#model === undefined ? undefined : topOfPlace(this.#model, place);
		if (top === undefined) return;
		this.#wantedTop = top;
		this.#applySize();
	}

	/** Spans changed: draws them in the next frame. */
	modelChanged(): void {
		if (this.#wantsOverview !== this.#overviewPx > 0) this.#applySize();
		this.#resizeContent(this.#rows?.top ?? 0);
		this.#frames.request();
	}

	/** Does what a command of VS Code asks for. */
	run(command: WaterfallCommand): void {
		const model = this.#model;
		const axis = this.#time?.axis;
		if (model === undefined || axis === undefined) return;
		this.#tooltip?.hide();
		if (command !== "fitSpan") axis.step(command);
		else if (this.#selected !== undefined) axis.fit(model, this.#selected);
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
		this.#rows = new RowViewport(this.#part(".scroller"), this.#part(".sizer"));
		this.#tooltip = new Tooltip(this.#part(".tooltip"));
		this.#attach();
	}

	override render(): TemplateResult {
		return html`
			<div class="chart">
				<div class="head">
					<span class="column" id="column">${words.columnSpan}</span>
					<div class="ruler"></div>
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
						@click=${this.#handleClick}
						@dblclick=${this.#handleDoubleClick}
					>
						<div class="rows" role="none"></div>
					</div>
					<div class="sizer"></div>
				</div>
			</div>
			<div
				class="divider"
				role="separator"
				tabindex="0"
				aria-orientation="vertical"
				aria-label=${words.resize}
				aria-valuemin=${MIN_SHARE * 100}
				aria-valuemax=${MAX_SHARE * 100}
			></div>
			${timeParts()}
			<div class="tooltip" role="tooltip" hidden></div>
		`;
	}

	#attach(): void {
		this.#owned = new DisposableStore();
		const options = {
			root: this.renderRoot,
			left: () => (this.#isNarrow ? undefined : this.getBoundingClientRect().left + this.#treePx()),
			requestFrame: () => this.#frames.request(),
			onArrange: () => this.#tellArrangement(),
			onTheme: (theme: Theme) => this.classList.toggle("contrast", theme.isHighContrast),
		};
		this.#time = this.#owned.add(new TimePane(options, this.timeWindow));
		this.#owned.add(new Divider(this.#part(".divider"), this, () => this.#currentShare(), this.#handleDivider));
		this.#owned.add(this.#frames);
		// The box tells of width and height, and of the browser's zoom, which changes the size of a pixel.
		const observer = new ResizeObserver(() => this.#applySize());
		observer.observe(this.#part(".scroller"));
		this.#owned.add({ dispose: () => observer.disconnect() });
		this.#applySize();
	}

	// ── Size ───────────────────────────────────────────────────────────────────────────────────────────────────────────

	#applySize(): void {
		if (!this.hasUpdated) return;
		this.#applyRoom();
		const scroller = this.#part(".scroller");
		this.#part(".tree").style.setProperty("height", `${scroller.clientHeight}px`);
		const wasInView = this.#rows?.isInView(this.#selectedIndex()) === true;
		this.#rows?.measure();
		this.#resizeContent(this.scrollOffset);
		if (this.#model !== undefined && scroller.clientHeight > 0) this.#wantedTop = undefined;
		// A notice that comes up at the top must not push the row one is at out at the bottom.
		if (wasInView) this.#scrollIntoView(this.#selectedIndex(), false);
		this.#applyWidth();
	}

	/** What there is room for: a time column, and the strip above it unless the trace is one span. */
	#applyRoom(): void {
		this.#isNarrow = this.#part(".scroller").clientWidth < NARROW_PX;
		this.#isLow = this.clientHeight < MIN_OVERVIEW_HEIGHT_PX;
		this.classList.toggle("narrow", this.#isNarrow);
		this.#overviewPx = this.#wantsOverview ? MINIMAP_PX : 0;
		this.classList.toggle("no-overview", !this.#wantsOverview);
		this.style.setProperty("--overview-height", `${this.#overviewPx}px`);
	}

	get #wantsOverview(): boolean {
		const model = this.#model;
		if (model === undefined || this.#isNarrow || this.#isLow) return false;
		// While more is to come it is there from the first span on: coming later it would move the rows.
		return model.layout.rowCount > 1 || model.isRunning;
	}

	#applyWidth(): void {
		if (!this.hasUpdated) return;
		const scroller = this.#part(".scroller");
		this.#width = scroller.clientWidth;
		const treePx = this.#treePx();
		this.style.setProperty("--tree-width", `${treePx}px`);
		this.style.setProperty("--time-width", `${this.#width - treePx}px`);
		this.#part(".divider").setAttribute("aria-valuenow", String(Math.round(this.#currentShare() * 100)));

		this.#time?.resize(this.#width - treePx, scroller.clientHeight);
		// A resized canvas is empty until it is drawn: at once, or it would blink.
		this.#draw();
	}

	#currentShare(): number {
		return this.#share ?? clampShare(Math.min(DEFAULT_SHARE, DEFAULT_MAX_PX / Math.max(1, this.#width)));
	}

	#treePx(): number {
		return this.#isNarrow ? this.#width : Math.round(this.#width * this.#currentShare());
	}

	#resizeContent(top: number): void {
		this.#rows?.resize(this.#model?.rows.count ?? 0, top);
	}

	// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#draw(): void {
		const pool = this.#pool;
		const time = this.#time;
		const rows = this.#rows;
		if (pool === undefined || time === undefined || rows === undefined) return;
		this.#drawnAtMs = performance.now();
		const model = this.#model;
		if (model === undefined) {
			pool.clear();
			time.axis.clear();
			this.#hasRunningInView = false;
			return;
		}
		const nowNs = model.nowNs();
		const { top } = rows;
		const { first, end } = rows.window(model.rows.count);
		const treePx = this.#treePx();
		pool.render({
			model,
			first,
			end,
			selectedNode: this.#selected,
			nowNs,
			maxIndentPx: treePx * INDENT_SHARE,
			hasDuration: this.#isNarrow,
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

		this.#hasRunningInView = this.#isRunningIn(model, first, end);
		if (this.#isNarrow) return;
		const isFocused = this.shadowRoot?.activeElement === tree;
		time.draw({ model, scrollTop: top, nowNs, selectedIndex: isFocused ? selectedIndex : -1 }, this.#overviewPx > 0);
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
		this.#rows?.handleScroll();
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
		const rowTop = this.#overviewPx + RULER_PX + index * ROW_PX - (this.#rows?.top ?? 0);
		const x = event.clientX - this.getBoundingClientRect().left;
		this.#tooltip?.arm(model, model.rows.nodeAt(index), x, rowTop, rowTop + ROW_PX, () => model.nowNs());
	};

	readonly #handlePointerLeave = (): void => {
		this.#tooltip?.hide();
	};

	readonly #handleClick = (event: MouseEvent): void => {
		const index = this.#indexAt(event);
		if (index >= 0 && this.#time?.pointer.mayDrag(event) === true) this.#selectByUser(index, false);
	};

	readonly #handleMouseDown = (event: MouseEvent): void => {
		const model = this.#model;
		const index = this.#indexAt(event);
		if (model === undefined || index < 0 || event.button > 1) return;
		// What may become a drag of the time selects when it was a click.
		if (this.#time?.pointer.mayDrag(event) === true) return;
		this.#tooltip?.hide();
		const isTwistie = event.composedPath().some((target) => target instanceof Element && target.matches(".twistie"));
		if (isTwistie) this.#toggle(index);
		this.#selectByUser(index, false);
	};

	readonly #handleDoubleClick = (event: MouseEvent): void => {
		const model = this.#model;
		const index = this.#indexAt(event);
		if (model === undefined || index < 0) return;
		const node = model.rows.nodeAt(index);
		const px = this.#time?.pointer.px(event);
		if (px !== undefined && this.#time?.axis.isBarAt(model, node, px) === true) this.#time.axis.fit(model, node);
		else this.#open(index);
	};

	#indexAt(event: MouseEvent): number {
		return this.#rows?.indexAt(event.clientY, this.#model?.rows.count ?? 0) ?? -1;
	}

	// ── Keyboard ───────────────────────────────────────────────────────────────────────────────────────────────────────

	readonly #handleFocus = (): void => {
		this.#frames.request();
	};

	readonly #handleKey = (event: KeyboardEvent): void => {
		if (event.key === "Escape") {
			this.#tooltip?.hide();
			this.#time?.axis.clearMeasure();
		}
		const model = this.#model;
		const action = actionOfKey(event);
		if (model === undefined || action === undefined) return;
		event.preventDefault();
		event.stopPropagation();
		this.#tooltip?.hide();
		const step = stepOf(action, model, this.#selectedIndex(), this.#rows?.pageRows ?? 1);
		switch (step?.do) {
			case undefined:
				break;
			case "select":
				this.#selectByUser(step.index, event.repeat);
				break;
			case "toggle":
				this.#toggle(step.index);
				break;
			case "open":
				this.#open(step.index);
				break;
			case "expandAll":
				this.#changeFolds(() => model.rows.unfoldAll());
				break;
			case "collapseAll":
				this.#changeFolds(() => model.rows.foldAll());
				break;
			default:
				assertNever(step, "step");
		}
	};

	// ── Selection and folds ────────────────────────────────────────────────────────────────────────────────────────────

	/** Visible row of the selection, or of the fold that hides it; -1 for none. */
	#selectedIndex(): number {
		return this.#selected === undefined ? -1 : (this.#model?.rows.indexOfNode(this.#selected) ?? -1);
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
			this.#resizeContent(this.#rows?.top ?? 0);
		}
		const index = model.rows.indexOfNode(node);
		if (index >= 0) this.#scrollIntoView(index, isCentred);
	}

	#scrollIntoView(index: number, isCentred: boolean): void {
		this.#rows?.bringIntoView(index, isCentred);
		this.#frames.request();
	}

	// ── Divider ────────────────────────────────────────────────────────────────────────────────────────────────────────

	/** The user moved it, or asked for the width of the beginning. */
	readonly #handleDivider = (share: number | undefined): void => {
		this.treeShare = share;
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

customElements.define("traceway-chart", TraceChart);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-chart": TraceChart;
	}
}
