import { html, LitElement, nothing, type TemplateResult } from "lit";
import { assertNever } from "../../src/base/assert.ts";
import { displayText } from "../../src/base/displayText.ts";
import { DisposableStore } from "../../src/base/disposable.ts";
import { formatCount } from "../../src/base/quantity.ts";
import {
	type CallPreview,
	isOverviewRange,
	OVERVIEW_RANGES,
	type Overview,
	type OverviewCall,
	type OverviewRange,
} from "../../src/model/overview.ts";
import { type ConnectionView, PROTOCOL_VERSION } from "../../src/protocol/messages.ts";
import type {
	CallAddress,
	CallKind,
	HostToOverview,
	OverviewOrigin,
	OverviewToHost,
	OverviewViewState,
} from "../../src/protocol/overviewMessages.ts";
import { connectToHost, type HostEndpoint, newClientId } from "../shared/endpoint.ts";
import { icon, iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { fill } from "../shared/words.ts";
import { type CallContext, callsWithoutPreview, modelCallsTable, toolCallsTable } from "./callTables.ts";
import { statCards } from "./cards.ts";
import { saveTable } from "./chart.ts";
import { chartsOf } from "./chartData.ts";
import { type DataTable, dataTable, FEW_ROWS, type TableActions } from "./dataTable.ts";
import { pageStyles } from "./pageStyles.ts";
import { SeriesColors } from "./palette.ts";
import { sessionPart, sessionStyles } from "./sessionPart.ts";
import { tableStyles } from "./tableStyles.ts";
import { agentsTable, modelsTable, toolsTable } from "./totalsTables.ts";
import { words } from "./words.ts";

/** Numbers that are there sooner never flash a "counting". */
const LOADING_DELAY_MS = 150;
const SAVE_DELAY_MS = 300;
/** "5 s ago" has to become "10 s ago" also while nothing happens. */
const AGE_TICK_MS = 5_000;
const MAX_PREVIEWS = 1000;
const MESSAGE_TYPES: readonly HostToOverview["type"][] = [
	"overview/loading",
	"overview/value",
	"overview/error",
	"previews/value",
	"connection/changed",
];
const RANGE_WORDS: Readonly<Record<OverviewRange, readonly [short: string, long: string]>> = {
	"1h": [words.range1h, words.range1hLong],
	"6h": [words.range6h, words.range6hLong],
	"24h": [words.range24h, words.range24hLong],
	"7d": [words.range7d, words.range7dLong],
	all: [words.rangeAll, words.rangeAllLong],
};

type Endpoint = HostEndpoint<OverviewToHost, HostToOverview, OverviewViewState>;

interface Value {
	readonly overview: Overview;
	readonly origin: OverviewOrigin;
	readonly clockOffsetMs: number;
}

/** The overview page: range, sums, charts and tables as the host last sent them; what was shown stays until there is newer. */
export class OverviewPage extends LitElement {
	static override styles = [baseStyles, iconStyles, pageStyles, tableStyles, sessionStyles];

	readonly #endpoint: Endpoint = connectToHost(MESSAGE_TYPES);
	readonly #colors = { cost: new SeriesColors(), tokens: new SeriesColors(), tools: new SeriesColors() };
	#owned = new DisposableStore();
	#range: OverviewRange = "24h";
	/** The one session that is wanted. */
	#sessionId: string | undefined;
	#value: Value | undefined;
	#error: string | undefined;
	/** What is shown is of another range or source, or nothing is shown yet. */
	#isLoading = true;
	#isLoadingShown = false;
	#connection: ConnectionView | undefined;
	#announcement = "";
	/** Charts that are shown as tables. */
	#tables = new Set<string>();
	#unfolded = new Set<string>();
	/** Texts that were read call by call, by `previewKey`. */
	readonly #previews = new Map<string, CallPreview>();
	readonly #askedPreviews = new Set<string>();
	#restoredScroll = 0;
	#loadingTimer: ReturnType<typeof setTimeout> | undefined;
	#saveTimer: ReturnType<typeof setTimeout> | undefined;

	readonly #actions: TableActions = {
		save: (name, rows) => saveTable(this, name, rows),
		toggleAll: (id) => {
			if (!this.#unfolded.delete(id)) this.#unfolded.add(id);
			this.requestUpdate();
		},
	};

	override connectedCallback(): void {
		super.connectedCallback();
		this.#owned = new DisposableStore();
		this.#restore(this.#endpoint.getState());
		this.#owned.add(this.#endpoint.onMessage((message) => this.#receive(message)));
		const save = (): void => this.#save();
		window.addEventListener("pagehide", save);
		this.#owned.add({ dispose: () => window.removeEventListener("pagehide", save) });
		const tick = setInterval(() => this.requestUpdate(), AGE_TICK_MS);
		this.#owned.add({ dispose: () => clearInterval(tick) });
		this.addEventListener("scroll", this.#saveSoon, { passive: true });
		this.addEventListener("chart-toggle", this.#handleChartToggle);
		this.addEventListener("table-save", this.#handleTableSave);
		this.#showLoading();
		this.#endpoint.post({ type: "page/ready", clientId: newClientId(), protocolVersion: PROTOCOL_VERSION });
	}

	override disconnectedCallback(): void {
		super.disconnectedCallback();
		this.#save();
		clearTimeout(this.#loadingTimer);
		this.#owned.dispose();
	}

	override render(): TemplateResult {
		return html`
			${this.#header()} ${this.#notices()}
			<div class="visually-hidden" role="status">${this.#announcement}</div>
			${this.#content()}
		`;
	}

	protected override updated(): void {
		if (this.#restoredScroll > 0 && this.#value !== undefined) {
			this.scrollTop = this.#restoredScroll;
			this.#restoredScroll = 0;
		}
		this.#askPreviews();
	}

	#header(): TemplateResult {
		const source = this.#value?.origin.sourceName;
		return html`<header class="page">
			<h1>${words.title}</h1>
			${source === undefined ? nothing : html`<span class="source muted"><bdi>${displayText(source, 100)}</bdi></span>`}
			${sessionPart(this.#sessionId, () => this.#endpoint.post({ type: "session/clear" }))}
			<span class="busy">${this.#isLoadingShown ? icon("loading", "spin") : nothing}</span>
			<fieldset class="ranges">
				<legend class="visually-hidden">${words.range}</legend>
				${OVERVIEW_RANGES.map(
					(range) => html`<label title=${RANGE_WORDS[range][1]}>
						<input
							type="radio"
							name="range"
							class="visually-hidden"
							aria-label=${RANGE_WORDS[range][1]}
							.checked=${range === this.#range}
							@change=${() => this.#selectRange(range)}
						/>
						<span>${RANGE_WORDS[range][0]}</span>
					</label>`,
				)}
			</fieldset>
		</header>`;
	}

	/** What is not well while numbers are shown. */
	#notices(): TemplateResult {
		const connection = this.#connection;
		const isLive = connection === undefined || connection.indicator === "live";
		const origin = this.#value?.origin;
		return html`
			${
				isLive
					? nothing
					: html`<div class="notice warning">
							${icon(connection.indicator === "connecting" ? "sync" : "debug-disconnect")}
							<span>${displayText(connection.text, 500)}</span>
						</div>`
			}
			${
				// While the connection is away, that is why, and when it is back the numbers are read by themselves.
				this.#error === undefined || this.#value === undefined || !isLive
					? nothing
					: html`<div class="notice error" role="alert">
							${icon("error")}<span>${displayText(this.#error, 500)}</span>
							<button class="plain" @click=${this.#retry}>${words.retry}</button>
						</div>`
			}
			${
				origin?.isPart === true
					? html`<div class="notice">
							${icon("info")}<span>${fill(words.ofLoaded, formatCount(origin.loadedTraces))}</span>
						</div>`
					: nothing
			}
		`;
	}

	#content(): TemplateResult {
		const value = this.#value;
		if (value === undefined) return this.#messageInstead();
		const { overview } = value;
		// Of another range: stays readable, and is seen to be on its way out.
		const classes = `content ${this.#isLoading ? "stale" : ""}`;
		if (overview.spans === 0) return html`<div class=${classes}>${this.#empty(overview)}</div>`;
		const context = this.#callContext(value);
		return html`<div class=${classes} aria-busy=${this.#isLoading}>
			${statCards(overview)}
			<div class="charts">
				${chartsOf(overview, this.#colors).map(
					(view) => html`<traceway-overview-chart
						data-chart=${view.id}
						.view=${view}
						.isTable=${this.#tables.has(view.id)}
					></traceway-overview-chart>`,
				)}
			</div>
			${dataTable(this.#folded(modelsTable(overview)), this.#actions)}
			<div class="pair">
				${dataTable(this.#folded(agentsTable(overview)), this.#actions)}
				${dataTable(this.#folded(toolsTable(overview)), this.#actions)}
			</div>
			${dataTable(this.#folded(modelCallsTable(overview.newestModelCalls, context)), this.#actions)}
			${dataTable(this.#folded(toolCallsTable(overview.newestToolCalls, context)), this.#actions)}
		</div>`;
	}

	#empty(overview: Overview): TemplateResult {
		const isAll = overview.range === "all";
		return html`<div class="message" role="status">
			${icon("graph")}
			<h2>${words.emptyTitle}</h2>
			<p>${words.emptyHint}</p>
			${isAll ? nothing : html`<button class="plain" @click=${() => this.#selectRange("all")}>${words.emptyWider}</button>`}
		</div>`;
	}

	#messageInstead(): TemplateResult {
		if (this.#error !== undefined) {
			return html`<div class="message" role="alert">
				${icon("error", "error-icon")}
				<h2>${words.errorTitle}</h2>
				<p>${displayText(this.#error, 1000)}</p>
				<button class="plain" @click=${this.#retry}>${words.retry}</button>
			</div>`;
		}
		return html`<div class="message" role="status" aria-busy="true">
			${this.#isLoadingShown ? html`${icon("loading", "spin")}<p>${words.loading}</p>` : nothing}
		</div>`;
	}

	#folded<Row>(table: DataTable<Row>): DataTable<Row> {
		return { ...table, shown: this.#unfolded.has(table.id) ? undefined : FEW_ROWS };
	}

	#callContext({ clockOffsetMs }: Value): CallContext {
		return {
			nowMs: Date.now() + clockOffsetMs,
			previewOf: (call) => call.preview ?? this.#previews.get(previewKey(call)),
			open: ({ traceId, spanId }: CallAddress) => this.#endpoint.post({ type: "span/open", traceId, spanId }),
		};
	}

	/** Asks for the texts of the calls that are shown and came without. */
	#askPreviews(): void {
		if (this.#value === undefined) return;
		const { newestModelCalls, newestToolCalls } = this.#value.overview;
		const context = this.#callContext(this.#value);
		this.#ask("model", callsWithoutPreview(this.#folded(modelCallsTable(newestModelCalls, context)), context));
		this.#ask("tool", callsWithoutPreview(this.#folded(toolCallsTable(newestToolCalls, context)), context));
	}

	#ask(kind: CallKind, calls: readonly OverviewCall[]): void {
		const fresh = calls.filter((call) => !this.#askedPreviews.has(previewKey(call)));
		if (fresh.length === 0) return;
		for (const call of fresh) this.#askedPreviews.add(previewKey(call));
		this.#endpoint.post({
			type: "previews/load",
			kind,
			calls: fresh.map(({ traceId, spanId, state }) => ({ traceId, spanId, isRunning: state === "running" })),
		});
	}

	// ── Messages ───────────────────────────────────────────────────────────────────────────────────────────────────────

	#receive(message: HostToOverview): void {
		switch (message.type) {
			case "overview/loading":
				this.#range = message.range;
				this.#sessionId = message.sessionId;
				this.#error = undefined;
				if (this.#value?.origin.sourceId !== message.sourceId || this.#value.origin.sessionId !== message.sessionId) {
					this.#value = undefined;
					this.#previews.clear();
					this.#askedPreviews.clear();
				}
				this.#showLoading();
				// What the host shows is what a reload brings back.
				this.#saveSoon();
				break;
			case "overview/value":
				this.#showValue(message);
				break;
			case "overview/error":
				this.#error = message.message;
				this.#endLoading();
				break;
			case "previews/value":
				for (const { preview, ...call } of message.previews) {
					if (this.#previews.size >= MAX_PREVIEWS) this.#previews.clear();
					this.#previews.set(previewKey({ ...call, state: call.isRunning ? "running" : "completed" }), preview);
				}
				break;
			case "connection/changed":
				// A countdown is for the eye; who listens is told when the state changes, and when all is well again.
				if (message.connection.indicator !== (this.#connection?.indicator ?? "live")) {
					this.#announcement = displayText(message.connection.text, 500);
				}
				this.#connection = message.connection;
				break;
			default:
				assertNever(message, "message to the overview");
		}
		this.requestUpdate();
	}

	#showValue({ overview, origin, clockOffsetMs }: Value): void {
		// The answer to a question that is not asked any more.
		if (overview.range !== this.#range || origin.sessionId !== this.#sessionId) return;
		this.#value = { overview, origin, clockOffsetMs };
		this.#error = undefined;
		this.#endLoading();
	}

	#showLoading(): void {
		this.#isLoading = true;
		clearTimeout(this.#loadingTimer);
		this.#loadingTimer = setTimeout(() => {
			this.#isLoadingShown = true;
			this.requestUpdate();
		}, LOADING_DELAY_MS);
	}

	#endLoading(): void {
		clearTimeout(this.#loadingTimer);
		this.#isLoading = false;
		this.#isLoadingShown = false;
	}

	// ── What the user does ─────────────────────────────────────────────────────────────────────────────────────────────

	#selectRange(range: OverviewRange): void {
		if (range === this.#range) return;
		this.#range = range;
		this.#error = undefined;
		this.#showLoading();
		this.#save();
		this.requestUpdate();
		this.#endpoint.post({ type: "range/select", range });
	}

	readonly #retry = (): void => {
		this.#error = undefined;
		this.#showLoading();
		this.requestUpdate();
		this.#endpoint.post({ type: "overview/load" });
	};

	readonly #handleChartToggle = (event: Event): void => {
		const { id, isTable } = (event as CustomEvent<{ id: string; isTable: boolean }>).detail;
		if (isTable) this.#tables.add(id);
		else this.#tables.delete(id);
		this.#saveSoon();
		this.requestUpdate();
	};

	readonly #handleTableSave = (event: Event): void => {
		const { name, text } = (event as CustomEvent<{ name: string; text: string }>).detail;
		this.#endpoint.post({ type: "csv/save", name, text });
	};

	readonly #saveSoon = (): void => {
		this.#saveTimer ??= setTimeout(() => this.#save(), SAVE_DELAY_MS);
	};

	#save(): void {
		clearTimeout(this.#saveTimer);
		this.#saveTimer = undefined;
		const scrollTop = this.#restoredScroll || this.scrollTop;
		this.#endpoint.setState({ range: this.#range, sessionId: this.#sessionId, tables: [...this.#tables], scrollTop });
	}

	/** A state kept by an older version may have another shape; what does not fit is left out. */
	#restore(state: Partial<OverviewViewState> | undefined): void {
		if (typeof state !== "object" || state === null) return;
		if (isOverviewRange(state.range)) this.#range = state.range;
		if (Array.isArray(state.tables)) this.#tables = new Set(state.tables.filter((id) => typeof id === "string"));
		if (typeof state.scrollTop === "number") this.#restoredScroll = state.scrollTop;
	}
}

/** What a running call says is asked for again when it has ended. */
function previewKey({ traceId, spanId, state }: Pick<OverviewCall, "traceId" | "spanId" | "state">): string {
	return JSON.stringify([traceId, spanId, state === "running"]);
}

customElements.define("traceway-overview", OverviewPage);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-overview": OverviewPage;
	}
}
