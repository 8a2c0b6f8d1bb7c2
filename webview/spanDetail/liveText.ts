import { type ChildPart, noChange } from "lit";
import { AsyncDirective } from "lit/async-directive.js";
import { directive, type PartInfo, PartType } from "lit/directive.js";

/**
 * Shows a text that may grow while it is read. Only what differs is replaced inside one text node, so that a selection in
 * the part that stays is kept; setting the node anew would throw it away.
 */
class LiveText extends AsyncDirective {
	readonly #node = document.createTextNode("");

	constructor(info: PartInfo) {
		super(info);
		if (info.type !== PartType.CHILD) throw new Error("liveText belongs between tags");
	}

	render(text: string): unknown {
		patch(this.#node, text);
		return this.#node;
	}

	override update(part: ChildPart, [text]: [string]): unknown {
		const isPlaced = this.#node.parentNode !== null && this.#node.parentNode === part.parentNode;
		const result = this.render(text);
		return isPlaced ? noChange : result;
	}
}

/** Replaces the middle that differs between the common beginning and the common end. */
function patch(node: Text, text: string): void {
	const old = node.data;
	if (old === text) return;
	const shorter = Math.min(old.length, text.length);
	let start = 0;
	while (start < shorter && old.charCodeAt(start) === text.charCodeAt(start)) start++;
	let end = 0;
	while (end < shorter - start && old.charCodeAt(old.length - 1 - end) === text.charCodeAt(text.length - 1 - end)) {
		end++;
	}
	node.replaceData(start, old.length - start - end, text.slice(start, text.length - end));
}

export const liveText = directive(LiveText);
