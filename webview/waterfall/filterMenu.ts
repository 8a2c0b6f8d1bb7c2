import { css, html, nothing, type TemplateResult } from "lit";
import { formatCount, formatDuration, formatExactDuration } from "../../src/base/quantity.ts";
import type { FilterState } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { Category } from "../shared/kinds.ts";
import { fill } from "../shared/words.ts";
import { countKinds, NO_FILTER, parseDuration, toggled } from "./filter.ts";
import type { TraceModel } from "./model.ts";
import { CATEGORIES, isFiltering, STATES } from "./rowMarks.ts";
import { words } from "./words.ts";

export interface FilterMenuHandlers {
	readonly set: (filter: FilterState) => void;
	/** Before the menu is seen: its fields are to be there. */
	readonly onBeforeToggle: (event: ToggleEvent) => void;
	readonly onToggle: (event: ToggleEvent) => void;
}

/** The menu below the filter button: opened by it, or by `togglePopover`. `fields` are made when it is opened first. */
export function filterMenu(fields: unknown, { onBeforeToggle, onToggle }: FilterMenuHandlers): TemplateResult {
	return html`<div
		class="filter-menu"
		popover="auto"
		role="dialog"
		aria-label=${words.filter}
		@beforetoggle=${onBeforeToggle}
		@toggle=${onToggle}
	>
		${fields}
	</div>`;
}

/** What the menu holds. `isOpen` saves the counting while nobody sees it. */
export function filterFields(
	filter: FilterState,
	model: TraceModel | undefined,
	isOpen: boolean,
	handlers: Pick<FilterMenuHandlers, "set">,
): TemplateResult {
	const counts = isOpen && model !== undefined ? countKinds(model) : undefined;
	const option = (label: string, count: number | undefined, isOn: boolean, toggle: () => void, swatch = "") =>
		html`<label class="filter-option">
			<input type="checkbox" .checked=${isOn} @change=${toggle} />
			${swatch === "" ? nothing : html`<span class="filter-swatch ${swatch}" aria-hidden="true"></span>`}
			<span class="filter-word">${label}</span><span class="filter-count">${count === undefined ? "" : formatCount(count)}</span>
		</label>`;
	return html`
		<fieldset>
			<legend>${words.filterKind}</legend>
			${CATEGORIES.map((kind) =>
				option(
					categoryWord(kind),
					counts?.kinds[Category[kind]],
					filter.kinds.includes(kind),
					() => handlers.set({ ...filter, kinds: toggled(filter.kinds, kind) }),
					kind,
				),
			)}
		</fieldset>
		<fieldset>
			<legend>${words.filterStatus}</legend>
			${STATES.map((state, code) =>
				option(words[state], counts?.states[code], filter.states.includes(state), () =>
					handlers.set({ ...filter, states: toggled(filter.states, state) }),
				),
			)}
		</fieldset>
		<label class="filter-minimum">
			${words.filterMinimum}
			<input
				type="text"
				maxlength="30"
				spellcheck="false"
				autocomplete="off"
				placeholder=${words.filterMinimumHint}
				value=${filter.minDurationNs > 0 ? formatExactDuration(filter.minDurationNs) : ""}
				@input=${(event: InputEvent) => readMinimum(event.target as HTMLInputElement, filter, handlers.set)}
			/>
		</label>
	`;
}

/** What is shown because of a filter, and the way out; nothing without one. */
export function filterLine(filter: FilterState, model: TraceModel, clear: () => void): TemplateResult | typeof nothing {
	if (!isFiltering(filter)) return nothing;
	const shown = fill(words.filterShown, formatCount(model.marks.passCount), formatCount(model.table.count));
	return html`<div class="filter-line">
		${icon("filter-filled")}<span>${shown}: ${filterWords(filter)}</span>
		<button class="filter-clear" @click=${clear}>${words.filterClear}</button>
	</div>`;
}

/** What is wanted, in a few words: "model, failed, 250 ms or longer". */
function filterWords({ kinds, states, minDurationNs }: FilterState): string {
	const least = minDurationNs > 0 ? [fill(words.filterAtLeast, formatDuration(minDurationNs))] : [];
	return [...kinds.map((kind) => categoryWord(kind)), ...states.map((state) => words[state]), ...least].join(", ");
}

function categoryWord(kind: FilterState["kinds"][number]): string {
	return { model: words.shareModel, tool: words.shareTool, retrieval: words.shareRetrieval, other: words.shareOther }[
		kind
	];
}

