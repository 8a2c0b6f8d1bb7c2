import { html, LitElement, nothing, type TemplateResult } from "lit";
import { assertNever } from "../../src/base/assert.ts";
import { DisposableStore } from "../../src/base/disposable.ts";
import {
	type ConnectionView,
	type HostToSpanDetail,
	type PartText,
	PROTOCOL_VERSION,
	type SpanDetailToHost,
	type SpanDetailView,
	type SpanDetailViewState,
	type SpanPart,
} from "../../src/protocol/messages.ts";
import { SharedClock } from "../shared/clock.ts";
import { connectToHost, type HostEndpoint, newClientId } from "../shared/endpoint.ts";
import { icon, iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { fill } from "../shared/words.ts";
import { blockText, lineText } from "./blockText.ts";
import type { FoldName, PageContext } from "./context.ts";
import { JsonColors } from "./jsonColors.ts";
import type { JsonCopyEvent } from "./jsonTree.ts";
import { KeptView } from "./keptView.ts";
import { LazyImages } from "./lazyImages.ts";
import { loadKit } from "./loadKit.ts";
import { messageCards } from "./messageCards.ts";
import { overview, STATE_WORDS, summaryChips } from "./overview.ts";
import { checkedState, MAX_EXPANDED, MAX_WHOLE_PARTS, type PageState } from "./pageState.ts";
import { RunningTime } from "./runningTime.ts";
import { errorSection, missingMessages, payloadSections } from "./sections.ts";
import { spanDetailStyles } from "./styles.ts";
import { words } from "./words.ts";

type Phase =
	| { readonly name: "waiting" }
	| { readonly name: "loading"; readonly spanName: string | undefined }
	| { readonly name: "value"; readonly detail: SpanDetailView }
	| { readonly name: "error"; readonly message: string; readonly canRetry: boolean }
	| { readonly name: "removed" };

/** A span that is there sooner never flashes a "loading". */
const LOADING_DELAY_MS = 150;
const COPIED_MS = 1_500;
const SAVE_DELAY_MS = 300;
const MESSAGE_TYPES: readonly HostToSpanDetail["type"][] = [
	"detail/loading",
	"detail/value",
	"detail/error",
	"detail/removed",
	"part/value",
	"image/value",
	"connection/changed",
];

/** The span details page: what the host says of one span, and what the user unfolded of it. */
export class SpanDetailPage extends LitElement {
	static override styles = [baseStyles, iconStyles, ...spanDetailStyles];

	readonly #endpoint: HostEndpoint<SpanDetailToHost, HostToSpanDetail, PageState> = connectToHost(MESSAGE_TYPES);
	readonly #colors = new JsonColors();
	readonly #images = new LazyImages((part) => this.#endpoint.post({ type: "image/load", part }));
	#owned = new DisposableStore();
	#clock: SharedClock | undefined;
	#phase: Phase = { name: "waiting" };
	/** The span that the host loads or shows; what else arrives of another one is late. */
	#address: SpanDetailViewState | undefined;
	#connection: ConnectionView | undefined;
	#folds: Partial<Record<FoldName, boolean>> = {};
	#expanded = new Set<string>();
	/** Parts that came cut and were loaded whole. */
	#whole = new Map<SpanPart, PartText>();
	readonly #kept = new KeptView(this, () => this.#saveSoon());
	readonly #runningTime = new RunningTime(() => this.renderRoot);
	#copiedKey: string | undefined;
	#announcement = "";
	#isKitReady = false;
	#kit: Promise<void> | undefined;
	#restored: PageState | undefined = checkedState(this.#endpoint.getState());
	#loadingTimer: ReturnType<typeof setTimeout> | undefined;
	#copiedTimer: ReturnType<typeof setTimeout> | undefined;
	#saveTimer: ReturnType<typeof setTimeout> | undefined;

	readonly #context: PageContext = this.#createContext();

	override connectedCallback(): void {
		super.connectedCallback();
		this.#owned = new DisposableStore();
		this.#clock = this.#owned.add(new SharedClock());
		this.#owned.add(this.#endpoint.onMessage((message) => this.#receive(message)));
		const save = (): void => this.#save();
		window.addEventListener("pagehide", save);
		this.#owned.add({ dispose: () => window.removeEventListener("pagehide", save) });
		this.addEventListener("json-copy", this.#handleJsonCopy);
		this.#kept.connect();
		if (this.#restored !== undefined) this.#folds = { ...this.#restored.folds };
		this.#showLoading(undefined);
		this.#kit = this.#loadKit();
		this.#endpoint.post({ type: "page/ready", clientId: newClientId(), protocolVersion: PROTOCOL_VERSION });
	}

	override disconnectedCallback(): void {
		super.disconnectedCallback();
		this.#save();
		this.removeEventListener("json-copy", this.#handleJsonCopy);
		this.#kept.disconnect();
		this.#runningTime.stop();
		this.#owned.dispose();
		this.#images.clear();
		for (const timer of [this.#loadingTimer, this.#copiedTimer]) clearTimeout(timer);
	}

	override render(): TemplateResult {
		return html`<main aria-label=${words.page}>${this.#renderConnection()}${this.#renderPhase()}</main>
			<div class="visually-hidden" role="status" aria-live="polite">${this.#announcement}</div>`;
	}

	protected override updated(): void {
		this.#runningTime.update(this.#clock, this.#phase.name === "value" ? this.#phase.detail : undefined);
		this.#tellContext();
		this.#colors.update(jsonNodes(this.renderRoot));
	}

	/** What VS Code hands to the commands of the page's context menu. */
	#tellContext(): void {
		if (this.#phase.name !== "value") {
			delete this.dataset.vscodeContext;
			return;
		}
		const { traceId, spanId } = this.#phase.detail;
		this.dataset.vscodeContext = JSON.stringify({ webviewSection: "span", traceId, spanId });
	}

	#renderPhase(): TemplateResult | typeof nothing {
		const phase = this.#phase;
		switch (phase.name) {
			case "waiting":
				return nothing;
			case "loading":
				return html`<div class="message" aria-busy="true">
					${this.#isKitReady ? html`<tw-progress-ring aria-hidden="true"></tw-progress-ring>` : icon("loading", "spin")}
					<p>${phase.spanName ? fill(words.loading, lineText(phase.spanName, 120)) : words.loadingPlain}</p>
				</div>`;
			case "value":
				return this.#renderDetail(phase.detail);
			case "error":
				return html`<div class="message" role="alert">
					${icon("error", "error-icon")}
					<h1>${words.errorTitle}</h1>
					<p class="reason">${blockText(phase.message)}</p>
					${phase.canRetry ? this.#renderRetry() : nothing}
				</div>`;
			case "removed":
				return html`<div class="message">
					${icon("trash")}
					<h1>${words.removedTitle}</h1>
					<p>${words.removedHint}</p>
				</div>`;
			default:
				return assertNever(phase, "phase of the span details page");
		}
	}

	#renderDetail(detail: SpanDetailView): TemplateResult {
		const openTrace = (): void => this.#endpoint.post({ type: "trace/open" });
		return html`${overview(this.#context, detail, openTrace)} ${errorSection(this.#context, detail)}
		${summaryChips(this.#context, detail)} ${missingMessages(this.#context, detail)}
		${messageCards(this.#context, detail)} ${payloadSections(this.#context, detail)}`;
	}

	#renderRetry(): TemplateResult {
		const retry = (): void => {
			this.#endpoint.post({ type: "detail/retry" });
			this.#showLoading(undefined);
		};
		return this.#isKitReady
			? html`<tw-button appearance="primary" @click=${retry}>${words.retry}</tw-button>`
			: html`<button type="button" class="button" @click=${retry}>${words.retry}</button>`;
	}

	/** Only what is not as it should be: old values must not pass for live ones. */
	#renderConnection(): TemplateResult | typeof nothing {
		const connection = this.#connection;
		if (connection === undefined || connection.indicator === "live") return nothing;
		return html`<p class="connection ${connection.indicator}">
			${icon(connection.indicator === "connecting" ? "sync" : "debug-disconnect")}
			<span>${lineText(connection.text)}</span>
		</p>`;
	}

	// ── Messages ───────────────────────────────────────────────────────────────────────────────────────────────────────

	#receive(message: HostToSpanDetail): void {
		switch (message.type) {
			case "detail/loading":
				// The same span is read again: what is shown stays until the new value is there.
				if (this.#phase.name === "value" && isSameSpan(this.#phase.detail, message.state)) return;
				this.#address = message.state;
				this.#showLoading(message.name);
				return;
			case "detail/value":
				this.#showValue(message.detail);
				return;
			case "detail/error":
				this.#setPhase({ name: "error", message: message.message, canRetry: message.canRetry });
				return;
			case "detail/removed":
				this.#setPhase({ name: "removed" });
				this.#announce(words.removedTitle);
				return;
			case "part/value":
				if (message.spanId !== this.#address?.spanId) return;
				this.#whole.set(message.part, message.text);
				this.requestUpdate();
				this.#saveSoon();
				void this.#kept.settle();
				return;
			case "image/value":
				if (message.spanId !== this.#address?.spanId) return;
				this.#images.set(message.part, message.uri);
				this.requestUpdate();
				void this.#kept.settle();
				return;
			case "connection/changed":
				this.#connection = message.connection;
				this.requestUpdate();
				return;
			default:
				// The endpoint lets known types through only.
				assertNever(message, "message of the host");
		}
	}

	#showLoading(spanName: string | undefined): void {
		clearTimeout(this.#loadingTimer);
		this.#loadingTimer = setTimeout(() => this.#setPhase({ name: "loading", spanName }), LOADING_DELAY_MS);
	}

	#showValue(detail: SpanDetailView): void {
		const before = this.#phase.name === "value" ? this.#phase.detail : undefined;
		const isSame = before !== undefined && isSameSpan(before, detail);
		if (!isSame) {
			this.#images.clear();
			this.#whole.clear();
			this.#announcement = "";
		} else if (before.state !== detail.state) {
			this.#announce(fill(words.statusIs, lineText(detail.name), STATE_WORDS[detail.state]));
		}
		this.#address = { sourceId: detail.sourceId, traceId: detail.traceId, spanId: detail.spanId };
		this.#setPhase({ name: "value", detail });
		if (!isSame) this.#restore(detail);
		void this.#kept.settle();
		this.#saveSoon();
	}

	#setPhase(phase: Phase): void {
		clearTimeout(this.#loadingTimer);
		this.#phase = phase;
		this.requestUpdate();
	}

	/** A span begins folded and at its top, but for the one that was read before the page was hidden or reloaded. */
	#restore(detail: SpanDetailView): void {
		const before = this.#restored;
		this.#restored = undefined;
		const restored = before !== undefined && isSameSpan(detail, before) ? before : undefined;
		this.#expanded = new Set(restored?.expanded);
		for (const part of restored?.whole ?? []) this.#endpoint.post({ type: "part/load", part });
		this.#kept.restore(restored, this.#kit);
	}

	#announce(text: string): void {
		this.#announcement = text;
		this.requestUpdate();
	}

	// ── What the user does ─────────────────────────────────────────────────────────────────────────────────────────────

	#createContext(): PageContext {
		const page = this;
		return {
			isOpen: (fold, isOpenAtFirst) => this.#folds[fold] ?? isOpenAtFirst,
			setOpen: (fold, isOpen) => {
				this.#folds[fold] = isOpen;
				this.#saveSoon();
				this.requestUpdate();
			},
			isExpanded: (key) => this.#expanded.has(key),
			setExpanded: (key, isExpanded) => {
				if (isExpanded) this.#expanded.add(key);
				else this.#expanded.delete(key);
				this.#saveSoon();
				this.requestUpdate();
			},
			arrangementOf: (part) => this.#kept.arrangements.of(part),
			openPart: (part: SpanPart) => this.#endpoint.post({ type: "part/open", part }),
			copyPart: (part: SpanPart) => {
				this.#endpoint.post({ type: "part/copy", part });
				this.#showCopied(part);
			},
			copyText: (key, text) => {
				this.#endpoint.post({ type: "text/copy", text });
				this.#showCopied(key);
			},
			wholeOf: (part, cut) => {
				const whole = this.#whole.get(part);
				// What grew since then is shown by its beginning again.
				return whole?.totalBytes === cut.totalBytes ? whole : undefined;
			},
			loadPart: (part) => this.#endpoint.post({ type: "part/load", part }),
			showSpan: (spanId) => this.#endpoint.post({ type: "span/show", spanId }),
			copySpan: () => this.#endpoint.post({ type: "span/copy" }),
			compareSpan: () => this.#endpoint.post({ type: "span/compare" }),
			openStarted: () => this.#endpoint.post({ type: "session/open" }),
			openStarter: () => this.#endpoint.post({ type: "starter/open" }),
			openLink: (index) => this.#endpoint.post({ type: "link/open", index }),
			openFrame: (part, index) => this.#endpoint.post({ type: "frame/open", part, index }),
			imageOf: (part) => this.#images.get(part),
			watchImage: (place, part) => this.#images.watch(place, part),
			failImage: (part) => {
				this.#images.set(part, undefined);
				this.requestUpdate();
			},
			get copiedKey() {
				return page.#copiedKey;
			},
			get isKitReady() {
				return page.#isKitReady;
			},
		};
	}

	readonly #handleJsonCopy = (event: Event): void => {
		this.#endpoint.post({ type: "text/copy", text: (event as JsonCopyEvent).detail.text });
		this.#announce(words.copied);
	};

	#showCopied(key: string): void {
		this.#copiedKey = key;
		clearTimeout(this.#copiedTimer);
		this.#copiedTimer = setTimeout(() => {
			this.#copiedKey = undefined;
			this.requestUpdate();
		}, COPIED_MS);
		this.requestUpdate();
	}

	/** The page works without the toolkit's controls: plain buttons stand in until it is there, and stay if it fails. */
	async #loadKit(): Promise<void> {
		if (!(await loadKit(this.renderRoot as ShadowRoot))) return;
		// Not under a focused button: the focus would fall off the page.
		if (this.renderRoot.querySelector(".button:focus") !== null) return;
		this.#isKitReady = true;
		this.requestUpdate();
	}

	// ── What stays ─────────────────────────────────────────────────────────────────────────────────────────────────────

	#saveSoon(): void {
		this.#saveTimer ??= setTimeout(() => this.#save(), SAVE_DELAY_MS);
	}

	#save(): void {
		clearTimeout(this.#saveTimer);
		this.#saveTimer = undefined;
		if (this.#address === undefined) return;
		// Until the span is there, what is to be restored is what is to be kept.
		if (this.#phase.name !== "value") {
			if (this.#restored === undefined || !isSameSpan(this.#address, this.#restored)) {
				this.#endpoint.setState({ ...this.#address, folds: { ...this.#folds }, scrollTop: 0 });
			}
			return;
		}
		this.#endpoint.setState({
			...this.#address,
			folds: { ...this.#folds },
			scrollTop: this.#kept.scrollTop,
			expanded: [...this.#expanded].slice(-MAX_EXPANDED),
			whole: [...this.#whole.keys()].slice(-MAX_WHOLE_PARTS),
			parts: this.#kept.arrangements.toState(),
		});
	}
}

function isSameSpan(a: SpanDetailViewState, b: SpanDetailViewState): boolean {
	return a.spanId === b.spanId && a.traceId === b.traceId && a.sourceId === b.sourceId;
}

/** The text nodes that hold JSON. */
function* jsonNodes(root: ParentNode): Iterable<Text> {
	for (const element of root.querySelectorAll(".json")) {
		for (const node of element.childNodes) if (node instanceof Text && node.data !== "") yield node;
	}
}

customElements.define("traceway-span-detail", SpanDetailPage);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-span-detail": SpanDetailPage;
	}
}
