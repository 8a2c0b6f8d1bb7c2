import { html, LitElement, type TemplateResult } from "lit";
import { DisposableStore } from "../../src/base/disposable.ts";
import { FrameScheduler } from "../shared/frame.ts";
import { iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import type { Theme } from "../shared/theme.ts";
import { chartActions, filterButton, updateActions } from "./chartActions.ts";
import { type ChartCommand, runCommand } from "./chartCommands.ts";
import { ChartRoom } from "./chartRoom.ts";
import { chartStyles } from "./chartStyles.ts";
import { Divider, dividerPart } from "./divider.ts";
import { ROW_PX, RULER_PX } from "./draw.ts";
import { LiveTail, tailParts, tailStyles } from "./liveTail.ts";
import { minimapStyles } from "./minimapStyles.ts";
import type { TraceModel } from "./model.ts";
import { overviewStyles } from "./overviewStyles.ts";
import { hasRunning, NO_PLACE, nodesInView, type Place, placeInView, topKeeping, topOfPlace } from "./place.ts";
import { RowCursor } from "./rowCursor.ts";
import { RowInput } from "./rowInput.ts";
import { matchStyles } from "./rowMatch.ts";
import { RowViewport } from "./rowViewport.ts";
import { TimePane, timeParts } from "./timePane.ts";
import { nsBetween, type TimeDomain } from "./timeScale.ts";
import { Tooltip } from "./tooltip.ts";
import { TreePane } from "./treePane.ts";
import { words } from "./words.ts";

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
 * `span-select`, `span-open` (both with `SpanSelectDetail`), `arrangement-change` for folds, selection and looks, `place-change`
 * for what is shown of rows and time; knows nothing of the host.
 */
export class TraceChart extends LitElement {
	static override styles = [
		baseStyles,
		iconStyles,
		chartStyles,
		matchStyles,
		minimapStyles,
		overviewStyles,
		tailStyles,
	];

	readonly #frames = new FrameScheduler(() => this.#drawFrame());
	#owned = new DisposableStore();
	#model: TraceModel | undefined;
	#rows: RowViewport | undefined;
	#time: TimePane | undefined;
	#tree: TreePane | undefined;
	#tail: LiveTail | undefined;
	#tooltip: Tooltip | undefined;
	readonly #cursor = new RowCursor({
		model: () => this.#model,
		viewport: () => this.#rows,
		keepPlace: (change) => this.keepPlace(change),
		requestFrame: () => this.#frames.request(),
		onSelect: (node, isRepeat) => this.#tell("span-select", { node, isRepeat }),
		onArrange: () => this.#tellArrangement(),
	});
	readonly #room = new ChartRoom();
	#showsPath = false;
	#groupsSiblings = true;
	#hasRunningInView = false;
	#drawnAtMs = 0;
	#wantedTop: number | undefined;
	/** What stands above the chart may come or go with the model, before the next frame. */
	#isSizeStale = false;

	get model(): TraceModel | undefined {
		return this.#model;
	}

	get selectedNode(): number | undefined {
		return this.#cursor.node;
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
		return this.#room.givenShare;
	}

	set treeShare(share: number | undefined) {
		this.#room.givenShare = share;
		this.#applyWidth();
	}

	/** Whether the bars show what the end of the trace waited for. */
	get showsCriticalPath(): boolean {
		return this.#showsPath;
	}

	set showsCriticalPath(isShown: boolean) {
		this.#showsPath = isShown;
		this.#frames.request();
	}

	/** Whether like siblings are folded into groups. */
	get groupsSiblings(): boolean {
		return this.#groupsSiblings;
	}

	set groupsSiblings(isOn: boolean) {
		if (this.#groupsSiblings === isOn) return;
		this.#groupsSiblings = isOn;
		this.#cursor.setGrouping(isOn);
		this.#frames.request();
	}

	/** Shows another trace, or the same one anew. Selection and place start over; the shown time only with another trace. */
	setModel(model: TraceModel | undefined, scrollTop = 0): void {
		const before = this.#model;
		if (before?.isSameTrace(model) !== true) this.#tail?.reset();
		if (model !== undefined && before?.isSameTrace(model) === true) {
			this.#time?.axis.window.rebase(nsBetween(model.base, before.base));
		} else this.#time?.axis.window.restore(undefined);
		this.#model = model;
		if (model !== undefined && model.groups.isOn !== this.#groupsSiblings) {
			model.groups.isOn = this.#groupsSiblings;
			model.rows.update();
		}
		this.#cursor.clear();
		this.#tooltip?.hide();
		this.#time?.axis.reset();
		this.#wantedTop = scrollTop;
		this.#isSizeStale = true;
		this.#applySize();
	}

	/** Runs a change of the model and keeps on the screen what is being read: rows above it may come and go. */
	keepPlace(change: () => void): void {
		const model = this.#model;
		if (model === undefined) {
			change();
			return;
		}
		// What one is at, or points at, stands still before all others.
		const wasAt = this.#rows?.isInView(this.#cursor.index) === true ? this.#cursor.node : this.#tooltip?.node;
		const before = nodesInView(model, this.#rows?.top ?? 0, this.#rows?.heightPx ?? 0);
		change();
		this.#cursor.settle();
		this.#resizeContent(topKeeping(model, before, wasAt));
		if (this.#room.isOverviewStale(model)) this.#applySize();
		this.#frames.request();
	}

	/** Spans come in: as `keepPlace`; at the end of the rows new ones scroll in. */
	liveChange(change: () => void): void {
		const model = this.#model;
		if (model === undefined || this.#rows === undefined) {
			change();
			return;
		}
		const settle = this.#tail?.begin(model, this.#rows, this.#cursor.node);
		this.keepPlace(change);
		settle?.();
	}

	/** The rows in view by id, for a model that replaces this one. */
	place(): Place {
		if (this.#model === undefined) return NO_PLACE;
		return placeInView(this.#model, this.#rows?.top ?? 0, this.#rows?.heightPx ?? 0);
	}

	/** Puts the first row of a place that is still there where it stood. */
	restorePlace(place: Place): void {
		const top = this.#model === undefined ? undefined : topOfPlace(this.#model, place);
		if (top === undefined) return;
		this.#wantedTop = top;
		this.#applySize();
	}

	/** Does what a command of VS Code asks for. */
	readonly run = (command: ChartCommand): void => {
		const model = this.#model;
		const axis = this.#time?.axis;
		if (model === undefined || axis === undefined) return;
		this.#tooltip?.hide();
		runCommand(command, {
			model,
			axis,
			cursor: this.#cursor,
			toggle: (look) => {
				if (look === "groups") this.groupsSiblings = !this.#groupsSiblings;
				else this.showsCriticalPath = !this.#showsPath;
				this.#tellArrangement();
			},
		});
	};

	/** A tick of the shared clock. */
	tick(): void {
		if (this.#hasRunningInView || performance.now() - this.#drawnAtMs >= SLOW_REDRAW_MS) this.#frames.request();
	}

	/** Selects without telling; `reveal` unfolds and scrolls to it. */
	select(node: number | undefined, reveal: boolean): void {
		this.#cursor.select(node, reveal);
	}

	/** The user goes to a span, wherever it stands. */
	goTo(node: number, isRepeat: boolean): void {
		this.#tooltip?.hide();
		this.#cursor.goToNode(node, isRepeat);
		if (node >= 0 && this.#model !== undefined) this.#time?.axis.reveal(this.#model.table.startNs[node]);
	}

	/** Layout row at the top of the view, 0 while there is none. */
	get firstRow(): number {
		const { rows } = this.#model ?? {};
		const first = this.#rows?.window(rows?.count ?? 0).first ?? 0;
		return rows === undefined || first >= rows.count ? 0 : rows.rowAt(first);
	}

	/** Scrolls to the nearest hit further down, or the first one, unless one is in view. Nothing is selected or opened. */
	showHit(): void {
		const { rows, marks } = this.#model ?? {};
		const view = this.#rows?.window(rows?.count ?? 0);
		if (rows === undefined || marks === undefined || view === undefined) return;
		const isHit = (index: number): boolean => marks.isHit(rows.nodeAt(index)) || marks.hitsIn(rows.hiddenBy(index)) > 0;
		for (let index = view.first; index < view.end; index++) if (isHit(index)) return;
		const node = marks.nextHit(this.firstRow - 1, 1);
		if (node !== undefined) this.#cursor.scrollTo(rows.indexOfNode(node), true);
	}

	get filterButton(): HTMLButtonElement | null {
		return filterButton(this.renderRoot);
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
		this.#tree = new TreePane(this.#part(".tree"), this.#part(".rows"));
		this.#attach();
	}

	override render(): TemplateResult {
		return html`
			<div class="chart">
				<div class="head">
					<span class="column" id="column"><span>${words.columnSpan}</span></span>
					<div class="ruler"></div>
				</div>
				<div class="scroller" @scroll=${this.#handleScroll}>
					<div class="tree" role="tree" tabindex="0">
						<div class="rows" role="none"></div>
					</div>
					<div class="sizer"></div>
				</div>
			</div>
			${dividerPart()} ${chartActions(this.run, (command) => this.dispatchEvent(new CustomEvent("page-command", { detail: command })))} ${timeParts()}
			${tailParts(this.#handleNewBelow)}
			<div class="tooltip" role="tooltip" hidden></div>
		`;
	}

	#attach(): void {
		this.#owned = new DisposableStore();
		const scroller = this.#part(".scroller");
		const tooltip = new Tooltip(this.#part(".tooltip"));
		this.#tooltip = tooltip;
		this.#rows ??= new RowViewport(scroller, this.#part(".sizer"));
		const viewport = this.#rows;
		const options = {
			root: this.renderRoot,
			left: () => (this.#room.isNarrow ? undefined : this.getBoundingClientRect().left + this.#room.treePx),
			requestFrame: () => this.#frames.request(),
			onArrange: () => this.#tellPlace(),
			onTheme: (theme: Theme) => this.classList.toggle("contrast", theme.isHighContrast),
		};
		const time = this.#owned.add(new TimePane(options, this.timeWindow));
		this.#time = time;
		this.#owned.add(
			new RowInput({
				scroller,
				tree: this.#part(".tree"),
				model: () => this.#model,
				viewport,
				cursor: this.#cursor,
				time,
				tooltip,
				placeOf: (event, index) => ({
					x: event.clientX - this.getBoundingClientRect().left,
					top: this.#room.overviewPx + RULER_PX + index * ROW_PX - viewport.top,
				}),
				onOpen: (node) => this.#tell("span-open", { node, isRepeat: false }),
				onFocus: () => this.#frames.request(),
			}),
		);
		this.#tail = this.#owned.add(new LiveTail(this.renderRoot, scroller));
		this.#owned.add(new Divider(this.#part(".divider"), this, () => this.#room.share, this.#handleDivider));
		this.#owned.add(this.#frames);
		// The box tells of width and height, and of the browser's zoom, which changes the size of a pixel.
		const observer = new ResizeObserver(() => {
			// This frame's own drawing was before: what was emptied now would be shown empty.
			if (this.#applySize()) this.#draw();
		});
		observer.observe(scroller);
		this.#owned.add({ dispose: () => observer.disconnect() });
		this.#applySize();
	}

	// ── Size ───────────────────────────────────────────────────────────────────────────────────────────────────────────

	/** Returns whether a canvas is empty now; it is drawn in the next frame. */
	#applySize(): boolean {
		if (!this.hasUpdated) return false;
		const scroller = this.#part(".scroller");
		this.#room.apply(this, scroller, this.#model);
		this.#part(".tree").style.setProperty("height", `${scroller.clientHeight}px`);
		const wasInView = this.#rows?.isInView(this.#cursor.index) === true;
		this.#rows?.measure();
		this.#resizeContent(this.scrollOffset);
		if (this.#model !== undefined && scroller.clientHeight > 0) this.#wantedTop = undefined;
		// A notice that comes up at the top must not push the row one is at out at the bottom.
		if (wasInView) this.#cursor.scrollTo(this.#cursor.index, false);
		return this.#applyWidth();
	}

	#applyWidth(): boolean {
		if (!this.hasUpdated) return false;
		const scroller = this.#part(".scroller");
		this.#room.apply(this, scroller, this.#model);
		this.#part(".divider").setAttribute("aria-valuenow", String(Math.round(this.#room.share * 100)));
		this.#frames.request();
		return this.#time?.resize(this.#room.timePx, scroller.clientHeight) === true;
	}

	#resizeContent(top: number): void {
		this.#rows?.resize(this.#model?.rows.count ?? 0, top);
	}

	// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#drawFrame(): void {
		// Found only behind the frame, the new size would have all of it drawn twice.
		if (this.#isSizeStale) this.#applySize();
		this.#isSizeStale = false;
		this.#draw();
	}

	#draw(): void {
		const pane = this.#tree;
		const time = this.#time;
		const rows = this.#rows;
		if (pane === undefined || time === undefined || rows === undefined) return;
		this.#drawnAtMs = performance.now();
		const model = this.#model;
		if (model === undefined) {
			pane.clear();
			time.axis.clear();
			this.#hasRunningInView = false;
			return;
		}
		const nowNs = model.nowNs();
		const { top } = rows;
		const { first, end } = rows.window(model.rows.count);
		const selectedIndex = this.#cursor.index;
		const view = {
			model,
			first,
			end,
			selectedNode: this.#cursor.node,
			nowNs,
			maxIndentPx: this.#room.treePx * INDENT_SHARE,
			hasDuration: this.#room.isNarrow,
			takeNew: (ordinal: number) => this.#tail?.takeNew(ordinal) === true,
		};
		pane.draw(view, top, selectedIndex);
		this.#tail?.update(model, rows);
		this.#tooltip?.refresh(model, nowNs);

		this.#hasRunningInView = hasRunning(model, first, end);
		updateActions(this.renderRoot, {
			hasFailures: model.header.failedCount > 0,
			isZoomed: time.axis.isZoomed,
			showsPath: this.#showsPath,
			isFiltered: model.marks.hasFilter,
			groupsSiblings: this.#groupsSiblings,
		});
		if (this.#room.isNarrow) return;
		const isFocused = this.shadowRoot?.activeElement?.classList.contains("tree") === true;
		time.draw(
			{ model, scrollTop: top, nowNs, selectedIndex: isFocused ? selectedIndex : -1 },
			{ overview: this.#room.overviewPx > 0, path: this.#showsPath },
		);
	}

	readonly #handleNewBelow = (): void => {
		this.#rows?.scrollTo(Number.POSITIVE_INFINITY);
		this.focus();
		this.#frames.request();
	};

	readonly #handleScroll = (): void => {
		this.#rows?.handleScroll();
		this.#tooltip?.hide();
		this.#frames.request();
		this.#tellPlace();
	};

	// ── Divider ────────────────────────────────────────────────────────────────────────────────────────────────────────

	/** The user moved it, or asked for the width of the beginning. */
	readonly #handleDivider = (share: number | undefined): void => {
		this.treeShare = share;
		this.#tellPlace();
	};

	// ── Parts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

	#tell(type: "span-select" | "span-open", detail: SpanSelectDetail): void {
		this.dispatchEvent(new CustomEvent<SpanSelectDetail>(type, { detail }));
	}

	#tellArrangement(): void {
		this.dispatchEvent(new CustomEvent("arrangement-change"));
	}

	/** Many times a second: what is around the chart has nothing to draw anew. */
	#tellPlace(): void {
		this.dispatchEvent(new CustomEvent("place-change"));
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
