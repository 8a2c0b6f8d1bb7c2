import { html, LitElement, nothing, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { assertNever } from "../../src/base/assert.ts";
import { displayText } from "../../src/base/displayText.ts";
import { DisposableStore } from "../../src/base/disposable.ts";
import type { Sliced } from "../../src/base/sliced.ts";
import {
	type ConnectionView,
	type HostToWaterfall,
	PROTOCOL_VERSION,
	type WaterfallCommand,
	type WaterfallToHost,
	type WaterfallViewState,
} from "../../src/protocol/messages.ts";
import { SharedClock } from "../shared/clock.ts";
import { connectToHost, type HostEndpoint, newClientId } from "../shared/endpoint.ts";
import { iconStyles } from "../shared/icons.ts";
import { SlicedReceiver } from "../shared/slices.ts";
import { baseStyles } from "../shared/styles.ts";
import { applyFolds, foldsOf, nodeOf, refOf } from "./arrangement.ts";
import type { SpanSelectDetail, TraceChart } from "./chart.ts";
import type { PageCommand } from "./chartCommands.ts";
import { tellContext } from "./contextMenu.ts";
import { filterStyles } from "./filterMenu.ts";
import { findStyles } from "./findWidget.ts";
import { FocusTaker, KeyFocus } from "./keyFocus.ts";
import { keySheet, keySheetStyles } from "./keySheet.ts";
import { TraceModel } from "./model.ts";
import { detailsLine, headerLine, messageInstead, notices, type Phase } from "./pageParts.ts";
import { PageSearch } from "./pageSearch.ts";
import { pageStyles } from "./pageStyles.ts";
import { holdPlace } from "./place.ts";
import { sessionStyles } from "./sessionParts.ts";
import { nsBetween } from "./timeScale.ts";
import { checkedState, stateOf } from "./viewState.ts";

type Endpoint = HostEndpoint<WaterfallToHost, HostToWaterfall, WaterfallViewState>;
/** A trace that is there sooner never flashes a "loading". */
const LOADING_DELAY_MS = 150;
/** While an arrow key is held, only where it comes to rest is told. */
const SELECT_DELAY_MS = 120;
const SAVE_DELAY_MS = 300;
const MESSAGE_TYPES: readonly HostToWaterfall["type"][] = [
	"trace/loading",
	"trace/snapshot",
	"trace/delta",
	"trace/revision",
	"trace/removed",
	"trace/error",
	"selection/changed",
	"connection/changed",
	"search/hits",
	"view/run",
];

/** The waterfall page: keeps the model in step with the host, the chart in step with the model, and what the user arranged. */
export class WaterfallPage extends LitElement {
	static override styles = [
		baseStyles,
		iconStyles,
		pageStyles,
		keySheetStyles,
		findStyles,
		filterStyles,
		sessionStyles,
	];

	readonly #endpoint: Endpoint = connectToHost<WaterfallToHost, HostToWaterfall, WaterfallViewState>(MESSAGE_TYPES);
	readonly #messages = new SlicedReceiver<HostToWaterfall>((message) => this.#receive(message));
	#owned = new DisposableStore();
	#clock: SharedClock | undefined;
	#focusTaker: FocusTaker | undefined;
	#tick: { dispose(): void } | undefined;
	#phase: Phase = { name: "waiting" };
	#model: TraceModel | undefined;
	#connection: ConnectionView | undefined;
	/** Last change of the connection, for those who listen. */
	#announcement = "";
	#isLoadingShown = false;
	#hasSheet = false;
	#loadingTimer: ReturnType<typeof setTimeout> | undefined;
	#selectTimer: ReturnType<typeof setTimeout> | undefined;
	#saveTimer: ReturnType<typeof setTimeout> | undefined;
	#isResyncing = false;
	/** Arrangement of a former life of this page, until its spans are here. */
	#restored: WaterfallViewState | undefined = checkedState(this.#endpoint.getState());
	readonly #search = new PageSearch({
		root: () => this.renderRoot,
		chart: () => this.#chart,
		post: (message) => this.#endpoint.post(message),
		requestUpdate: () => {
			this.requestUpdate();
			return this.updateComplete;
		},
		onArrange: () => this.#handleArrangement(),
	});
	/** The span that host and page both had selected last. */
	#agreedSpanId: string | undefined;
	/** Selected elsewhere and not received yet. */
	#pendingSelection: { readonly spanId: string; readonly reveal: boolean } | undefined;

	override connectedCallback(): void {
		super.connectedCallback();
		this.#owned = new DisposableStore();
		this.#clock = this.#owned.add(new SharedClock());
		this.#owned.add(this.#endpoint.onMessage((message) => this.#messages.receive(message)));
		// A page that is hidden may never be shown again: what was arranged is kept now.
		const save = (): void => this.#save();
		window.addEventListener("pagehide", save);
		this.#owned.add({ dispose: () => window.removeEventListener("pagehide", save) });
		void this.updateComplete.then(() => this.#applyLooks(this.#restored));
		this.#owned.add(this.#search);
		this.#endpoint.post({ type: "page/ready", clientId: newClientId(), protocolVersion: PROTOCOL_VERSION });
		this.#focusTaker = this.#owned.add(new FocusTaker(() => this.#chart?.focus()));
		this.#owned.add(
			new KeyFocus(this.renderRoot, (isWanted) => this.#endpoint.post({ type: "keys/changed", isWanted })),
		);
	}

	override firstUpdated(): void {
		const chart = this.#chart;
		void chart?.updateComplete.then(() => this.#search.connect(chart));
	}

	override disconnectedCallback(): void {
		super.disconnectedCallback();
		this.#save();
		this.#messages.dispose();
		this.#tick?.dispose();
		this.#tick = undefined;
		this.#owned.dispose();
		for (const timer of [this.#loadingTimer, this.#selectTimer]) clearTimeout(timer);
	}

	override render(): TemplateResult {
		const model = this.#phase.name === "removed" ? undefined : this.#model;
		const hasChart = model !== undefined && model.table.count > 0;
		const error = hasChart && this.#phase.name === "error" ? this.#phase.message : undefined;
		return html`
			${model === undefined ? nothing : headerLine(model)}
			${notices(this.#connection, error, this.#handleRetry)}
			<div class="visually-hidden" role="status">${this.#announcement}</div>
			<div class="stage">
				<traceway-chart
					?data-covered=${!hasChart}
					@keydown=${this.#handleKey}
					@contextmenu=${this.#handleContextMenu}
					@span-select=${this.#handleSelect}
					@span-open=${this.#handleOpen}
					@arrangement-change=${this.#handleArrangement}
					@place-change=${this.#saveSoon}
					@page-command=${(event: CustomEvent<PageCommand>) => this.#run(event.detail)}
				></traceway-chart>
				${hasChart ? nothing : messageInstead(this.#phase, this.#isLoadingShown, this.#handleRetry)}
			</div>
			${hasChart ? this.#search.line(model) : nothing}
			${hasChart ? detailsLine(model, this.#chart?.selectedNode) : nothing}
			${this.#search.parts(hasChart ? model : undefined)}
			${this.#hasSheet ? guard([], () => keySheet(() => this.#endpoint.post({ type: "keys/open" }))) : nothing}
		`;
	}

	// ── Keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────

	#run(command: WaterfallCommand): void {
		switch (command) {
			case "find":
			case "findNext":
			case "findPrevious":
			case "filter":
				this.#search.run(command);
				break;
			case "showKeys":
				void this.#showKeys();
				break;
			default:
				this.#chart?.run(command);
		}
	}

	/** The sheet is made when it is asked for first: few ever do. */
	async #showKeys(): Promise<void> {
		if (!this.#hasSheet) {
			this.#hasSheet = true;
			this.requestUpdate();
			await this.updateComplete;
		}
		const sheet = this.renderRoot.querySelector("dialog");
		if (sheet === null || sheet.open) return;
		sheet.showModal();
		// The button at the end has the focus; one reads from the beginning.
		sheet.scrollTop = 0;
	}

	readonly #handleKey = (event: KeyboardEvent): void => {
		if (event.key === "Escape") this.#search.close();
		// Where it stands on a keyboard differs: no binding of VS Code's could name it.
		if (event.key !== "?" || event.ctrlKey || event.altKey || event.metaKey) return;
		event.preventDefault();
		void this.#showKeys();
	};

	/** The chart has selected the row under the pointer before. */
	readonly #handleContextMenu = (): void => {
		const spanId = this.#selectedId();
		const traceId = this.#model?.header.traceId;
		tellContext(this, spanId === undefined || traceId === undefined ? undefined : { traceId, spanId });
	};

	// ── Messages ───────────────────────────────────────────────────────────────────────────────────────────────────────

	/** Returns what is left to do of a message that takes long. */
	#receive(message: HostToWaterfall): Sliced<void> | undefined {
		switch (message.type) {
			case "trace/loading":
				this.#showLoading(message.traceId);
				break;
			case "trace/snapshot":
				return this.#showSnapshot(message);
			case "trace/delta":
				this.#applyDelta(message);
				break;
			case "trace/revision":
				if (this.#model?.revision !== message.revision) this.#resync();
				break;
			case "trace/removed":
				this.#setPhase({ name: "removed", reason: message.reason, isSession: message.isSession === true });
				this.#setModel(undefined);
				break;
			case "trace/error":
				this.#setPhase({ name: "error", message: message.message });
				break;
			case "selection/changed":
				this.#selectFromHost(message.spanId, message.reveal);
				break;
			case "connection/changed":
				this.#showConnection(message.connection);
				break;
			case "view/run":
				this.#run(message.command);
				break;
			case "search/hits":
				this.#search.handleHits(message);
				break;
			default:
				assertNever(message, "message to the waterfall");
		}
		return undefined;
	}

	#showConnection(connection: ConnectionView): void {
		// A countdown is for the eye; who listens is told when the state changes, and when all is well again.
		if (connection.indicator !== (this.#connection?.indicator ?? "live")) {
			this.#announcement = displayText(connection.text, 500);
		}
		this.#connection = connection;
		this.requestUpdate();
	}

	#showLoading(traceId: string): void {
		if (this.#model !== undefined && this.#model.header.traceId !== traceId) this.#setModel(undefined);
		this.#setPhase({ name: "loading" });
	}

	*#showSnapshot(message: Extract<HostToWaterfall, { readonly type: "trace/snapshot" }>): Sliced<void> {
		const model = yield* TraceModel.opening(message);
		if (model === undefined) {
			this.#resync();
			return;
		}
		this.#isResyncing = false;
		const before = this.#model;
		const chart = this.#chart;
		if (before?.isSameTrace(model) === true && chart !== null) {
			// The same trace anew: everything stays where it was, found by id.
			const selected = chart.selectedNode;
			const selectedRow = selected === undefined ? undefined : refOf(before, selected);
			const place = chart.place();
			holdPlace(model, place);
			applyFolds(model, foldsOf(before, before.table.count));
			this.#setModel(model);
			chart.restorePlace(place);
			if (selectedRow !== undefined) chart.select(nodeOf(model, selectedRow), false);
		} else {
			const restored = this.#restored;
			const isRestored = restored?.traceId === model.header.traceId && restored.sourceId === model.sourceId;
			if (isRestored) {
				const { foldedSpanIds = [], openGroupSpanIds = [] } = restored;
				applyFolds(model, { foldedSpanIds, openGroupSpanIds });
			}
			this.#search.beginTrace(isRestored ? restored : undefined);
			this.#setModel(model, isRestored ? restored.scrollTop : 0);
			if (isRestored) this.#restore(model, restored);
			// Once the spans are here it has served; before, an empty snapshot may come first.
			if (!isRestored || model.table.count > 0) this.#restored = undefined;
			if (isRestored) void this.updateComplete.then(() => this.#focusTaker?.check());
			// Which trace it is, is kept behind the first drawing: the window may be reloaded as soon as it is seen.
			if (!isRestored) setTimeout(() => this.#save());
		}
		this.#setPhase({ name: "ready" });
		this.#settleSelection();
		this.#handleArrangement();
	}

	#applyDelta(message: Extract<HostToWaterfall, { readonly type: "trace/delta" }>): void {
		const model = this.#model;
		if (model === undefined || this.#isResyncing) return;
		const wasEmpty = model.table.count === 0;
		let isApplied = false;
		const apply = (): void => {
			isApplied = model.applyDelta(message);
		};
		if (this.#chart === null) apply();
		else this.#chart.liveChange(apply);
		if (!isApplied) {
			this.#resync();
			return;
		}
		if (wasEmpty || this.#phase.name === "error") this.#setPhase({ name: "ready" });
		this.#settleSelection();
		this.#updateClock();
		this.requestUpdate();
	}

	/** Asks once; whatever comes before the snapshot is in it. */
	#resync(): void {
		if (this.#isResyncing) return;
		this.#isResyncing = true;
		this.#endpoint.post({ type: "trace/resync" });
	}

	#setPhase(phase: Phase): void {
		this.#phase = phase;
		clearTimeout(this.#loadingTimer);
		this.#isLoadingShown = false;
		if (phase.name === "loading") {
			this.#loadingTimer = setTimeout(() => {
				this.#isLoadingShown = true;
				this.requestUpdate();
			}, LOADING_DELAY_MS);
		}
		this.requestUpdate();
	}

	#setModel(model: TraceModel | undefined, scrollTop?: number): void {
		this.#model = model;
		this.#search.setModel(model);
		this.#chart?.setModel(model, scrollTop);
		this.#updateClock();
		this.requestUpdate();
	}

	// ── Selection ──────────────────────────────────────────────────────────────────────────────────────────────────────

	#selectFromHost(spanId: string | undefined, reveal: boolean): void {
		// Said again with each snapshot: what is selected already stays where the user scrolled it.
		if (spanId !== undefined && spanId === (this.#selectedId() ?? this.#spanBeside())) return;
		this.#agreedSpanId = spanId;
		this.#pendingSelection = spanId === undefined ? undefined : { spanId, reveal };
		if (spanId === undefined) this.#chart?.select(undefined, false);
		else this.#settleSelection();
		this.requestUpdate();
	}

	/** A span that was selected in the tree may arrive here later than its selection. */
	#settleSelection(): void {
		const pending = this.#pendingSelection;
		if (pending === undefined || this.#model === undefined) return;
		if (this.#selectById(this.#model, pending.spanId, pending.reveal)) this.#pendingSelection = undefined;
	}

	#selectById(model: TraceModel, spanId: string, reveal: boolean): boolean {
		const ordinal = model.table.find(spanId);
		if (ordinal < 0) return false;
		this.#chart?.select(ordinal, reveal);
		this.#handleArrangement();
		return true;
	}

	readonly #handleSelect = (event: CustomEvent<SpanSelectDetail>): void => {
		this.#pendingSelection = undefined;
		clearTimeout(this.#selectTimer);
		this.#selectTimer = undefined;
		this.requestUpdate();
		if (event.detail.isRepeat) this.#selectTimer = setTimeout(() => this.#postSelection(), SELECT_DELAY_MS);
		else this.#postSelection();
	};

	#postSelection(): void {
		clearTimeout(this.#selectTimer);
		this.#selectTimer = undefined;
		const spanId = this.#selectedId();
		if (spanId === undefined) return;
		this.#agreedSpanId = spanId;
		this.#endpoint.post({ type: "span/select", spanId });
	}

	readonly #handleOpen = (event: CustomEvent<SpanSelectDetail>): void => {
		const { node } = event.detail;
		if (node < 0 || this.#model === undefined) return;
		if (this.#selectTimer !== undefined) this.#postSelection();
		this.#endpoint.post({ type: "span/open", spanId: this.#model.table.idOf(node) });
	};

	/** While a row without a span is selected, a group's for one: the span that the host goes on showing. */
	#spanBeside(): string | undefined {
		return this.#chart?.selectedNode === undefined ? undefined : this.#agreedSpanId;
	}

	#selectedId(): string | undefined {
		const node = this.#chart?.selectedNode;
		return node === undefined || node < 0 ? undefined : this.#model?.table.idOf(node);
	}

	// ── What the user arranged ─────────────────────────────────────────────────────────────────────────────────────────

	readonly #handleArrangement = (): void => {
		this.requestUpdate();
		this.#saveSoon();
	};

	readonly #saveSoon = (): void => {
		this.#saveTimer ??= setTimeout(() => this.#save(), SAVE_DELAY_MS);
	};

	#save(): void {
		clearTimeout(this.#saveTimer);
		this.#saveTimer = undefined;
		const model = this.#model;
		const chart = this.#chart;
		// Nothing is shown yet: the state of the former life is the better one.
		if (model === undefined || chart === null || this.#restored !== undefined) return;
		this.#endpoint.setState({ ...stateOf(model, chart, this.#agreedSpanId), ...this.#search.state });
	}

	/** Brings back what an earlier life of this page showed of the trace that is shown now. */
	#restore(model: TraceModel, { topRow, timeWindow, selectedSpanId, selectedRow }: WaterfallViewState): void {
		if (topRow !== undefined) this.#chart?.restorePlace({ rows: [topRow], offsets: [topRow.offsetPx] });
		this.#restoreWindow(model, timeWindow);
		if (selectedSpanId !== undefined) this.#selectById(model, selectedSpanId, false);
		else if (selectedRow !== undefined) {
			this.#agreedSpanId = selectedRow.besideSpanId;
			this.#chart?.select(nodeOf(model, selectedRow), false);
		}
	}

	/** A snapshot may count from another moment than the one before the page went. */
	#restoreWindow(model: TraceModel, kept: WaterfallViewState["timeWindow"]): void {
		if (kept === undefined || this.#chart === null) return;
		const byNs = nsBetween(model.base, kept.base);
		this.#chart.timeWindow = { startNs: kept.startNs + byNs, endNs: kept.endNs + byNs };
	}

	/** What holds for any trace. */
	#applyLooks(state: WaterfallViewState | undefined): void {
		if (state === undefined || this.#chart === null) return;
		this.#chart.treeShare = state.treeShare;
		this.#chart.groupsSiblings = state.groupsSiblings !== false;
		this.#chart.showsCriticalPath = state.showsCriticalPath === true;
	}

	/** Ticks while something runs: its duration grows in the header, and its bar when it is in view. */
	#updateClock(): void {
		const isWanted = this.#model?.isRunning === true && this.#clock !== undefined;
		if (isWanted === (this.#tick !== undefined)) return;
		this.#tick?.dispose();
		this.#tick = isWanted
			? this.#clock?.onTick(() => {
					this.#chart?.tick();
					this.requestUpdate();
				})
			: undefined;
	}

	// ── Parts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

	readonly #handleRetry = (): void => {
		this.#isResyncing = false;
		this.#setPhase({ name: "loading" });
		this.#resync();
	};

	get #chart(): TraceChart | null {
		return this.renderRoot?.querySelector("traceway-chart") ?? null;
	}
}

customElements.define("traceway-waterfall", WaterfallPage);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-waterfall": WaterfallPage;
	}
}
