import "@lit-labs/virtualizer";
import { html, LitElement, type TemplateResult } from "lit";
import { formatDuration } from "../../../src/base/quantity.ts";
import { unpackColumns } from "../../../src/protocol/packedColumns.ts";
import type { TraceColumns } from "../../../src/protocol/traceColumns.ts";
import { agentSpans, buffersOf, columnsOf, type Snapshot, snapshotOf } from "./agentTrace.ts";
import { FIRST_ROWS, mark, timeToPaint } from "./frames.ts";

const ROW_PX = 22;
const COLORS = ["#3794ff", "#cca700", "#89d185", "#9d9d9d"];

/** A row as a list is given it. */
interface Row {
	readonly name: string;
	readonly kind: number;
	readonly depth: number;
	readonly startNs: number;
	readonly endNs: number;
	readonly isFailed: boolean;
}

/**
 * The same rows as a virtualised list of elements: Lit's virtualizer, a row an object, its bar an element in it. Knows
 * nothing of folds, minimap, zoom, critical path or roles of a tree.
 */
class ListPage extends LitElement {
	static override properties = { rows: { state: true } };
	declare rows: readonly Row[];
	#wholeNs = 1;

	constructor() {
		super();
		this.rows = [];
		window.addEventListener("message", ({ data }: MessageEvent<Snapshot>) => {
			if (data.type !== "trace/snapshot") return;
			const columns = unpackColumns(data.columns);
			this.#wholeNs = columns.endNs.reduce((max, end) => (end > max ? end : max), 1);
			this.rows = rowsOf(columns);
		});
	}

	protected override createRenderRoot(): HTMLElement {
		return this;
	}

	override render(): TemplateResult {
		return html`<lit-virtualizer
			scroller
			style="height: 760px; display: block"
			.items=${this.rows}
			.renderItem=${this.#renderRow}
		></lit-virtualizer>`;
	}

	readonly #renderRow = (row: Row): TemplateResult => html`<div
		class="row"
		style="height: ${ROW_PX}px; width: 100%; position: relative; white-space: nowrap; overflow: hidden"
	>
		<span style="padding-left: ${row.depth * 8}px">${row.depth > 0 ? "›" : ""} <b class="name">${row.name}</b></span>
		<span
			style="position: absolute; top: 5px; height: 12px; min-width: 2px; background: ${row.isFailed ? "#f14c4c" : COLORS[row.kind % 4]}; left: ${
				40 + (row.startNs / this.#wholeNs) * 55
			}%; width: ${((row.endNs - row.startNs) / this.#wholeNs) * 55}%"
		></span>
		<span style="position: absolute; right: 0">${formatDuration(row.endNs - row.startNs)}</span>
	</div>`;
}

customElements.define("list-page", ListPage);

/** In pre-order, siblings by start: objects with arrays of children, the way such a list is fed. */
function rowsOf(columns: TraceColumns): Row[] {
	interface Node {
		readonly at: number;
		readonly children: Node[];
	}
	const nodes = Array.from(columns.ordinal, (at): Node => ({ at, children: [] }));
	const roots: Node[] = [];
	for (const node of nodes) {
		const parent = columns.parent[node.at];
		(parent < 0 ? roots : nodes[parent].children).push(node);
	}
	const rows: Row[] = [];
	const visit = (siblings: Node[], depth: number): void => {
		siblings.sort((a, b) => columns.startNs[a.at] - columns.startNs[b.at]);
		for (const { at, children } of siblings) {
			rows.push({
				name: columns.strings[columns.name[at]],
				kind: columns.kind[at],
				depth,
				startNs: columns.startNs[at],
				endNs: columns.endNs[at],
				isFailed: columns.state[at] === 2,
			});
			visit(children, depth + 1);
		}
	};
	visit(roots, 0);
	return rows;
}

let snapshot: Snapshot | undefined;

declare global {
	var list: {
		prepare(count: number): void;
		/** Milliseconds from the message to the first rows. */
		open(): Promise<number>;
	};
}

globalThis.list = {
	prepare(count) {
		const spans = agentSpans(count, false);
		snapshot = snapshotOf(spans, columnsOf(spans, "end"), "list");
	},
	async open() {
		if (snapshot === undefined) throw new Error("no trace was prepared");
		const isThere = (): boolean => document.querySelectorAll(".row").length >= FIRST_ROWS;
		const took = await timeToPaint(snapshot, buffersOf(snapshot.columns), document.body, isThere);
		mark("end");
		return took;
	},
};

document.body.style.margin = "0";
document.body.append(document.createElement("list-page"));
