import { html, LitElement, nothing, type TemplateResult } from "lit";
import { assertNever } from "../../src/base/assert.ts";
import { displayText } from "../../src/base/displayText.ts";
import { DisposableStore } from "../../src/base/disposable.ts";
import { formatCount } from "../../src/base/quantity.ts";
import type {
	HostToLive,
	LiveAction,
	LivePhase,
	LiveStats,
	LiveToHost,
	LiveViewState,
	LiveWaiting,
} from "../../src/protocol/liveMessages.ts";
import { type ConnectionView, PROTOCOL_VERSION } from "../../src/protocol/messages.ts";
import { SharedClock } from "../shared/clock.ts";
import { connectToHost, type HostEndpoint, newClientId } from "../shared/endpoint.ts";
import { iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { fill } from "../shared/words.ts";
import { statCards } from "./cards.ts";
import type { Sorting } from "./columns.ts";
import type { FilterDetail, FilterField } from "./filterField.ts";
import { isNarrowing, sortingOf, withoutOrder } from "./filterOrder.ts";
import type { PromptsDetail, TraceDetail, TraceGrid } from "./grid.ts";
import { pageStyles } from "./pageStyles.ts";
import { banner, bannerText, emptyPart, indicator, pausedNotice, problemNotice, staleNotice } from "./parts.ts";
import { LiveTable } from "./table.ts";
import { arrangedOf } from "./viewState.ts";
import { words } from "./words.ts";

type Endpoint = HostEndpoint<LiveToHost, HostToLive, LiveViewState>;

const SAVE_DELAY_MS = 300;
/** While an arrow key is held, only where it comes to rest is told. */
const SELECT_DELAY_MS = 120;
/** What waits is announced to screen readers this often at most. */
const ANNOUNCE_MS = 10_000;
/** The clock ticks twenty times a second; figures are read at half that pace. */
const TICKS_A_DRAW = 2;
const MESSAGE_TYPES: readonly HostToLive["type"][] = [
	"live/snapshot",
	"live/delta",
	"live/paused",
	"live/resumed",
	"values/known",
	"prompts/known",
	"filter/problem",
	"connection/changed",
];
/** The live panel's page: keeps the table in step with the host, and what the user arranged. */
export class LivePage extends LitElement {
	static override styles = [baseStyles, iconStyles, pageStyles];

	readonly #endpoint: Endpoint = connectToHost<LiveToHost, HostToLive, LiveViewState>(MESSAGE_TYPES);
	readonly #arranged = arrangedOf(this.#endpoint.getState());
	readonly #table = new LiveTable();
	#owned = new DisposableStore();
	#clock: SharedClock | undefined;
	#tick: { dispose(): void } | undefined;
	#ticks = 0;
	/** What the heads of the columns were set to; an order in the filter goes before it. */
	#sorting: Sorting = this.#arranged.sorting;
	/** To be selected once its row is here. */
	#pendingSelection = this.#arranged.selectedTraceId;
	/** Undefined until a snapshot came. */
	#revision: number | undefined;
	#isResyncing = false;
	/** Older rows of a snapshot are still to come. */
	#hasMore = false;
	#phase: LivePhase = "connecting";
	#stats: LiveStats | undefined;
	#connection: ConnectionView | undefined;
	#sourceId: string | undefined;
	#filter = "";
	/** Why the server could not search for a part of the filter. */
	#problem: string | undefined;
	#clockOffsetMs = 0;
	#pausedAtMs: number | undefined;
	#waiting: LiveWaiting | undefined;
	#announcement = "";
	#announcedMs = Number.NEGATIVE_INFINITY;
	#saveTimer: ReturnType<typeof setTimeout> | undefined;
	#selectTimer: ReturnType<typeof setTimeout> | undefined;

	override connectedCallback(): void {
		super.connectedCallback();
		this.#owned = new DisposableStore();
		this.#clock = this.#owned.add(new SharedClock());
		this.#owned.add(this.#endpoint.onMessage((message) => this.#receive(message)));
		const save = (): void => this.#save();
		window.addEventListener("pagehide", save);
		this.#owned.add({ dispose: () => window.removeEventListener("pagehide", save) });
		void this.updateComplete.then(() => this.#setUpGrid());
		this.#endpoint.post({ type: "page/ready", clientId: newClientId(), protocolVersion: PROTOCOL_VERSION });
	}

	override disconnectedCallback(): void {
		super.disconnectedCallback();
		this.#save();
		this.#tick?.dispose();
		this.#tick = undefined;
		clearTimeout(this.#selectTimer);
		this.#owned.dispose();
	}

	override render(): TemplateResult {
		const rowCount = this.#table.order.length + this.#table.waitingCount;
		const isEmpty = this.#table.order.length === 0;
		const traces = this.#stats?.traces ?? 0;
		return html`
			<header>
				${indicator(this.#connection, this.#run)} ${statCards(this.#stats)}
				<traceway-filter @filter-change=${this.#handleFilter} @values-wanted=${this.#handleValues}></traceway-filter>
			</header>
			${isEmpty ? nothing : staleNotice(this.#connection)} ${pausedNotice(this.#waiting, this.#run)}
			${problemNotice(this.#problem)}
			<div class="visually-hidden" role="status">${this.#announcement}</div>
			<div class="stage">
				<traceway-trace-grid
					?data-covered=${isEmpty}
					@trace-select=${this.#handleSelect}
					@trace-open=${this.#handleOpen}
					@trace-copy=${this.#handleCopy}
					@trace-delete=${this.#handleDelete}
					@trace-context=${this.#handleContext}
					@prompts-wanted=${this.#handlePrompts}
					@arrangement-change=${this.#handleArrangement}
					@sort-change=${this.#handleSort}
					@grid-scroll=${this.#handleScroll}
				></traceway-trace-grid>
				${banner(this.#table.waitingCount, this.#table.isStale, this.#showWaiting)}
				${isEmpty ? emptyPart(this.#phase, this.#connection?.text, this.#run, this.#clearFilter) : nothing}
			</div>
			${
				rowCount > 0 && traces > rowCount && this.#revision !== undefined && !this.#hasMore
					? html`<footer>${fill(words.moreRows, formatCount(rowCount), formatCount(traces))}</footer>`
					: nothing
			}
		`;
	}

	// ── Messages ───────────────────────────────────────────────────────────────────────────────────────────────────────

	#receive(message: HostToLive): void {
		switch (message.type) {
			case "live/snapshot":
				this.#showSnapshot(message);
				break;
			case "live/delta":
				this.#applyDelta(message);
				break;
			case "live/paused":
				this.#pausedAtMs = message.pausedAtMs;
				this.#waiting = message.waiting;
				this.#updateClock();
				break;
			case "live/resumed":
				this.#pausedAtMs = undefined;
				this.#waiting = undefined;
				this.#updateClock();
				break;
			case "values/known":
				this.#filterField?.setValues(message.values);
				return;
			case "prompts/known":
				for (const [traceId, prompt] of message.prompts) {
					const entry = this.#table.entry(traceId);
					if (entry !== undefined) entry.prompt = prompt;
				}
				this.#grid?.redraw();
				return;
			case "filter/problem":
				this.#problem = message.message;
				break;
			case "connection/changed":
				this.#showConnection(message.connection);
				break;
			default:
				assertNever(message, "message to the live panel");
		}
		this.requestUpdate();
	}

	#showConnection(connection: ConnectionView): void {
		// A countdown is for the eye; who listens is told when the state changes, and when all is well again.
		if (connection.indicator !== (this.#connection?.indicator ?? "live")) {
			this.#announcement = displayText(connection.text, 500);
		}
		this.#connection = connection;
	}

	#showSnapshot(message: Extract<HostToLive, { readonly type: "live/snapshot" }>): void {
		const isOther = message.filter !== this.#filter || message.sourceId !== this.#sourceId;
		const selectedId = this.#grid?.selectedTraceId;
		this.#sourceId = message.sourceId;
		this.#isResyncing = false;
		this.#revision = message.revision;
		this.#filter = message.filter;
		this.#pausedAtMs = message.pausedAtMs;
		if (message.pausedAtMs === undefined) this.#waiting = undefined;
		this.#takeState(message);
		this.#filterField?.setText(message.filter);
		this.#table.isFiltered = isNarrowing(message.filter);
		const replace = (): void => {
			this.#table.sortBy(sortingOf(message.filter, this.#sorting), this.#nowMs());
			this.#table.reset(message.rows, this.#nowMs());
		};
		if (this.#grid === null) replace();
		else this.#grid.keepPlace(replace);
		// Out of this filter's sight, the selection comes back with the next one that shows it.
		this.#grid?.select(selectedId);
		if (this.#table.entry(selectedId ?? "") === undefined) this.#pendingSelection ??= selectedId;
		if (isOther) this.#grid?.scrollToTop();
		this.#grid?.requestUpdate();
		this.#settleSelection();
		this.#updateClock();
	}

	#applyDelta(message: Extract<HostToLive, { readonly type: "live/delta" }>): void {
		if (this.#isResyncing || this.#revision === undefined) return;
		if (message.baseRevision !== this.#revision) {
			this.#resync();
			return;
		}
		this.#revision = message.revision;
		const waitedBefore = this.#table.waitingCount;
		const apply = (): void => {
			this.#table.apply(message.rows, message.removed, message.newIds, this.#nowMs(), performance.now());
		};
		this.#takeState(message);
		this.#grid?.noteNews(message.newIds.length);
		if (this.#grid === null) apply();
		else this.#grid.keepPlace(apply);
		this.#settleSelection();
		this.#updateClock();
		if (this.#table.waitingCount > waitedBefore) this.#announceWaiting();
	}

	#takeState(message: Extract<HostToLive, { readonly stats: LiveStats }>): void {
		this.#phase = message.phase;
		this.#stats = message.stats;
		this.#hasMore = message.hasMore;
		this.#clockOffsetMs = message.clockOffsetMs;
	}

	/** Asks once; whatever comes before the snapshot is in it. */
	#resync(): void {
		if (this.#isResyncing) return;
		this.#isResyncing = true;
		this.#endpoint.post({ type: "live/resync" });
	}

	#announceWaiting(): void {
		const nowMs = performance.now();
		if (nowMs - this.#announcedMs < ANNOUNCE_MS) return;
		this.#announcedMs = nowMs;
		this.#announcement = bannerText(this.#table.waitingCount);
	}

	// ── Order ──────────────────────────────────────────────────────────────────────────────────────────────────────────

	readonly #handleSort = (event: CustomEvent<Sorting>): void => {
		this.#sorting = event.detail;
		// The head that was clicked last goes before what the filter says.
		const filter = withoutOrder(this.#filter);
		if (filter !== undefined) this.#filterField?.replace(filter);
		this.#table.sortBy(this.#sorting, this.#nowMs());
		this.#grid?.scrollToTop();
		this.#grid?.requestUpdate();
		this.requestUpdate();
		this.#handleArrangement();
	};

	readonly #showWaiting = (): void => {
		this.#table.showWaiting(this.#nowMs(), performance.now());
		this.#table.isScrolledAway = false;
		this.#grid?.scrollToTop();
		this.#grid?.focus();
		this.requestUpdate();
	};

	readonly #handleScroll = (): void => {
		const isAway = this.#grid?.isAtTop === false;
		if (isAway === this.#table.isScrolledAway) return;
		this.#table.isScrolledAway = isAway;
		// Back at the top of a live list, it is live again.
		if (!this.#table.isHolding && this.#table.showWaiting(this.#nowMs(), performance.now())) this.#grid?.redraw();
		this.requestUpdate();
	};

	// ── Selection and actions ──────────────────────────────────────────────────────────────────────────────────────────

	#settleSelection(): void {
		const wanted = this.#pendingSelection;
		if (wanted === undefined || this.#table.entry(wanted) === undefined) return;
		this.#pendingSelection = undefined;
		this.#grid?.select(wanted);
	}

	readonly #handleSelect = (event: CustomEvent<TraceDetail & { readonly isRepeat: boolean }>): void => {
		const { traceId, isRepeat } = event.detail;
		this.#pendingSelection = undefined;
		clearTimeout(this.#selectTimer);
		const post = (): void => this.#endpoint.post({ type: "trace/select", traceId });
		if (isRepeat) this.#selectTimer = setTimeout(post, SELECT_DELAY_MS);
		else post();
		this.#handleArrangement();
	};

	/** Sends on what the table tells of the selected row. */
	#post(type: "trace/open" | "trace/copyId" | "trace/delete"): (event: CustomEvent<TraceDetail>) => void {
		return ({ detail }) => this.#endpoint.post({ type, traceId: detail.traceId });
	}

	readonly #handleOpen = this.#post("trace/open");
	readonly #handleCopy = this.#post("trace/copyId");
	readonly #handleDelete = this.#post("trace/delete");

	/** VS Code reads at the window which menu to show, and cannot look into shadow roots. */
	readonly #handleContext = (event: CustomEvent<TraceDetail>): void => {
		this.dataset.vscodeContext = JSON.stringify({
			webviewSection: "trace",
			kind: "trace",
			traceId: event.detail.traceId,
			preventDefaultContextMenuItems: true,
		});
	};

	readonly #handlePrompts = (event: CustomEvent<PromptsDetail>): void => {
		this.#endpoint.post({ type: "prompts/load", traceIds: event.detail.traceIds });
	};

	readonly #run = (action: LiveAction): void => {
		this.#endpoint.post({ type: "action/run", action });
	};

	readonly #handleFilter = (event: CustomEvent<FilterDetail>): void => {
		this.#endpoint.post({ type: "filter/set", text: event.detail.text });
	};

	readonly #handleValues = (): void => {
		this.#endpoint.post({ type: "values/load" });
	};

	readonly #clearFilter = (): void => {
		this.#filterField?.clear();
	};

	// ── What the user arranged ─────────────────────────────────────────────────────────────────────────────────────────

	#setUpGrid(): void {
		const grid = this.#grid;
		if (grid === null) return;
		grid.nowMs = () => this.#nowMs();
		grid.canMove = this.#clock?.isReducedMotion !== true;
		grid.columns.arrangement.hidden = this.#arranged.hidden;
		grid.columns.arrangement.widths = this.#arranged.widths;
		grid.setTable(this.#table);
		grid.layoutColumns();
		this.#filterField?.setText(this.#filter);
		this.#settleSelection();
	}

	readonly #handleArrangement = (): void => {
		this.#saveTimer ??= setTimeout(() => this.#save(), SAVE_DELAY_MS);
	};

	#save(): void {
		clearTimeout(this.#saveTimer);
		this.#saveTimer = undefined;
		const grid = this.#grid;
		if (grid === null) return;
		this.#endpoint.setState({
			hiddenColumns: [...grid.columns.arrangement.hidden],
			columnWidths: grid.columns.arrangement.widths,
			sortColumn: this.#sorting.column,
			isDescending: this.#sorting.isDescending,
			selectedTraceId: grid.selectedTraceId ?? this.#pendingSelection,
		});
	}

	/** Ticks while something runs: its latency grows. A view that is paused stands still. */
	#updateClock(): void {
		const isWanted = (this.#stats?.running ?? 0) > 0 && this.#pausedAtMs === undefined && this.#clock !== undefined;
		if (isWanted === (this.#tick !== undefined)) return;
		this.#tick?.dispose();
		this.#tick = isWanted
			? this.#clock?.onTick(() => {
					if (this.#ticks++ % TICKS_A_DRAW === 0 || this.#clock?.isReducedMotion === true) this.#grid?.redraw();
				})
			: undefined;
	}

	#nowMs(): number {
		return this.#pausedAtMs ?? Date.now() + this.#clockOffsetMs;
	}

	get #grid(): TraceGrid | null {
		return this.renderRoot?.querySelector("traceway-trace-grid") ?? null;
	}

	get #filterField(): FilterField | null {
		return this.renderRoot?.querySelector("traceway-filter") ?? null;
	}
}

customElements.define("traceway-live", LivePage);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-live": LivePage;
	}
}
