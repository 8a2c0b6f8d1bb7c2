import { isSpanPart, type SpanPart } from "../../src/protocol/messages.ts";

/** Decisions kept a tree; the oldest go first. */
const MAX_FOLDS = 300;
/** Of what an earlier life of the page left: texts in it came from traces. */
const MAX_PATH_UNITS = 2_000;
const MAX_SEARCH_UNITS = 500;
const MAX_PARTS = 60;

/** Path of the root in a tree. */
const ROOT_PATH = "[]";

/** What `setState` keeps of one part; only what differs from the beginning. */
export interface PartState {
	readonly folds?: readonly (readonly [path: string, isFolded: boolean])[];
	readonly all?: boolean;
	readonly active?: string;
	readonly search?: string;
	readonly match?: number;
	readonly scrollTop?: number;
}

/**
 * What the user arranged in the tree or the text of one part. The element that shows the part writes into it, and finds it again after
 * the part was folded away, has grown, or the page was made anew. Paths are JSON of the names and indices from the root on.
 */
export class PartArrangement {
	/** By path: folded or unfolded by hand. */
	readonly folds = new Map<string, boolean>();
	/** All folded or unfolded, before what `folds` says. */
	all: boolean | undefined;
	/** Path of the selected row. */
	active = ROOT_PATH;
	search = "";
	/** Place among the matches; -1 before the first step. */
	match = -1;
	/** Pixels. */
	scrollTop = 0;

	decide(path: string, isFolded: boolean): void {
		this.folds.delete(path);
		this.folds.set(path, isFolded);
		if (this.folds.size > MAX_FOLDS) {
			const [oldest] = this.folds.keys();
			this.folds.delete(oldest);
		}
	}

	decideAll(isFolded: boolean): void {
		this.folds.clear();
		this.all = isFolded;
	}

	/** Undefined where nothing was arranged. */
	toState(): PartState | undefined {
		const folds = [...this.folds].filter(([path]) => path.length <= MAX_PATH_UNITS);
		const state: PartState = {
			...(folds.length > 0 ? { folds } : {}),
			...(this.all === undefined ? {} : { all: this.all }),
			...(this.active === ROOT_PATH || this.active.length > MAX_PATH_UNITS ? {} : { active: this.active }),
			...(this.search === "" ? {} : { search: this.search.slice(0, MAX_SEARCH_UNITS), match: this.match }),
			...(this.scrollTop === 0 ? {} : { scrollTop: this.scrollTop }),
		};
		return Object.keys(state).length === 0 ? undefined : state;
	}

	static fromState(value: unknown): PartArrangement {
		const arrangement = new PartArrangement();
		if (typeof value !== "object" || value === null) return arrangement;
		const { folds, all, active, search, match, scrollTop } = value as Record<string, unknown>;
		if (Array.isArray(folds)) {
			for (const fold of folds.slice(0, MAX_FOLDS)) {
				if (Array.isArray(fold) && typeof fold[0] === "string" && typeof fold[1] === "boolean") {
					arrangement.folds.set(fold[0], fold[1]);
				}
			}
		}
		if (typeof all === "boolean") arrangement.all = all;
		if (typeof active === "string") arrangement.active = active;
		if (typeof search === "string") arrangement.search = search.slice(0, MAX_SEARCH_UNITS);
		if (typeof match === "number" && Number.isInteger(match) && match >= -1) arrangement.match = match;
		if (typeof scrollTop === "number" && scrollTop >= 0) arrangement.scrollTop = scrollTop;
		return arrangement;
	}
}

/** The arrangements of the span shown. */
export class PartArrangements {
	readonly #parts = new Map<SpanPart, PartArrangement>();

	of(part: SpanPart): PartArrangement {
		let arrangement = this.#parts.get(part);
		if (arrangement === undefined) {
			arrangement = new PartArrangement();
			this.#parts.set(part, arrangement);
		}
		return arrangement;
	}

	/** Forgets all and takes what `toState` gave; undefined for nothing. */
	restore(value: unknown): void {
		this.#parts.clear();
		if (typeof value !== "object" || value === null) return;
		for (const [part, state] of Object.entries(value).slice(0, MAX_PARTS)) {
			if (isSpanPart(part)) this.#parts.set(part, PartArrangement.fromState(state));
		}
	}

	toState(): Readonly<Partial<Record<SpanPart, PartState>>> {
		const states = [...this.#parts].flatMap(([part, arrangement]) => {
			const state = arrangement.toState();
			return state === undefined ? [] : [[part, state] as const];
		});
		return Object.fromEntries(states.slice(0, MAX_PARTS));
	}
}
