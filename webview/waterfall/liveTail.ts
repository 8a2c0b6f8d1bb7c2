import { css, html, type TemplateResult } from "lit";
import type { Disposable } from "../../src/base/disposable.ts";
import { formatCount } from "../../src/base/quantity.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import type { TraceModel } from "./model.ts";
import type { RowViewport } from "./rowViewport.ts";
import { words } from "./words.ts";

/** A trace that was opened less long ago is still coming in: nobody reads it yet. */
const SETTLING_MS = 1000;
/** What flashed longer ago is no news. */
const FLASH_MS = 1200;
/** More spans than this at once are a trace that is being loaded. */
const MAX_FLASHES = 200;
/** So many are known one by one, and are not counted any more once they were seen; others until the end was reached. */
const MAX_KNOWN = 200;
/** Who listens is told how many came at most so often. */
const SAY_MS = 5000;

export const tailStyles = css`
	.new-below {
		position: absolute;
		bottom: 10px;
		left: calc(var(--tree-width) / 2);
		transform: translateX(-50%);
		display: flex;
		align-items: center;
		gap: 4px;
		padding: 2px 10px 2px 6px;
		font: inherit;
		font-size: 0.9em;
		white-space: nowrap;
		color: var(--vscode-button-foreground);
		background: var(--vscode-button-background);
		border: 1px solid var(--vscode-button-border, var(--vscode-contrastBorder, transparent));
		border-radius: 12px;
		box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
		cursor: pointer;
	}
	.new-below[hidden] {
		display: none;
	}
	.new-below:hover {
		background: var(--vscode-button-hoverBackground);
	}
	.new-below .codicon {
		font-size: 14px;
	}
`;

/** The way to the rows that came below those that are read; hidden while there are none. */
export function tailParts(onClick: () => void): TemplateResult {
	return html`
		<button class="new-below" hidden @click=${onClick}>${icon("arrow-down")}<span></span></button>
		<div class="visually-hidden" role="status"></div>
	`;
}

/**
 * What new spans do to somebody who reads: at the end of the rows they scroll in, elsewhere rows stay and it is said how many
 * came below. A row that is on screen is not taken into a group meanwhile. What came is known once to those who draw it.
 */
export class LiveTail implements Disposable {
	readonly #button: HTMLButtonElement;
	readonly #status: HTMLElement;
	readonly #reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
	readonly #stop = new AbortController();
	#openedAtMs = performance.now();
	#isReading = false;
	/** Ordinals that came below the rows in view, ascending, and how many more. */
	#below: number[] = [];
	#more = 0;
	/** When ordinals came that have not flashed yet. */
	readonly #arrivedAtMs = new Map<number, number>();
	#sayTimer: ReturnType<typeof setTimeout> | undefined;
	#said = 0;

	/** `root` holds what `tailParts` made; a touch of `reader`, by pointer or keys, tells that somebody reads. */
	constructor(root: ParentNode, reader: HTMLElement) {
		const button = root.querySelector<HTMLButtonElement>(".new-below");
		const status = button?.nextElementSibling;
		if (!button || !(status instanceof HTMLElement)) throw new Error("live tail: no .new-below");
		this.#button = button;
		this.#status = status;
		const { signal } = this.#stop;
		for (const type of ["pointermove", "wheel", "keydown"]) {
			reader.addEventListener(type, () => this.#startReading(), { signal, passive: true });
		}
	}

	dispose(): void {
		this.#stop.abort();
		clearTimeout(this.#sayTimer);
	}

	/** Another trace is shown. */
	reset(): void {
		this.#openedAtMs = performance.now();
		this.#isReading = false;
		this.#arrivedAtMs.clear();
		this.#seen();
	}

	/**
	 * Before spans are added: keeps single what is on screen as such. Returns what is to be done afterwards, given whether the
	 * rows were kept in their place.
	 */
	begin(model: TraceModel, viewport: RowViewport, selected: number | undefined): () => void {
		// The first spans of a trace are its beginning, not news.
		if (model.table.count === 0) this.reset();
		if (!this.#isReading && performance.now() - this.#openedAtMs < SETTLING_MS) return () => {};
		this.#isReading = true;
		const { first, end } = viewport.window(model.rows.count);
		model.rows.hold(first, end, selected);
		const wasAtEnd = viewport.isAtEnd;
		const from = model.table.count;
		return () => {
			this.#arrive(from, model.table.count);
			if (!wasAtEnd) return;
			viewport.scrollTo(Number.POSITIVE_INFINITY);
			this.#seen();
		};
	}

	/** In a frame: how many of those that came are below the rows in view. */
	update(model: TraceModel, viewport: RowViewport): void {
		if (this.#below.length === 0) return;
		const { end } = viewport.window(model.rows.count);
		if (viewport.isAtEnd) this.#seen();
		else this.#below = this.#below.filter((ordinal) => model.rows.indexOfNode(ordinal) >= end);
		if (this.#below.length === 0) this.#seen();
		const count = this.#below.length + this.#more;
		const text = count === 0 ? "" : fill(words.newBelow, formatCount(count));
		if (this.#button.hidden !== (count === 0)) this.#button.hidden = count === 0;
		const label = this.#button.lastElementChild;
		if (label !== null && label.textContent !== text) label.textContent = text;
		if (count > 0 && count !== this.#said)
			this.#sayTimer ??= setTimeout(() => this.#say(), this.#said === 0 ? 0 : SAY_MS);
	}

	/** Whether a span has just come and is drawn for the first time since. */
	takeNew(ordinal: number): boolean {
		if (this.#arrivedAtMs.size === 0) return false;
		const atMs = this.#arrivedAtMs.get(ordinal);
		if (atMs === undefined) return false;
		this.#arrivedAtMs.delete(ordinal);
		return performance.now() - atMs < FLASH_MS;
	}

	#startReading(): void {
		this.#isReading = true;
	}

	#arrive(from: number, end: number): void {
		const nowMs = performance.now();
		for (const [ordinal, atMs] of this.#arrivedAtMs) {
			if (nowMs - atMs < FLASH_MS) break;
			this.#arrivedAtMs.delete(ordinal);
		}
		for (let ordinal = from; ordinal < end; ordinal++) {
			if (this.#below.length < MAX_KNOWN) this.#below.push(ordinal);
			else this.#more++;
			if (end - from <= MAX_FLASHES && !this.#reducedMotion.matches) this.#arrivedAtMs.set(ordinal, nowMs);
		}
	}

	#seen(): void {
		this.#below = [];
		this.#more = 0;
		this.#said = 0;
		if (!this.#button.hidden) this.#button.hidden = true;
		if (this.#status.textContent !== "") this.#status.textContent = "";
	}

	#say(): void {
		this.#sayTimer = undefined;
		this.#said = this.#below.length + this.#more;
		this.#status.textContent = this.#said === 0 ? "" : fill(words.newBelow, formatCount(this.#said));
	}
}
