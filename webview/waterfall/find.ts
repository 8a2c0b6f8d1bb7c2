import type { Disposable } from "../../src/base/disposable.ts";
import {
	type FindState,
	type HostToWaterfall,
	MAX_FIND_LENGTH,
	type WaterfallToHost,
} from "../../src/protocol/messages.ts";
import type { TraceChart } from "./chart.ts";
import { countText } from "./findWidget.ts";
import type { TraceModel } from "./model.ts";
import { isGroupCode, ordinalOfGroup } from "./spanTable.ts";
import { TextQuery } from "./textQuery.ts";

type Hits = Extract<HostToWaterfall, { readonly type: "search/hits" }>;

/** The host is asked once the user rests. */
const ASK_DELAY_MS = 150;
/** Counts that change while one types or while hits come in are not worth saying. */
const SPEAK_DELAY_MS = 600;
/** Spans looked at between two looks at the clock, and milliseconds until the page may draw. */
const SLICE = 4096;
const SLICE_MS = 6;

export interface FindHost {
	readonly chart: () => TraceChart | null;
	readonly post: (message: WaterfallToHost) => void;
	/** Something that the widget shows has changed. */
	readonly onChange: () => void;
}

/** How a search stands. */
export interface FindStatus {
	/** Of the selected span among the hits, from 1; 0 when it is none. */
	readonly rank: number;
	readonly count: number;
	/** More hits may come. */
	readonly isSearching: boolean;
	/** Why texts were not searched, or not all. */
	readonly problem: Hits["problem"];
	readonly message: string;
}

/**
 * The search in the open trace: what the page has is searched here, in slices, all else by the host. Hits are marked in the
 * model; spans that come later are searched as well. Closed while `state` is undefined.
 */
export class Find implements Disposable {
	readonly #host: FindHost;
	#state: FindState | undefined;
	#model: TraceModel | undefined;
	#searchId = 0;
	#isAsked = false;
	#isAnswered = true;
	/** The first hit of what was typed is to be brought into view. */
	#isAwaited = false;
	#problem: Hits["problem"];
	#message = "";
	#askTimer: ReturnType<typeof setTimeout> | undefined;
	#sliceTimer: ReturnType<typeof setTimeout> | undefined;
	#speakTimer: ReturnType<typeof setTimeout> | undefined;
	/** What was looked for last. */
	#last: FindState = { text: "", isCaseSensitive: false, isMatchesOnly: false };
	/** How the search stands, for those who listen: once it has come to rest. */
	spoken = "";

	constructor(host: FindHost) {
		this.#host = host;
	}

	get state(): FindState | undefined {
		return this.#state;
	}

	get status(): FindStatus {
		const { marks } = this.#model ?? {};
		const selected = this.#host.chart()?.selectedNode;
		return {
			rank: selected === undefined ? 0 : (marks?.rankOf(selected) ?? 0),
			count: marks?.hitCount ?? 0,
			isSearching:
				this.#state !== undefined && this.#state.text !== "" && !(this.#isAnswered && marks?.isSearched === true),
			problem: this.#problem,
			message: this.#message,
		};
	}

	/** Opens the search with what was looked for last. */
	open(): void {
		if (this.#state === undefined) this.set(this.#last);
	}

	/** Closes the search (undefined), or looks for something else. */
	set(state: FindState | undefined): void {
		const before = this.#state;
		this.#state = state === undefined ? undefined : { ...state, text: state.text.slice(0, MAX_FIND_LENGTH) };
		this.#last = this.#state ?? this.#last;
		const isSame = before?.text === this.#state?.text && before?.isCaseSensitive === this.#state?.isCaseSensitive;
		this.#isAwaited ||= !isSame;
		if (isSame) this.#update();
		else this.#begin(ASK_DELAY_MS);
		this.#tell();
	}

	/** Another trace is shown, the same one anew, or none. What is searched for stays. */
	setModel(model: TraceModel | undefined): void {
		if (this.#model === model) return;
		this.#model = model;
		this.#isAwaited = false;
		this.#begin(0);
	}

	/** Goes to the next hit behind the selected row, or before it; with none from the first row in view on. */
	step(direction: 1 | -1, isRepeat: boolean): void {
		const model = this.#model;
		const chart = this.#host.chart();
		if (model === undefined || chart === null) return;
		const { selectedNode } = chart;
		const selected =
			selectedNode !== undefined && isGroupCode(selectedNode) ? ordinalOfGroup(selectedNode) : selectedNode;
		const row = selected === undefined ? chart.firstRow - 1 : model.layout.rowOf(selected);
		const node = model.marks.nextHit(row, direction);
		if (node !== undefined) chart.goTo(node, isRepeat);
		this.#tell();
	}

	handleHits(hits: Hits): void {
		if (hits.searchId !== this.#searchId || !this.#isAsked || this.#model === undefined) return;
		if (hits.isDone) {
			this.#isAnswered = true;
			this.#problem = hits.problem;
			this.#message = hits.message ?? "";
		}
		if (hits.ordinals.length > 0) {
			this.#model.marks.addTextHits(hits.ordinals);
			this.#update();
		}
		this.#tell();
	}

	dispose(): void {
		for (const timer of [this.#askTimer, this.#sliceTimer, this.#speakTimer]) clearTimeout(timer);
	}

	#begin(delayMs: number): void {
		clearTimeout(this.#askTimer);
		clearTimeout(this.#sliceTimer);
		if (this.#isAsked) this.#host.post({ type: "search/end" });
		this.#isAsked = false;
		this.#problem = undefined;
		this.#message = "";
		const state = this.#state;
		const wasWanted = this.#model?.marks.query !== undefined;
		const isWanted = this.#model !== undefined && state !== undefined && state.text !== "";
		this.#isAnswered = !isWanted;
		this.#model?.marks.setQuery(isWanted ? new TextQuery(state.text, state.isCaseSensitive) : undefined);
		if (isWanted) this.#askTimer = setTimeout(() => this.#ask(state), delayMs);
		if (isWanted) this.#searchSlices();
		else if (wasWanted) this.#update();
	}

	#ask({ text, isCaseSensitive }: FindState): void {
		this.#searchId++;
		this.#isAsked = true;
		this.#host.post({ type: "trace/search", searchId: this.#searchId, text, isCaseSensitive });
	}

	/** At once as far as it is quick: mostly to the end. */
	#searchSlices(): void {
		const { marks } = this.#model ?? {};
		if (marks === undefined) return;
		const untilMs = performance.now() + SLICE_MS;
		while (!marks.search(SLICE) && performance.now() < untilMs);
		if (!marks.isSearched) this.#sliceTimer = setTimeout(() => this.#searchSlices());
		this.#update();
		this.#tell();
	}

	#update(): void {
		const model = this.#model;
		if (model === undefined) return;
		model.marks.setMatchesOnly(this.#state?.isMatchesOnly === true);
		const update = (): void => model.updateRows();
		const chart = this.#host.chart();
		if (chart?.model !== model) {
			update();
			return;
		}
		chart.keepPlace(update);
		if (!this.#isAwaited || model.marks.hitCount === 0) return;
		this.#isAwaited = false;
		chart.showHit();
	}

	#tell(): void {
		this.#host.onChange();
		clearTimeout(this.#speakTimer);
		this.#speakTimer = setTimeout(() => {
			const { state, status } = this;
			const spoken = state === undefined || status.isSearching ? "" : countText(state, status);
			if (spoken === this.spoken) return;
			this.spoken = spoken;
			this.#host.onChange();
		}, SPEAK_DELAY_MS);
	}
}
