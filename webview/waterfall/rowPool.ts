import { displayText } from "../../src/base/displayText.ts";
import { formatCount, formatDuration } from "../../src/base/quantity.ts";
import { SpanStateCode } from "../../src/model/span.ts";
import { ICONS, type IconName } from "../shared/glyphs.ts";
import { lookOfKind } from "../shared/kinds.ts";
import { ROW_PX } from "./draw.ts";
import { groupBadge, groupFlag, groupNote } from "./groupText.ts";
import type { TraceModel } from "./model.ts";
import { canFold } from "./navigation.ts";
import { markedText, matchClasses, matchOf, matchWords } from "./rowMatch.ts";
import { nodeFacts, nodeName, stateWords } from "./spanText.ts";
import type { TextQuery } from "./textQuery.ts";
import { timeFlag } from "./timeFlags.ts";
import { words } from "./words.ts";

/** VS Code's own indent of trees. */
const INDENT_PX = 8;
/** Before the first level. */
const PADDING_PX = 8;
/** Of a row that has just come. */
const FLASH = "color-mix(in srgb, var(--vscode-charts-blue) 35%, transparent)";
const FLASH_MS = 1000;
const CATEGORY_CLASSES = ["model", "tool", "retrieval", "other"];

/** What the rows are filled from. */
export interface RowsView {
	readonly model: TraceModel;
	/** Visible rows first … end - 1 are shown. */
	readonly first: number;
	readonly end: number;
	readonly selectedNode: number | undefined;
	readonly nowNs: number;
	/** Width that indents may take; deeper levels are told by a number. */
	readonly maxIndentPx: number;
	/** Whether a span has just come: asked once a span, which then flashes. */
	readonly takeNew: (ordinal: number) => boolean;
	/** No time column: the row itself tells the duration. */
	readonly hasDuration: boolean;
}

/** Tells assistive technology the name of the tree and which of its rows one is at, undefined for none in view. */
export function nameTree(tree: HTMLElement, name: string, activeRowId: string | undefined): void {
	if (activeRowId === undefined) tree.removeAttribute("aria-activedescendant");
	else if (tree.getAttribute("aria-activedescendant") !== activeRowId) {
		tree.setAttribute("aria-activedescendant", activeRowId);
	}
	if (tree.getAttribute("aria-label") !== name) tree.setAttribute("aria-label", name);
}

/**
 * The rows of the tree column in the DOM: as many as the viewport shows, whatever the trace has. They stand in the order that
 * is seen, for those who read the page and do not see it; scrolling moves the rows that left to the other end and fills only those.
 */
export class RowPool {
	readonly #container: HTMLElement;
	readonly #rows: Row[] = [];
	#first = 0;

	constructor(container: HTMLElement) {
		this.#container = container;
	}

	/** Number of row elements in the page. */
	get size(): number {
		return this.#rows.length;
	}

