import { Category } from "../shared/kinds.ts";
import type { TraceModel } from "./model.ts";
import type { TimeScale } from "./timeScale.ts";

const CATEGORIES = Object.keys(Category).length;

/** What the strip shows. */
export interface MinimapImage {
	readonly columns: number;
	readonly lanes: number;
	/** [lanes × columns], a lane after the other: 0 for nothing, else 1 + the category that most spans there have. */
	readonly cells: Uint8Array;
	/** [columns] 1 where a failed span ends. */
	readonly failed: Uint8Array;
}

/**
 * Every span of a trace on a strip of pixel columns by lanes, the rows of the tree from top to bottom pressed into the
 * lanes. Costs the same for each span, however long it is: its ends are counted, and the columns summed up at the end.
 * What only holds other spans shows where nothing else is. Works in slices; spans that come meanwhile are for the next one.
 */
export class MinimapRaster {
	readonly #model: TraceModel;
	readonly #scale: TimeScale;
	readonly #nowNs: number;
	readonly #columns: number;
	readonly #lanes: number;
	readonly #count: number;
	readonly #rowCount: number;
	/** [category × lanes × (columns + 1)] Spans that begin at a column, less those that ended before it. */
	readonly #changes: Int32Array;
	readonly #failed: Uint8Array;
	#next = 0;

	constructor(model: TraceModel, scale: TimeScale, nowNs: number, maxLanes: number) {
		this.#model = model;
		this.#scale = scale;
		this.#nowNs = nowNs;
		this.#columns = Math.max(1, Math.floor(scale.widthPx));
		this.#count = model.table.count;
		this.#rowCount = Math.max(1, model.layout.rowCount);
		this.#lanes = Math.max(1, Math.min(maxLanes, this.#rowCount));
		this.#changes = new Int32Array(CATEGORIES * this.#lanes * (this.#columns + 1));
		this.#failed = new Uint8Array(this.#columns);
	}

	/** Takes in up to `limit` more spans. Returns the picture once all are in. */
	step(limit: number): MinimapImage | undefined {
		const { table, layout } = this.#model;
		const end = Math.min(this.#count, this.#next + limit);
		const stride = this.#columns + 1;
		for (let ordinal = this.#next; ordinal < end; ordinal++) {
			const startNs = table.startNs[ordinal];
			if (Number.isNaN(startNs)) continue;
			const endNs = this.#model.spanEndNs(ordinal, this.#nowNs);
			const from = this.#column(startNs);
			// A span that ended before it began, or nobody knows when, is where it began.
			const to = endNs > startNs ? this.#column(endNs) : from;
			const lane = Math.min(this.#lanes - 1, Math.floor((layout.rowOf(ordinal) * this.#lanes) / this.#rowCount));
			const at = (this.#model.category(ordinal) * this.#lanes + Math.max(0, lane)) * stride;
			this.#changes[at + from]++;
			this.#changes[at + to + 1]--;
			if (table.state[ordinal] === 2) this.#failed[to] = 1;
		}
		this.#next = end;
		return end === this.#count ? this.#image() : undefined;
	}

	#column(ns: number): number {
		return Math.max(0, Math.min(this.#columns - 1, Math.floor(this.#scale.toPx(ns))));
	}

	#image(): MinimapImage {
		const columns = this.#columns;
		const lanes = this.#lanes;
		const cells = new Uint8Array(lanes * columns);
		const most = new Int32Array(columns);
		for (let lane = 0; lane < lanes; lane++) {
			most.fill(0);
			for (let category = 0; category < CATEGORIES; category++) {
				const at = (category * lanes + lane) * (columns + 1);
				let open = 0;
				for (let column = 0; column < columns; column++) {
					open += this.#changes[at + column];
					// The category that steps back comes last: it fills what is empty.
					const isMost = category === Category.other ? open > 0 && most[column] === 0 : open > most[column];
					if (!isMost) continue;
					most[column] = open;
					cells[lane * columns + column] = 1 + category;
				}
			}
		}
		return { columns, lanes, cells, failed: this.#failed };
	}
}
