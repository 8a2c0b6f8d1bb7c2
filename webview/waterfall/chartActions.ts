import { html, type TemplateResult } from "lit";
import type { IconName } from "../shared/glyphs.ts";
import { icon } from "../shared/icons.ts";
import { words } from "./words.ts";

/** A button with the gap behind it. */
const ACTION_PX = 24;

type Action = "nextError" | "fitTrace" | "toggleGroups" | "toggleCriticalPath";
type PageAction = "find" | "filter";

/** The buttons in the head of the tree column; each is a command of VS Code too, some of the chart and some of the page. */
export function chartActions(run: (command: Action) => void, runInPage: (command: PageAction) => void): TemplateResult {
	const action = (command: Action | PageAction, name: IconName, label: string): TemplateResult => html`<button
		class="action ${command}"
		title=${label}
		aria-label=${label}
		@click=${() => (command === "find" ? runInPage(command) : command === "filter" ? undefined : run(command))}
	>
		${icon(name)}
	</button>`;
	return html`<div class="actions">
		${action("nextError", "error", words.nextError)}
		${action("fitTrace", "screen-full", words.fitTrace)}
		${action("find", "search", words.find)} ${action("filter", "filter", words.filter)}
		${action("toggleGroups", "group-by-ref-type", words.toggleGroups)}
		${action("toggleCriticalPath", "git-commit", words.criticalPath)}
	</div>`;
}

/** Below which the page opens its menu of filters; that of the page is the menu's button. */
export function filterButton(root: ParentNode): HTMLButtonElement | null {
	return root.querySelector(".action.filter");
}

/** Shows the buttons that would do something now. Called in frames: writes only what changed. */
export function updateActions(
	root: ParentNode,
	now: {
		readonly hasFailures: boolean;
		readonly isZoomed: boolean;
		readonly showsPath: boolean;
		readonly isFiltered: boolean;
		readonly groupsSiblings: boolean;
	},
): void {
	const find = (command: Action): HTMLElement | null => root.querySelector(`.action.${command}`);
	const hasMoved = [
		setHidden(find("nextError"), !now.hasFailures),
		setHidden(find("fitTrace"), !now.isZoomed),
	].includes(true);
	if (hasMoved) keepHeadingClear(root);
	const filter = filterButton(root);
	if (filter !== null && filter.classList.contains("on") !== now.isFiltered) {
		filter.classList.toggle("on", now.isFiltered);
		filter.title = now.isFiltered ? words.filterActive : words.filter;
		filter.setAttribute("aria-label", filter.title);
	}
	setPressed(find("toggleCriticalPath"), now.showsPath);
	setPressed(find("toggleGroups"), now.groupsSiblings);
}

function setPressed(element: HTMLElement | null, isPressed: boolean): void {
	if (element?.getAttribute("aria-pressed") !== String(isPressed))
		element?.setAttribute("aria-pressed", String(isPressed));
}

/** Returns whether that is news. */
function setHidden(element: HTMLElement | null, isHidden: boolean): boolean {
	if (element === null || element.hidden === isHidden) return false;
	element.hidden = isHidden;
	return true;
}

/** The heading of the column ends where the buttons begin. */
function keepHeadingClear(root: ParentNode): void {
	const shown = root.querySelectorAll(".action:not([hidden])").length;
	root.querySelector<HTMLElement>("#column")?.style.setProperty("padding-right", `${shown * ACTION_PX + 8}px`);
}
