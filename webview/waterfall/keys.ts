/** What a key does in the tree of spans. */
export type KeyAction =
	| "next"
	| "previous"
	| "expand"
	| "collapse"
	| "first"
	| "last"
	| "pageDown"
	| "pageUp"
	| "expandAll"
	| "collapseAll"
	| "toggle"
	| "open";

const ACTIONS: Readonly<Record<string, KeyAction>> = {
	ArrowDown: "next",
	j: "next",
	ArrowUp: "previous",
	k: "previous",
	ArrowRight: "expand",
	ArrowLeft: "collapse",
	Home: "first",
	End: "last",
	PageDown: "pageDown",
	PageUp: "pageUp",
	"*": "expandAll",
	"]": "expandAll",
	"[": "collapseAll",
	" ": "toggle",
	Enter: "open",
};

/** Undefined for keys that are not ours, and for all with a modifier: those belong to VS Code. */
export function actionOfKey(event: {
	readonly key: string;
	readonly ctrlKey: boolean;
	readonly altKey: boolean;
	readonly metaKey: boolean;
}): KeyAction | undefined {
	if (event.ctrlKey || event.altKey || event.metaKey) return undefined;
	return Object.hasOwn(ACTIONS, event.key) ? ACTIONS[event.key] : undefined;
}
