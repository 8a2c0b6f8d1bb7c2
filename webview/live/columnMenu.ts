import { html, nothing, type TemplateResult } from "lit";
import { icon } from "../shared/icons.ts";
import { words } from "./words.ts";

export interface MenuItem {
	readonly label: string;
	/** Undefined for an item that does something once. */
	readonly isChecked: boolean | undefined;
	readonly run: () => void;
}

/** The menu of the columns. The caller puts it in its place and the focus on its first item, and takes it back from a key. */
export function columnMenu(items: readonly MenuItem[], onClose: (isByKey: boolean) => void): TemplateResult {
	const handleKey = (event: KeyboardEvent): void => {
		const menu = event.currentTarget as HTMLElement;
		const all = [...menu.querySelectorAll<HTMLElement>("[role^=menuitem]")];
		const index = all.indexOf(event.target as HTMLElement);
		const move = (to: number): void => all[(to + all.length) % all.length]?.focus();
		if (event.key === "ArrowDown") move(index + 1);
		else if (event.key === "ArrowUp") move(index - 1);
		else if (event.key === "Home") move(0);
		else if (event.key === "End") move(-1);
		else if (event.key === "Escape" || event.key === "Tab") onClose(true);
		else return;
		event.preventDefault();
		event.stopPropagation();
	};
	const handleFocusOut = (event: FocusEvent): void => {
		const menu = event.currentTarget as HTMLElement;
		if (!(event.relatedTarget instanceof Node) || !menu.contains(event.relatedTarget)) onClose(false);
	};
	return html`<div
		class="menu"
		role="menu"
		aria-label=${words.columns}
		@keydown=${handleKey}
		@focusout=${handleFocusOut}
	>
		${items.map(
			({ label, isChecked, run }) => html`
				${isChecked === undefined ? html`<div class="separator" role="separator"></div>` : nothing}
				<button
					type="button"
					role=${isChecked === undefined ? "menuitem" : "menuitemcheckbox"}
					aria-checked=${isChecked ?? nothing}
					tabindex="-1"
					@click=${run}
				>
					<span class="mark">${isChecked === true ? icon("check") : nothing}</span>${label}
				</button>
			`,
		)}
	</div>`;
}