	render(view: RowsView): void {
		const count = view.end - view.first;
		const shift = view.first - this.#first;
		this.#first = view.first;
		if (shift > 0 && shift < this.#rows.length) {
			const moved = this.#rows.splice(0, shift);
			this.#rows.push(...moved);
			this.#container.append(...moved.map((row) => row.element));
		} else if (shift < 0 && -shift < this.#rows.length) {
			const moved = this.#rows.splice(shift);
			this.#rows.unshift(...moved);
			this.#container.prepend(...moved.map((row) => row.element));
		}
		while (this.#rows.length < count) {
			const row = new Row();
			this.#rows.push(row);
			this.#container.append(row.element);
		}
		for (const row of this.#rows.splice(count)) row.element.remove();
		for (let i = 0; i < count; i++) this.#rows[i].bind(view, view.first + i);
	}

	/** Element of a visible row, for `aria-activedescendant`; undefined when it is out of view. */
	idAt(index: number): string | undefined {
		return this.#rows[index - this.#first]?.element.id;
	}

	clear(): void {
		for (const row of this.#rows) row.element.remove();
		this.#rows.length = 0;
	}
}

let nextRowId = 0;

class Row {
	readonly element = document.createElement("div");
	readonly #depth = part("depth");
	readonly #twistie = part("twistie codicon");
	readonly #kind = part("kind codicon");
	readonly #name = document.createElement("bdi");
	readonly #note = part("note");
	readonly #badge = part("badge");
	/** How many hits of a search the row hides. */
	readonly #inside = part("inside");
	readonly #duration = part("row-duration");
	/** Odd times. */
	readonly #flag = part("flag codicon");
	readonly #state = part("state codicon");
	/** What the element shows now; a write that changes nothing would still cost a style recalculation. */
	readonly #shown = new Map<string, string>();
	#flash: Animation | undefined;
	#node: number | undefined;
	#model: TraceModel | undefined;
	#version = -1;
	#key = "";

	constructor() {
		this.element.id = `row-${nextRowId++}`;
		this.element.className = "row";
		this.element.setAttribute("role", "treeitem");
		this.element.style.setProperty("height", `${ROW_PX}px`);
		this.#name.className = "name";
		const texts = part("words");
		texts.append(this.#name, " ", this.#note);
		this.element.append(
			this.#depth,
			this.#twistie,
			this.#kind,
			texts,
			// The blanks are not seen in a flex box; they part the words for who reads the text.
			" ",
			this.#badge,
			" ",
			this.#inside,
			" ",
			this.#flag,
			this.#duration,
			this.#state,
		);
		// Its text is told by the label; the parts would be read twice.
		for (const child of this.element.children) child.setAttribute("aria-hidden", "true");
	}

	bind(view: RowsView, index: number): void {
		const { model } = view;
		const row = model.rows.rowAt(index);
		const node = model.rows.nodeAt(index);
		const isHead = model.rows.isHead(index);
		const isMember = model.rows.isMember(index);
		const isSelected = node === view.selectedNode;
		const isFolded = model.rows.isFoldedAt(index);
		const isAwaited = model.awaited.has(node);
		const isRunning = isAwaited || (node >= 0 && model.table.state[node] === 0);
		const key = `${model.marks.version} ${isSelected}${isFolded}${isMember}${view.maxIndentPx}${view.hasDuration}${isAwaited}${row}`;
		const isSame = this.#node === node && this.#model === model && this.#version === model.version && this.#key === key;
		if (isSame && !(isRunning && (view.hasDuration || isSelected))) return;
		if (this.#node !== node || this.#model !== model) this.#flashNew(node >= 0 && view.takeNew(node));
		this.#node = node;
		this.#model = model;
		this.#version = model.version;
		this.#key = key;

		const { layout, table } = model;
		const hasChildren = canFold(model, index);
		const group = isHead ? model.groupFacts(node) : undefined;
		const depth = layout.depth[row] + Number(isMember);
		const maxDepth = Math.max(2, Math.floor(view.maxIndentPx / INDENT_PX));
		const indentPx = Math.min(depth, maxDepth) * INDENT_PX;
		this.#write("indent", `${indentPx}px`, (value) => {
			this.element.style.setProperty("padding-left", `${PADDING_PX + indentPx}px`);
			this.element.style.setProperty("background-size", `${value} 100%`);
		});
		// Drawn by the style sheet: the level is told by its own attribute, twice would be once too often.
		this.#write("depth", depth > maxDepth ? String(depth + 1) : "", (value) => {
			if (value === "") delete this.#depth.dataset.depth;
			else this.#depth.dataset.depth = value;
		});
		this.#text(this.#twistie, "twistie", hasChildren ? ICONS[isFolded ? "chevron-right" : "chevron-down"] : "");
		const name = nodeName(model, node);
		const isHiding = isFolded && hasChildren && !isHead;
		let note = node < 0 ? "" : noteOf(model, node);
		let badge = isHiding ? formatCount(layout.size[row] - 1) : "";
		let duration = view.hasDuration && node >= 0 ? formatDuration(model.spanDurationNs(node, view.nowNs)) : "";
		if (group !== undefined) {
			note = groupNote(model, group);
			badge = groupBadge(group.count);
			duration = view.hasDuration ? formatDuration(group.totalNs) : "";
		}
		const match = matchOf(model, index);
		// The head of a group has the name of those that it hides.
		const query = match.isHit || match.hidden > 0 ? model.marks.query : undefined;
		this.#marked(this.#name, "name", name, query);
		this.#marked(this.#note, "note", note, query);
		const inside = match.hidden === 0 ? "" : formatCount(match.hidden);
		this.#text(this.#inside, "inside", inside);
		this.#text(this.#badge, "badge", badge);
		const oddTime = node < 0 ? undefined : timeFlag(model, node, view.nowNs);
		const flag = group === undefined ? oddTime && words[oddTime] : groupFlag(group);
		this.#text(this.#flag, "flag", flag === undefined ? "" : ICONS.warning);
		this.#text(this.#duration, "duration", duration);
		this.#attribute("aria-level", String(depth + 1));
		// Beside a group a place is that among all siblings: the numbers say how many it holds.
		const members = isMember ? model.rows.membersOf(index) : undefined;
		this.#attribute(
			"aria-posinset",
			String(members === undefined ? layout.siblingIndex[row] + 1 : row - members.first + 1),
		);
		this.#attribute(
			"aria-setsize",
			String(members === undefined ? layout.siblingCount(row) : members.end - members.first),
		);
		this.#attribute("aria-expanded", hasChildren ? String(!isFolded) : undefined);
		this.#attribute("aria-selected", String(isSelected));
		// What is seen comes first and in its order: those who steer by voice say it.
		const seen = [name, note, badge, inside, duration].filter((text) => text !== "").join(" ");
		const isHidingFailure = isHiding && hasFailureBelow(model, row);
		const label = [seen, ...stateWords(model, node, duration === "" ? view.nowNs : undefined)];
		if (isHidingFailure) label.push(words.hidesFailure);
		if (flag !== undefined) label.push(flag);
		label.push(...matchWords(match));
		this.#attribute("aria-label", label.join(", "));
		const facts = isSelected ? nodeFacts(model, node, view.nowNs) : [];
		this.#attribute(
			"aria-description",
			facts.length === 0 ? undefined : facts.map((fact) => `${fact.title} ${fact.value}`.trim()).join(", "),
		);
		let className = isHidingFailure ? "row hides-failure" : "row";
		if (isSelected) className += " selected";
		className += matchClasses(match);
		if (isHead) className += " group";
		else if (note === "") className += " noteless";
		if (node < 0 && !isHead) {
			className += isAwaited ? " awaited" : " placeholder";
			this.#text(this.#kind, "kind", ICONS[isAwaited ? "pulse" : "question"]);
			this.#stateIcon(isAwaited ? STATE_CLASSES[0] : "", isAwaited ? ICONS[STATE_ICONS[0]] : "");
		} else {
			const span = layout.node[row];
			const look = lookOfKind(table.string(table.kind[span]));
			const state = table.state[span];
			className += ` ${CATEGORY_CLASSES[look.category]}`;
			if (state === 2) className += " failed";
			this.#text(this.#kind, "kind", ICONS[look.icon]);
			this.#stateIcon(STATE_CLASSES[state] ?? "", ICONS[STATE_ICONS[state] ?? "question"]);
		}
		this.#write("class", className, (value) => {
			this.element.className = value;
		});
	}

	/** Once, and never for the span that the element shows next. */
	#flashNew(isNew: boolean): void {
		this.#flash?.cancel();
		this.#flash = isNew ? this.element.animate([{ backgroundColor: FLASH, offset: 0 }], FLASH_MS) : undefined;
	}

	#stateIcon(className: string, glyph: string): void {
		this.#write("stateClass", className, (value) => {
			this.#state.className = `state codicon ${value}`;
		});
		this.#text(this.#state, "state", glyph);
	}

	#text(element: HTMLElement, key: string, value: string): void {
		this.#write(key, value, (text) => setText(element, text));
	}

	/** With what is searched for marked. */
	#marked(element: HTMLElement, key: string, value: string, query: TextQuery | undefined): void {
		const parts = query === undefined ? [value] : query.split(value);
		// No blank: a text may hold any other character.
		this.#write(key, parts.join("\0"), () => {
			if (parts.length === 1) setText(element, value);
			else element.replaceChildren(...markedText(parts));
		});
	}

	#attribute(name: string, value: string | undefined): void {
		this.#write(name, value ?? "\0", () => {
			if (value === undefined) this.element.removeAttribute(name);
			else this.element.setAttribute(name, value);
		});
	}

	#write(key: string, value: string, apply: (value: string) => void): void {
		if (this.#shown.get(key) === value) return;
		this.#shown.set(key, value);
		apply(value);
	}
}

const STATE_CLASSES = ["running spin", "completed", "failed"];
const STATE_ICONS: readonly IconName[] = ["loading", "check", "error"];

/** A fold must not make a failure invisible. One pass over the rows below, when a folded row changes. */
function hasFailureBelow({ layout, table }: TraceModel, row: number): boolean {
	for (let below = row + 1; below < row + layout.size[row]; below++) {
		const node = layout.node[below];
		if (node >= 0 && table.state[node] === SpanStateCode.failed) return true;
	}
	return false;
}

/** Dim words behind the name: the model of an LLM call, or why a row stands where it stands. */
function noteOf(model: TraceModel, ordinal: number): string {
	if (model.layout.isStranded(ordinal)) return words.cycle;
	return displayText(model.table.string(model.table.model[ordinal]), 80);
}

/** Into the text node that is there: a new one has to be laid out from the ground up. */
function setText(element: HTMLElement, text: string): void {
	const [first] = element.childNodes;
	if (text !== "" && first instanceof Text && element.childNodes.length === 1) first.data = text;
	else element.textContent = text;
}

function part(className: string): HTMLElement {
	const element = document.createElement("span");
	element.className = className;
	return element;
}
