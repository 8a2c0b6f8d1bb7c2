import { html, type TemplateResult } from "lit";
import type { IconName } from "../shared/glyphs.ts";
import { icon } from "../shared/icons.ts";
import { words } from "./words.ts";

type Action = "nextError" | "fitTrace" | "toggleCriticalPath";

/** The buttons in the head of the tree column; each is a command of VS Code too. */
export function chartActions(run: (command: Action) => void): TemplateResult {
	const action = (command: Action, name: IconName, label: string): TemplateResult => html`<button
		class="action ${command}"
		title=${label}
		aria-label=${label}
		@click=${() => run(command)}
	>
		${icon(name)}
	</button>`;
	return html`<div class="actions">
		${action("nextError", "error", words.nextError)}
		${action("fitTrace", "screen-full", words.fitTrace)}
		${action("toggleCriticalPath", "git-commit", words.criticalPath)}
	</div>`;
}

/** Shows the buttons that would do something now. Called in frames: writes only what changed. */
export function updateActions(
	root: ParentNode,
	now: { readonly hasFailures: boolean; readonly isZoomed: boolean; readonly showsPath: boolean },
): void {
	const find = (command: Action): HTMLElement | null => root.querySelector(`.action.${command}`);
	setHidden(find("nextError"), !now.hasFailures);
	setHidden(find("fitTrace"), !now.isZoomed);
	const path = find("toggleCriticalPath");
	const pressed = String(now.showsPath);
	if (path?.getAttribute("aria-pressed") !== pressed) path?.setAttribute("aria-pressed", pressed);
}

function setHidden(element: HTMLElement | null, isHidden: boolean): void {
	if (element !== null && element.hidden !== isHidden) element.hidden = isHidden;
}
