import { css, html, nothing, type TemplateResult } from "lit";
import { displayText } from "../../src/base/displayText.ts";
import { formatCount } from "../../src/base/quantity.ts";
import { type FindState, MAX_FIND_LENGTH } from "../../src/protocol/messages.ts";
import type { IconName } from "../shared/glyphs.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import type { FindStatus } from "./find.ts";
import { words } from "./words.ts";

export interface FindHandlers {
	readonly set: (state: FindState | undefined) => void;
	readonly step: (direction: 1 | -1, isRepeat: boolean) => void;
}

/** The search as a widget above the trace, like that of VS Code's editors; nothing while it is closed. */
export function findWidget(
	state: FindState | undefined,
	status: FindStatus,
	{ set, step }: FindHandlers,
): TemplateResult | typeof nothing {
	if (state === undefined) return nothing;
	const toggle = (name: IconName, label: string, key: "isCaseSensitive" | "isMatchesOnly"): TemplateResult =>
		html`<button
			class="option"
			title=${label}
			aria-label=${label}
			aria-pressed=${String(state[key])}
			@click=${() => set({ ...state, [key]: !state[key] })}
		>
			${icon(name)}
		</button>`;
	const action = (name: IconName, label: string, run: () => void, isDisabled = false): TemplateResult =>
		html`<button class="tool" title=${label} aria-label=${label} ?disabled=${isDisabled} @click=${run}>
			${icon(name)}
		</button>`;
	const hasNothing = state.text !== "" && !status.isSearching && status.count === 0;
	return html`<div
		class="find"
		role="search"
		aria-label=${words.find}
		@keydown=${(event: KeyboardEvent) => handleKey(event, state, { set, step })}
	>
		<span class="find-field">
			<input
				type="text"
				class="find-text ${hasNothing ? "without" : ""}"
				spellcheck="false"
				autocomplete="off"
				placeholder=${words.find}
				aria-label=${words.findText}
				maxlength=${MAX_FIND_LENGTH}
				.value=${state.text}
				@input=${(event: InputEvent) => set({ ...state, text: (event.target as HTMLInputElement).value })}
			/>
			${toggle("case-sensitive", words.findCase, "isCaseSensitive")}
			${toggle("list-filter", words.findMatchesOnly, "isMatchesOnly")}
		</span>
		<span class="find-count ${hasNothing ? "without" : ""}">${countText(state, status)}</span>
		${problemPart(status)}
		${action("arrow-up", words.findPrevious, () => step(-1, false), status.count === 0)}
		${action("arrow-down", words.findNext, () => step(1, false), status.count === 0)}
		${action("close", words.findClose, () => set(undefined))}
	</div>`;
}

/** "3 of 27", "27+" while more may come; empty while nothing is searched for. */
export function countText(state: FindState, { rank, count, isSearching }: FindStatus): string {
	if (state.text === "") return "";
	if (count === 0) return isSearching ? words.findSearching : words.findNone;
	const total = `${formatCount(count)}${isSearching ? "+" : ""}`;
	return fill(words.findCount, rank === 0 ? "?" : formatCount(rank), total);
}

function problemPart({ problem, message }: FindStatus): TemplateResult | typeof nothing {
	if (problem === undefined) return nothing;
	const [name, text, hint] = {
		unsupported: ["info", words.findNamesOnly, words.findNamesOnlyHint],
		payloadsOnly: ["info", words.findPayloadsOnly, words.findPayloadsOnlyHint],
		failed: ["warning", words.findIncomplete, fill(words.findFailedHint, displayText(message, 500))],
	}[problem] as [IconName, string, string];
	return html`<span class="find-problem" title=${hint}>
		${icon(name)}${text}
		<span class="visually-hidden">${hint}</span>
	</span>`;
}

/** Keys of VS Code's own widget; in a field its commands do not reach us. */
function handleKey(event: KeyboardEvent, state: FindState, { set, step }: FindHandlers): void {
	const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
	const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey;
	const key = event.key.toLowerCase();
	const isInField = event.target instanceof HTMLInputElement;
	const direction = event.shiftKey ? -1 : 1;
	if (isPlain && key === "escape") set(undefined);
	else if (isPlain && key === "enter" && isInField) step(direction, event.repeat);
	else if ((isPlain && key === "f3") || (isCommand && key === "g")) step(direction, event.repeat);
	else if (isCommand && key === "f" && isInField) (event.target as HTMLInputElement).select();
	else if (event.altKey && event.code === "KeyC") set({ ...state, isCaseSensitive: !state.isCaseSensitive });
	else if (event.altKey && event.code === "KeyL") set({ ...state, isMatchesOnly: !state.isMatchesOnly });
	else return;
	event.preventDefault();
	event.stopPropagation();
}

export const findStyles = css`
	.find {
		position: absolute;
		z-index: 2;
		top: 0;
		right: 14px;
		display: flex;
		align-items: center;
		gap: 2px;
		max-width: calc(100% - 28px);
		height: 33px;
		padding: 0 4px 0 8px;
		color: var(--vscode-editorWidget-foreground, var(--vscode-foreground));
		background: var(--vscode-editorWidget-background);
		border: 1px solid var(--vscode-editorWidget-border, var(--vscode-contrastBorder, transparent));
		border-top: none;
		border-radius: 0 0 4px 4px;
		box-shadow: 0 0 8px 2px var(--vscode-widget-shadow, transparent);
	}
	.find-field {
		display: flex;
		flex: 0 1 260px;
		align-items: center;
		min-width: 90px;
		height: 25px;
		padding-right: 2px;
		background: var(--vscode-input-background);
		border: 1px solid var(--vscode-input-border, transparent);
		border-radius: 2px;
	}
	.find-field:focus-within {
		border-color: var(--vscode-focusBorder);
	}
	.find-text {
		flex: 1;
		min-width: 0;
		height: 100%;
		padding: 0 4px 0 6px;
		font: inherit;
		color: var(--vscode-input-foreground, inherit);
		background: transparent;
		border: none;
		outline: none;
	}
	.find-text::placeholder {
		color: var(--vscode-input-placeholderForeground);
	}
	.find .option,
	.find .tool {
		display: flex;
		flex: none;
		align-items: center;
		justify-content: center;
		width: 22px;
		height: 22px;
		padding: 0;
		color: inherit;
		background: transparent;
		border: 1px solid transparent;
		border-radius: 5px;
	}
	.find .option {
		width: 20px;
		height: 20px;
		border-radius: 3px;
	}
	.find .option:hover,
	.find .tool:hover:not(:disabled) {
		background: var(--vscode-toolbar-hoverBackground);
	}
	.find .option[aria-pressed="true"] {
		color: var(--vscode-inputOption-activeForeground, inherit);
		background: var(--vscode-inputOption-activeBackground);
		border-color: var(--vscode-inputOption-activeBorder, transparent);
	}
	.find .tool:disabled {
		color: var(--vscode-disabledForeground);
		cursor: default;
	}
	.find button:focus-visible {
		outline-offset: -1px;
	}
	.find-count {
		flex: none;
		min-width: 69px;
		padding: 0 3px 0 4px;
		white-space: nowrap;
		font-variant-numeric: tabular-nums;
	}
	.find-count.without {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.find-problem {
		display: flex;
		align-items: center;
		gap: 3px;
		flex: 0 10 auto;
		min-width: 18px;
		overflow: hidden;
		padding-right: 3px;
		font-size: 0.9em;
		white-space: nowrap;
		color: var(--vscode-descriptionForeground);
	}
`;
