import { css, html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { baseStyles } from "../shared/styles.ts";
import { blockText } from "./blockText.ts";
import { PartArrangement } from "./partArrangement.ts";
import { rowWindow } from "./rowWindow.ts";
import { Viewport } from "./viewport.ts";

/** Pixels; the style sheet says the same. */
const LINE_HEIGHT = 18;
/** A longer line goes on in the next row: nothing is cut, and no row costs more than another. */
const MAX_LINE_UNITS = 2_000;

/** A long text by lines, of which only those in view are in the DOM. Wrapped by nothing but line ends: it scrolls sideways. */
export class TextLines extends LitElement {
	static override properties = {
		text: { attribute: false },
		label: { attribute: false },
		arrangement: { attribute: false },
	};
	static override styles = [
		baseStyles,
		css`
			:host {
				display: block;
				margin-top: 4px;
				font-family: var(--vscode-editor-font-family, monospace);
				font-size: var(--vscode-editor-font-size, 0.95em);
				background: var(--vscode-textCodeBlock-background);
				border: 1px solid var(--vscode-contrastBorder, transparent);
				border-radius: 4px;
			}
			.viewport {
				max-height: 70vh;
				overflow: auto;
				overflow-anchor: none;
			}
			.window {
				width: max-content;
				min-width: 100%;
				padding-inline: 10px;
			}
			.line {
				height: 18px;
				line-height: 18px;
				white-space: pre;
				tab-size: 4;
			}
		`,
	];

	declare text: string;
	declare label: string;
	/** Where the user scrolled to. */
	declare arrangement: PartArrangement;

	#lines: readonly string[] = [];
	readonly #viewport = new Viewport(this);

	constructor() {
		super();
		this.text = "";
		this.label = "";
		this.arrangement = new PartArrangement();
	}

	protected override updated(changed: PropertyValues<this>): void {
		if (!changed.has("arrangement")) return;
		this.#viewport.element.scrollTop = this.arrangement.scrollTop;
		this.#viewport.measure();
	}

	readonly #handleScroll = (): void => {
		this.#viewport.measure();
		this.arrangement.scrollTop = this.#viewport.scrollTop;
		this.dispatchEvent(new CustomEvent("part-arrange", { bubbles: true, composed: true }));
	};

	protected override willUpdate(changed: PropertyValues<this>): void {
		if (changed.has("text")) this.#lines = linesOf(this.text);
	}

	override render(): TemplateResult {
		const { from, to } = rowWindow(this.#viewport.scrollTop, this.#viewport.height, LINE_HEIGHT, this.#lines.length);
		return html`<div class="viewport" tabindex="0" role="group" aria-label=${this.label} @scroll=${this.#handleScroll}>
			<div .style=${`height: ${this.#lines.length * LINE_HEIGHT}px`}>
				<div class="window" .style=${`transform: translateY(${from * LINE_HEIGHT}px)`}>
					${this.#lines.slice(from, to).map((line) => html`<div class="line" dir="auto">${blockText(line)}</div>`)}
				</div>
			</div>
		</div>`;
	}
}

/** Lines as the text has them, long ones in pieces that end between code points. */
export function linesOf(text: string): string[] {
	const lines: string[] = [];
	for (const line of text.split(/\r\n?|\n/)) {
		let from = 0;
		while (line.length - from > MAX_LINE_UNITS) {
			const code = line.charCodeAt(from + MAX_LINE_UNITS - 1);
			const to = from + MAX_LINE_UNITS - (code >= 0xd800 && code <= 0xdbff ? 1 : 0);
			lines.push(line.slice(from, to));
			from = to;
		}
		lines.push(line.slice(from));
	}
	return lines;
}

customElements.define("traceway-text-lines", TextLines);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-text-lines": TextLines;
	}
}
