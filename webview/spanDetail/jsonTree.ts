import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { formatBytes } from "../../src/model/format.ts";
import { boundText, utf8Bytes } from "../../src/model/jsonText.ts";
import { icon, iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { fill } from "../shared/words.ts";
import { blockText, lineText } from "./blockText.ts";
import { JsonRows, RowKind, scalarText } from "./jsonRows.ts";
import { jsonTreeStyles } from "./jsonTreeStyles.ts";
import { PartArrangement } from "./partArrangement.ts";
import { rowWindow, scrollTopFor } from "./rowWindow.ts";
import { Viewport } from "./viewport.ts";
import { words } from "./words.ts";

/** Pixels; as VS Code's own lists. The style sheet says the same. */
const ROW_HEIGHT = 22;
/** Values up to this many rows are wholly open at first, longer ones to this depth. */
const MAX_OPEN_ROWS = 200;
const OPEN_DEPTH = 2;
/** A value of so few rows needs no search. */
const MAX_BARE_ROWS = 12;
/** Of a value in its row; the whole stands below the tree when the row is selected. */
const MAX_ROW_UNITS = 300;
/** A string longer than this, or of several lines, is shown below the tree too. */
const MAX_PLAIN_UNITS = 120;
const MAX_SHOWN_UNITS = 64_000;
const KIND_CLASSES = ["object", "array", "string", "number", "boolean", "null"] as const;

/** What a tree asks to have copied; the page sends it to the host. */
export type JsonCopyEvent = CustomEvent<{ readonly text: string }>;

/**
 * JSON as a tree of which only the rows in view are in the DOM: 169,000 rows of a 5 MB payload scroll like ten. By mouse and by the
 * keys of the tree pattern; with search, copy of a value and of its path. Text that is no JSON shows nothing.
 */
export class JsonTree extends LitElement {
	static override properties = {
		text: { attribute: false },
		label: { attribute: false },
		arrangement: { attribute: false },
	};
	static override styles = [baseStyles, iconStyles, jsonTreeStyles];

	declare text: string;
	/** Names the tree for screen readers. */
	declare label: string;
	/** What the user folded, selected and searched; it holds while the text grows. Another one is another value. */
	declare arrangement: PartArrangement;

	#rows = new JsonRows(null, 0);
	#active = 0;
	#matches: Uint32Array = new Uint32Array(0);
	readonly #viewport = new Viewport(this);

	constructor() {
		super();
		this.text = "null";
		this.label = "";
		this.arrangement = new PartArrangement();
	}

	protected override willUpdate(changed: PropertyValues<this>): void {
		if (changed.has("text") || changed.has("arrangement")) this.#build(changed.has("arrangement"));
	}

	protected override updated(changed: PropertyValues<this>): void {
		if (!changed.has("arrangement")) return;
		this.#viewport.element.scrollTop = this.arrangement.scrollTop;
		this.#viewport.measure();
	}

	override render(): TemplateResult {
		const rows = this.#rows;
		if (rows.isTooLong) return html`<p class="note">${words.jsonTooLong}</p>`;
		const { from, to } = rowWindow(this.#viewport.scrollTop, this.#viewport.height, ROW_HEIGHT, rows.visibleCount);
		const shown = [...rows.visible.subarray(from, to)];
		const place = rows.placeOf(this.#active);
		return html`${rows.count > MAX_BARE_ROWS ? this.#renderBar() : nothing}
			<div
				class="viewport"
				role="tree"
				tabindex="0"
				aria-label=${this.label}
				aria-activedescendant=${place >= from && place < to ? `row-${this.#active}` : nothing}
				@scroll=${this.#handleScroll}
				@keydown=${this.#handleKey}
				@click=${this.#handleClick}
				@dblclick=${this.#handleDoubleClick}
			>
				<div class="spacer" role="none" .style=${`height: ${rows.visibleCount * ROW_HEIGHT}px`}>
					<div class="window" role="none" .style=${`transform: translateY(${from * ROW_HEIGHT}px)`}>
						${repeat(
							shown,
							(row) => row,
							(row) => this.#renderRow(row),
						)}
					</div>
				</div>
			</div>
			${this.#renderSelected()}`;
	}

	#renderBar(): TemplateResult {
		return html`<div class="bar" role="toolbar" aria-label=${this.label}>
			${this.#renderSearch()}
			${this.#button("expand-all", words.jsonExpandAll, () => this.#setAllFolded(false))}
			${this.#button("collapse-all", words.jsonCollapseAll, () => this.#setAllFolded(true))}
		</div>`;
	}

	#renderSearch(): TemplateResult {
		const count = this.#matches.length;
		const found = count === 0 ? words.jsonNoMatch : fill(words.jsonMatch, this.arrangement.match + 1, count);
		return html`<span class="search">
			<input
				type="text"
				spellcheck="false"
				placeholder=${words.jsonSearch}
				aria-label=${`${words.jsonSearch}: ${this.label}`}
				.value=${this.arrangement.search}
				@input=${(event: Event) => this.#find((event.target as HTMLInputElement).value)}
				@keydown=${this.#handleSearchKey}
			/>
			<span class="found" aria-live="polite">${this.arrangement.search === "" ? "" : found}</span>
			${this.#button("chevron-up", words.jsonPrevious, () => this.#step(-1), count === 0)}
			${this.#button("chevron-down", words.jsonNext, () => this.#step(1), count === 0)}
		</span>`;
	}

	#button(name: Parameters<typeof icon>[0], title: string, run: () => void, isDisabled = false): TemplateResult {
		return html`<button type="button" title=${title} aria-label=${`${title}: ${this.label}`} ?disabled=${isDisabled} @click=${run}>
			${icon(name)}
		</button>`;
	}

	#renderRow(row: number): TemplateResult {
		const rows = this.#rows;
		const key = rows.keys[row];
		const canFold = rows.canFold(row);
		const isFolded = rows.isFolded(row);
		const isActive = row === this.#active;
		const depth = rows.depths[row];
		return html`<div
			class="row ${isActive ? "active" : ""} ${this.#isMatch(row) ? "match" : ""}"
			id="row-${row}"
			data-row=${row}
			role="treeitem"
			aria-level=${depth + 1}
			aria-expanded=${canFold ? (isFolded ? "false" : "true") : nothing}
			aria-selected=${isActive ? "true" : "false"}
			.style=${`--depth: ${Math.min(depth, 40)}`}
		>
			<span class="twisty">${canFold ? icon(isFolded ? "chevron-right" : "chevron-down") : nothing}</span>
			${
				key === undefined
					? nothing
					: html`<span class="key ${typeof key === "number" ? "index" : ""}">${typeof key === "number" ? key : lineText(key)}</span
							><span class="colon">:</span>`
			}${this.#renderValue(row)}
		</div>`;
	}

	#renderValue(row: number): TemplateResult {
		const rows = this.#rows;
		const kind = rows.kinds[row];
		if (kind <= RowKind.array) {
			const [open, close] = kind === RowKind.array ? "[]" : "{}";
			const size = rows.sizeOf(row);
			const counted = size === 1 ? words.jsonMember : fill(words.jsonMembers, size);
			return html`<span class="brackets">${size === 0 ? open + close : `${open}…${close}`}</span
				>${size === 0 ? nothing : html`<span class="size">${counted}</span>`}`;
		}
		const value = rows.values[row];
		if (typeof value !== "string") return html`<span class="value ${KIND_CLASSES[kind]}">${scalarText(value)}</span>`;
		const { text, isCut } = boundText(value, MAX_ROW_UNITS);
		const written = JSON.stringify(text);
		return html`<span class="value string" dir="auto">${lineText(isCut ? `${written.slice(0, -1)}…` : written, 2 * MAX_ROW_UNITS)}</span
			>${isCut ? html`<span class="size">${formatBytes(utf8Bytes(value))}</span>` : nothing}`;
	}

	/** Path of the selected row, and its text where the row is too short for it. */
	#renderSelected(): TemplateResult {
		const rows = this.#rows;
		const value = rows.values[this.#active];
		const isLong = typeof value === "string" && (value.length > MAX_PLAIN_UNITS || value.includes("\n"));
		const part = isLong ? boundText(value, MAX_SHOWN_UNITS) : undefined;
		const path = rows.pathOf(this.#active);
		return html`<div class="path">
				<code dir="ltr">${lineText(path, 500)}</code>
				${this.#button("link", words.jsonCopyPath, () => this.#copy(path))}
				${this.#button("copy", words.jsonCopyValue, () => this.#copyValue())}
			</div>
			${
				part === undefined
					? nothing
					: html`<pre tabindex="0" role="group" dir="auto" aria-label=${words.value}>${blockText(part.text)}</pre>
							${
								part.isCut
									? html`<p class="note">
											${fill(words.showing, formatBytes(utf8Bytes(part.text)), formatBytes(part.totalBytes))}
										</p>`
									: nothing
							}`
			}`;
	}

	// ── What changes ───────────────────────────────────────────────────────────────────────────────────────────────────

	/** `isNew`: this arrangement was not shown here before. */
	#build(isNew: boolean): void {
		const { arrangement } = this;
		let value: unknown;
		try {
			value = JSON.parse(this.text) as unknown;
		} catch {
			// Only whole JSON is handed in; anything else is one string, which is what it is.
			value = this.text;
		}
		const rows = new JsonRows(value, OPEN_DEPTH);
		this.#rows = rows;
		const allFolded = arrangement.all ?? (rows.count <= MAX_OPEN_ROWS ? false : undefined);
		if (allFolded !== undefined) rows.setAllFolded(allFolded);
		const folds = [...arrangement.folds].map(([path, isFolded]) => [this.#rowAt(path), isFolded] as const);
		if (folds.length > 0) rows.setFolds(folds.filter(([row]) => row !== -1));
		this.#active = Math.max(0, this.#rowAt(arrangement.active));
		this.#matches = rows.find(arrangement.search);
		arrangement.match = Math.min(arrangement.match, this.#matches.length - 1);
		// What a search had opened; what the user folded since stays folded while the text grows.
		if (isNew && arrangement.match >= 0) rows.reveal(this.#matches[arrangement.match]);
	}

	/** Row of a path of the arrangement, which may be of another value; -1 when it leads nowhere. */
	#rowAt(path: string): number {
		try {
			const keys: unknown = JSON.parse(path);
			return Array.isArray(keys) ? this.#rows.rowAt(keys) : -1;
		} catch {
			// Not ours: an older version's.
			return -1;
		}
	}

	#pathTo(row: number): string {
		return JSON.stringify(this.#rows.keysTo(row));
	}

	/** Something worth keeping changed. */
	#tell(): void {
		this.dispatchEvent(new CustomEvent("part-arrange", { bubbles: true, composed: true }));
	}

	#setActive(row: number): void {
		this.#active = row;
		this.arrangement.active = this.#pathTo(row);
		this.#tell();
	}

	#setFolded(row: number, isFolded: boolean): void {
		this.#rows.setFolded(row, isFolded);
		this.arrangement.decide(this.#pathTo(row), isFolded);
		this.#tell();
		this.requestUpdate();
	}

	#setAllFolded(isFolded: boolean): void {
		this.arrangement.decideAll(isFolded);
		this.#rows.setAllFolded(isFolded);
		this.#setActive(this.#rows.placeOf(this.#active) === -1 ? 0 : this.#active);
		this.requestUpdate();
		this.#reveal(this.#active);
	}

	#select(row: number): void {
		this.#setActive(row);
		this.requestUpdate();
		this.#reveal(row);
	}

	/** Once the new height is laid out: a scroll position past the old one would be cut. */
	#reveal(row: number): void {
		void this.updateComplete.then(() => {
			const place = this.#rows.placeOf(row);
			const viewport = this.#viewport.element;
			if (place !== -1) {
				viewport.scrollTop = scrollTopFor(place, viewport.scrollTop, viewport.clientHeight, ROW_HEIGHT);
			}
			this.#viewport.measure();
		});
	}

	#find(text: string): void {
		this.arrangement.search = text;
		this.arrangement.match = -1;
		this.#tell();
		this.#matches = this.#rows.find(text);
		this.requestUpdate();
		if (this.#matches.length > 0) this.#step(1);
	}

	#step(by: number): void {
		const count = this.#matches.length;
		if (count === 0) return;
		const { match } = this.arrangement;
		this.arrangement.match = match === -1 && by < 0 ? count - 1 : (match + by + count) % count;
		const row = this.#matches[this.arrangement.match];
		this.#rows.reveal(row);
		this.#select(row);
	}

	/** Binary search: the matches are in order. */
	#isMatch(row: number): boolean {
		let low = 0;
		let high = this.#matches.length - 1;
		while (low <= high) {
			const middle = (low + high) >> 1;
			if (this.#matches[middle] === row) return true;
			if (this.#matches[middle] < row) low = middle + 1;
			else high = middle - 1;
		}
		return false;
	}

	#copyValue(): void {
		const value = this.#rows.values[this.#active];
		this.#copy(typeof value === "string" ? value : JSON.stringify(value, null, 2));
	}

	#copy(text: string): void {
		this.dispatchEvent(new CustomEvent("json-copy", { detail: { text }, bubbles: true, composed: true }));
	}

	// ── Mouse, keys, scrolling ─────────────────────────────────────────────────────────────────────────────────────────

	readonly #handleScroll = (): void => {
		this.#viewport.measure();
		this.arrangement.scrollTop = this.#viewport.scrollTop;
		this.#tell();
	};

	readonly #handleClick = (event: MouseEvent): void => {
		const target = event.target as Element;
		const row = rowOf(target);
		if (row === undefined) return;
		this.#setActive(row);
		if (target.closest(".twisty") !== null) this.#setFolded(row, !this.#rows.isFolded(row));
		this.requestUpdate();
	};

	readonly #handleDoubleClick = (event: MouseEvent): void => {
		const row = rowOf(event.target as Element);
		if (row !== undefined && (event.target as Element).closest(".twisty") === null) {
			this.#setFolded(row, !this.#rows.isFolded(row));
		}
	};

	readonly #handleSearchKey = (event: KeyboardEvent): void => {
		if (event.key === "Enter") this.#step(event.shiftKey ? -1 : 1);
		else if (event.key === "Escape") {
			this.#find("");
			this.#viewport.element.focus();
		} else return;
		event.preventDefault();
		event.stopPropagation();
	};

	/** The keys of the tree pattern (WAI-ARIA Authoring Practices), and VS Code's for find and copy. */
	readonly #handleKey = (event: KeyboardEvent): void => {
		const rows = this.#rows;
		const place = rows.placeOf(this.#active);
		const page = Math.max(1, Math.floor(this.#viewport.height / ROW_HEIGHT) - 1);
		const to = (next: number): void => {
			this.#select(rows.visible[Math.max(0, Math.min(rows.visibleCount - 1, next))]);
		};
		const hasModifier = event.ctrlKey || event.metaKey;
		if (hasModifier && event.key === "f") this.renderRoot.querySelector("input")?.select();
		else if (hasModifier && event.key === "c") this.#copyValue();
		else if (hasModifier || event.altKey) return;
		else if (event.key === "ArrowDown") to(place + 1);
		else if (event.key === "ArrowUp") to(place - 1);
		else if (event.key === "PageDown") to(place + page);
		else if (event.key === "PageUp") to(place - page);
		else if (event.key === "Home") to(0);
		else if (event.key === "End") to(rows.visibleCount - 1);
		else if (event.key === "ArrowRight") {
			if (rows.canFold(this.#active) && rows.isFolded(this.#active)) this.#setFolded(this.#active, false);
			else if (rows.canFold(this.#active)) to(place + 1);
		} else if (event.key === "ArrowLeft") {
			if (rows.canFold(this.#active) && !rows.isFolded(this.#active)) this.#setFolded(this.#active, true);
			else if (rows.parents[this.#active] !== -1) this.#select(rows.parents[this.#active]);
		} else if (event.key === "Enter" || event.key === " ") this.#setFolded(this.#active, !rows.isFolded(this.#active));
		else if (event.key === "*") {
			rows.openSiblings(this.#active);
			for (const row of rows.siblingsOf(this.#active)) {
				if (rows.canFold(row)) this.arrangement.decide(this.#pathTo(row), false);
			}
			this.#tell();
			this.requestUpdate();
		} else return;
		event.preventDefault();
	};
}

function rowOf(target: Element): number | undefined {
	const row = target.closest("[data-row]")?.getAttribute("data-row");
	return row === undefined || row === null ? undefined : Number(row);
}

customElements.define("traceway-json-tree", JsonTree);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-json-tree": JsonTree;
	}
}
