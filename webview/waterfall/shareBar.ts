import { formatDuration } from "../../src/base/quantity.ts";
import { Category } from "../shared/kinds.ts";
import { fill } from "../shared/words.ts";
import type { TimeShares } from "./criticalPath.ts";
import { words } from "./words.ts";

interface Share {
	readonly className: string;
	readonly name: string;
	readonly ns: number;
}

/** "Where did the time go" as a bar with its legend for the eye, and as a table for who listens. */
export class ShareBar {
	readonly #bar = element("div", "share-bar");
	readonly #legend = element("div", "share-legend");
	readonly #table = document.createElement("table");
	readonly #parent: HTMLElement;
	#shown = "";

	constructor(parent: HTMLElement) {
		this.#parent = parent;
		this.#bar.setAttribute("aria-hidden", "true");
		this.#legend.setAttribute("aria-hidden", "true");
		this.#table.className = "visually-hidden";
		parent.replaceChildren(this.#bar, this.#legend, this.#table);
	}

	/** Undefined while nothing is known. */
	update(shares: TimeShares | undefined): void {
		const known = shares !== undefined && shares.wholeNs > 0 ? shares : undefined;
		if (this.#parent.hidden !== (known === undefined)) this.#parent.hidden = known === undefined;
		if (known === undefined) return;
		const list = sharesOf(known);
		const rows = list.map(({ name, ns }) => [name, formatDuration(ns), percent(ns / known.wholeNs)]);
		// A trace that runs is reckoned often, and what people read of it changes seldom.
		const text = JSON.stringify(rows);
		if (this.#shown === text) return;
		this.#shown = text;
		this.#parent.title = [words.timeShares, ...rows.map(([name, time, share]) => `${name}: ${time}, ${share}`)].join(
			"\n",
		);
		this.#bar.replaceChildren(
			...list.map(({ className, ns }) => {
				const part = element("span", className);
				part.style.setProperty("flex-grow", String(ns / known.wholeNs));
				return part;
			}),
		);
		this.#legend.replaceChildren(
			...list.map(({ className, name }, index) => {
				const item = element("span", "share");
				item.append(element("span", `swatch ${className}`), `${name} ${rows[index][2]}`);
				return item;
			}),
		);
		this.#table.createCaption().textContent = words.timeShares;
		const body = document.createElement("tbody");
		for (const [name, time, share] of rows) {
			const row = body.insertRow();
			const head = document.createElement("th");
			head.scope = "row";
			head.textContent = name;
			row.append(head);
			row.insertCell().textContent = time;
			row.insertCell().textContent = share;
		}
		this.#table.tBodies[0]?.remove();
		this.#table.append(body);
	}
}

/** Those that took any time, in a fixed order: a legend whose words change places cannot be read at a glance. */
function sharesOf({ byCategory, idleNs }: TimeShares): Share[] {
	const all: Share[] = [
		{ className: "model", name: words.shareModel, ns: byCategory[Category.model] },
		{ className: "tool", name: words.shareTool, ns: byCategory[Category.tool] },
		{ className: "retrieval", name: words.shareRetrieval, ns: byCategory[Category.retrieval] },
		{ className: "other", name: words.shareOther, ns: byCategory[Category.other] },
		{ className: "idle", name: words.shareIdle, ns: idleNs },
	];
	return all.filter(({ ns }) => ns > 0);
}

/** Never 0 for what took time, nor all while something else took some. */
function percent(share: number): string {
	const value = share >= 1 ? "100" : share < 0.01 ? "< 1" : share > 0.99 ? "> 99" : String(Math.round(share * 100));
	return fill(words.percent, value);
}

function element(tag: "div" | "span", className: string): HTMLElement {
	const created = document.createElement(tag);
	created.className = className;
	return created;
}
