import { html, LitElement, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { displayText } from "../../src/base/displayText.ts";
import { MAX_QUERY_LENGTH, parseQuery, type QueryError } from "../../src/model/query.ts";
import { type Completion, completeQuery, type QueryValues } from "../../src/model/queryComplete.ts";
import { icon, iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { filterStyles } from "./filterStyles.ts";
import { words } from "./words.ts";

/** A filter that can be read is applied when the typing rests. */
const APPLY_MS = 250;
/** A mistake is told later than that: most of them are words that are not finished. */
const COMPLAIN_MS = 900;
const MAX_LABEL = 120;

export interface FilterDetail {
	readonly text: string;
}

/**
 * The filter bar: a text in the query language with completion of keys and known values, its mistakes told under it. Tells
 * by `filter-change` each text that can be read, and by `values-wanted` that values would be of use.
 */
export class FilterField extends LitElement {
	static override styles = [baseStyles, iconStyles, filterStyles];

	#text = "";
	/** What was told last. */
	#applied = "";
	#completions: readonly Completion[] = [];
	/** Undefined while none is picked: Enter applies the text as it stands. */
	#active: number | undefined;
	#error: QueryError | undefined;
	#values: QueryValues = {};
	#applyTimer: ReturnType<typeof setTimeout> | undefined;
	#complainTimer: ReturnType<typeof setTimeout> | undefined;

	override disconnectedCallback(): void {
		super.disconnectedCallback();
		this.#stopTimers();
	}

	/** The text that the host has; what is being typed stays. */
	setText(text: string): void {
		if (text === this.#applied || this.matches(":focus-within")) return;
		this.#text = this.#applied = text;
		this.#error = undefined;
		this.requestUpdate();
	}

	setValues(values: QueryValues): void {
		this.#values = values;
		// More may be on offer for what stands there already.
		if (this.#completions.length > 0 || this.matches(":focus-within")) this.#complete();
	}

	/** Empties the field and applies that. */
	clear(): void {
		this.#setText("");
		this.#apply();
		this.#input?.focus();
	}

	/** Puts another text in and applies it. */
	replace(text: string): void {
		this.#setText(text);
		this.#apply();
	}

	override focus(): void {
		this.#input?.focus();
	}

	override render(): TemplateResult {
		const isOpen = this.#completions.length > 0;
		const active = this.#active;
		return html`
			<div class="field ${this.#error === undefined ? "" : "wrong"}">
				${icon("search")}
				<input
					type="text"
					role="combobox"
					spellcheck="false"
					autocomplete="off"
					maxlength=${MAX_QUERY_LENGTH}
					aria-label=${words.filter}
					placeholder=${words.filterPlaceholder}
					aria-autocomplete="list"
					aria-expanded=${isOpen}
					aria-controls=${isOpen ? "completions" : nothing}
					aria-activedescendant=${active === undefined ? nothing : `completion-${active}`}
					aria-invalid=${this.#error !== undefined}
					aria-describedby=${this.#error === undefined ? nothing : "problem"}
					.value=${live(this.#text)}
					@input=${this.#handleInput}
					@keydown=${this.#handleKey}
					@keyup=${this.#handleMove}
					@click=${this.#handleMove}
					@focus=${this.#handleFocus}
					@blur=${this.#handleBlur}
				/>
				${
					this.#text === ""
						? nothing
						: html`<button
								type="button"
								title=${words.filterClear}
								aria-label=${words.filterClear}
								@click=${() => this.clear()}
							>
								${icon("close")}
							</button>`
				}
			</div>
			${
				isOpen
					? html`<div id="completions" class="popup" role="listbox" aria-label=${words.filterValues}>
							${this.#completions.map(
								({ label }, index) => html`<div
									id="completion-${index}"
									class="option ${index === active ? "active" : ""}"
									role="option"
									aria-selected=${index === active}
									@mousedown=${keepFocus}
									@click=${() => this.#accept(index)}
								>
									${displayText(label, MAX_LABEL)}
								</div>`,
							)}
						</div>`
					: this.#error !== undefined
						? html`<div id="problem" class="popup problem" role="alert">${displayText(this.#error.message, 300)}</div>`
						: nothing
			}
		`;
	}

	override updated(): void {
		if (this.#active !== undefined) {
			this.renderRoot.querySelector(`#completion-${this.#active}`)?.scrollIntoView({ block: "nearest" });
		}
	}

	readonly #handleInput = (event: Event): void => {
		this.#setText((event.target as HTMLInputElement).value);
		this.#complete();
		this.#applyTimer = setTimeout(() => this.#apply(), APPLY_MS);
	};

	/** Everything but the text itself: where the cursor stands says what may stand there. */
	readonly #handleMove = (event: Event): void => {
		const isArrow = event instanceof KeyboardEvent && !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key);
		if (!isArrow) this.#complete();
	};

	readonly #handleFocus = (): void => {
		this.dispatchEvent(new CustomEvent("values-wanted", { bubbles: true, composed: true }));
	};

	readonly #handleBlur = (): void => {
		this.#close();
		if (this.#text !== this.#applied) this.#apply(true);
	};

	readonly #handleKey = (event: KeyboardEvent): void => {
		if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
		const count = this.#completions.length;
		switch (event.key) {
			case "ArrowDown":
			case "ArrowUp": {
				if (count === 0) this.#complete();
				else {
					const step = event.key === "ArrowDown" ? 1 : -1;
					const from = this.#active ?? (step > 0 ? -1 : count);
					this.#active = (from + step + count) % count;
				}
				break;
			}
			case "Tab":
				// Tab takes what is on offer for a word that was begun, and moves on otherwise.
				if (event.shiftKey || count === 0 || (this.#active === undefined && !this.#isWordBegun())) return;
				this.#accept(this.#active ?? 0);
				break;
			case "Enter":
				if (this.#active !== undefined) this.#accept(this.#active);
				else {
					this.#close();
					this.#apply(true);
				}
				break;
			case "Escape":
				if (count > 0) this.#close();
				else if (this.#text !== "") this.clear();
				else return;
				break;
			default:
				return;
		}
		event.preventDefault();
		event.stopPropagation();
		this.requestUpdate();
	};

	#isWordBegun(): boolean {
		const [completion] = this.#completions;
		return completion !== undefined && completion.to > completion.from;
	}

	#accept(index: number): void {
		const completion = this.#completions[index];
		const input = this.#input;
		if (completion === undefined || input === null) return;
		// A key waits for its value; a value is whole, and the next word begins.
		const isKey = completion.insert.endsWith(":");
		const rest = this.#text.slice(completion.to);
		const insert = isKey || rest.startsWith(" ") ? completion.insert : `${completion.insert} `;
		this.#setText(this.#text.slice(0, completion.from) + insert + rest);
		const at = completion.from + insert.length;
		input.value = this.#text;
		input.setSelectionRange(at, at);
		input.focus();
		if (isKey) this.#complete();
		else {
			this.#close();
			this.#apply();
		}
	}

	#setText(text: string): void {
		this.#stopTimers();
		this.#text = text;
		this.#error = undefined;
		this.requestUpdate();
	}

	#complete(): void {
		const at = this.#input?.selectionStart ?? this.#text.length;
		const all = completeQuery(this.#text, at, this.#values);
		// A word that is whole already needs no offer.
		this.#completions = all.filter(({ insert, from, to }) => this.#text.slice(from, to) !== insert);
		this.#active = undefined;
		this.requestUpdate();
	}

	#close(): void {
		this.#completions = [];
		this.#active = undefined;
		this.requestUpdate();
	}

	/** Tells the text if it can be read; a mistake at once if `isFinished`, else when nothing follows. */
	#apply(isFinished = false): void {
		this.#stopTimers();
		const parsed = parseQuery(this.#text);
		if (parsed.ok) {
			this.#error = undefined;
			const text = this.#text.trim();
			if (text !== this.#applied) {
				this.#applied = text;
				this.dispatchEvent(
					new CustomEvent<FilterDetail>("filter-change", { detail: { text }, bubbles: true, composed: true }),
				);
			}
		} else if (isFinished) {
			this.#error = parsed.error;
			this.#close();
		} else {
			this.#complainTimer = setTimeout(() => {
				this.#error = parsed.error;
				this.requestUpdate();
			}, COMPLAIN_MS);
		}
		this.requestUpdate();
	}

	#stopTimers(): void {
		clearTimeout(this.#applyTimer);
		clearTimeout(this.#complainTimer);
	}

	get #input(): HTMLInputElement | null {
		return this.renderRoot?.querySelector("input") ?? null;
	}
}

function keepFocus(event: MouseEvent): void {
	event.preventDefault();
}

customElements.define("traceway-filter", FilterField);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-filter": FilterField;
	}
}