/** Puts the menu below the button that opens it, inside of the window. */
export function placeFilterMenu(menu: HTMLElement, opener: HTMLElement | null | undefined): void {
	const button = opener?.getBoundingClientRect();
	const { width } = menu.getBoundingClientRect();
	const left = Math.max(4, Math.min(button?.left ?? 4, window.innerWidth - width - 4));
	menu.style.setProperty("left", `${left}px`);
	menu.style.setProperty("top", `${(button?.bottom ?? 0) + 2}px`);
}

function readMinimum(input: HTMLInputElement, filter: FilterState, set: (filter: FilterState) => void): void {
	const minDurationNs = parseDuration(input.value);
	input.setCustomValidity(minDurationNs === undefined ? words.filterMinimumWrong : "");
	input.toggleAttribute("aria-invalid", minDurationNs === undefined);
	input.title = input.validationMessage;
	if (minDurationNs !== undefined && minDurationNs !== filter.minDurationNs) set({ ...filter, minDurationNs });
}

/** The field keeps what was typed: to be called when a filter is taken back from outside. */
export function clearMinimum(menu: HTMLElement | null): void {
	const input = menu?.querySelector<HTMLInputElement>(".filter-minimum input");
	if (input === null || input === undefined) return;
	input.value = "";
	readMinimum(input, NO_FILTER, () => undefined);
}

export const filterStyles = css`
	.filter-menu {
		position: fixed;
		inset: auto;
		width: 232px;
		max-width: calc(100% - 8px);
		max-height: calc(100% - 8px);
		margin: 0;
		padding: 4px 10px 10px;
		overflow: auto;
		color: var(--vscode-menu-foreground, var(--vscode-foreground));
		background: var(--vscode-menu-background, var(--vscode-editorWidget-background));
		border: 1px solid var(--vscode-menu-border, var(--vscode-widget-border, var(--vscode-contrastBorder, transparent)));
		border-radius: 5px;
		box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
	}
	.filter-menu fieldset {
		margin: 0;
		padding: 0 0 6px;
		border: none;
	}
	.filter-menu legend,
	.filter-minimum {
		padding: 4px 0 2px;
		font-size: 11px;
		color: var(--vscode-descriptionForeground);
	}
	.filter-option {
		display: flex;
		align-items: center;
		gap: 6px;
		height: 22px;
		cursor: pointer;
	}
	.filter-option input {
		margin: 0;
		accent-color: var(--vscode-button-background);
	}
	.filter-word {
		display: inline-block;
	}
	.filter-word::first-letter {
		text-transform: uppercase;
	}
	.filter-swatch {
		width: 8px;
		height: 8px;
		border-radius: 2px;
		background: var(--vscode-descriptionForeground);
	}
	.filter-swatch.model {
		background: var(--vscode-charts-purple);
	}
	.filter-swatch.tool {
		background: var(--vscode-charts-blue);
	}
	.filter-swatch.retrieval {
		background: var(--vscode-charts-green);
	}
	.filter-count {
		margin-left: auto;
		font-variant-numeric: tabular-nums;
		color: var(--vscode-descriptionForeground);
	}
	.filter-minimum {
		display: block;
	}
	.filter-minimum input {
		display: block;
		width: 100%;
		height: 24px;
		margin-top: 4px;
		padding: 0 6px;
		font: inherit;
		font-size: 13px;
		color: var(--vscode-input-foreground, inherit);
		background: var(--vscode-input-background);
		border: 1px solid var(--vscode-input-border, var(--vscode-contrastBorder, transparent));
		border-radius: 2px;
	}
	.filter-minimum input::placeholder {
		color: var(--vscode-input-placeholderForeground);
	}
	.filter-minimum input:invalid {
		border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground));
	}
	.filter-line {
		flex: none;
		display: flex;
		align-items: center;
		gap: 6px;
		min-height: 26px;
		padding: 2px 12px;
		border-top: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
	}
	.filter-line > span:not(.codicon) {
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
		font-variant-numeric: tabular-nums;
	}
	.filter-line .codicon {
		flex: none;
		color: var(--vscode-charts-blue, inherit);
	}
	.filter-clear {
		flex: none;
		padding: 0 6px;
		color: var(--vscode-textLink-foreground);
		background: transparent;
		border: none;
	}
	.filter-clear:hover {
		background: transparent;
		text-decoration: underline;
	}
`;
