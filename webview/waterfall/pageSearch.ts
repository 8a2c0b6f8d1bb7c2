import { html, nothing, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import type { Disposable } from "../../src/base/disposable.ts";
import type { FilterState, HostToWaterfall, WaterfallToHost, WaterfallViewState } from "../../src/protocol/messages.ts";
import type { TraceChart } from "./chart.ts";
import { NO_FILTER } from "./filter.ts";
import { clearMinimum, filterFields, filterLine, filterMenu, placeFilterMenu } from "./filterMenu.ts";
import { Find } from "./find.ts";
import { type FindHandlers, findWidget } from "./findWidget.ts";
import type { TraceModel } from "./model.ts";
import { isFiltering } from "./rowMarks.ts";

export interface PageSearchHost {
	readonly root: () => ParentNode;
	readonly chart: () => TraceChart | null;
	readonly post: (message: WaterfallToHost) => void;
	/** Something that the parts show has changed. */
	readonly requestUpdate: () => Promise<unknown>;
	/** Something that is worth keeping has changed. */
	readonly onArrange: () => void;
}

/** Search and filter of the page, with their parts: widget, menu, the line that says what is left out. */
export class PageSearch implements Disposable {
	readonly #host: PageSearchHost;
	readonly #find: Find;
	#filter = NO_FILTER;
	#isMenuOpen = false;
	/** The menu was opened once. */
	#hasMenu = false;
	#model: TraceModel | undefined;

	constructor(host: PageSearchHost) {
		this.#host = host;
		const { chart, post } = host;
		this.#find = new Find({ chart, post, onChange: () => void host.requestUpdate() });
	}

	/** What of the page's state is ours. */
	get state(): Pick<WaterfallViewState, "find" | "filter"> {
		return { find: this.#find.state, filter: isFiltering(this.#filter) ? this.#filter : undefined };
	}

	/** Another trace, or a trace of a former life of the page: `kept` is what was wanted there; else a filter is not, a search is. */
	beginTrace(kept: Pick<WaterfallViewState, "find" | "filter"> | undefined): void {
		if (kept !== undefined) this.#find.set(kept.find);
		this.#filter = kept?.filter ?? NO_FILTER;
	}

	/** To be called before the model is shown. */
	setModel(model: TraceModel | undefined): void {
		this.#model = model;
		if (isFiltering(this.#filter)) {
			model?.marks.setFilter(this.#filter);
			model?.updateRows();
		}
		this.#find.setModel(model);
	}

	handleHits(hits: Extract<HostToWaterfall, { readonly type: "search/hits" }>): void {
		this.#find.handleHits(hits);
	}

	/** Goes on after the page was taken out and put back. */
	dispose(): void {
		this.#find.dispose();
	}

	/** The button of the chart opens and closes the menu as the platform does. */
	connect(chart: TraceChart): void {
		const { filterButton } = chart;
		if (filterButton !== null) filterButton.popoverTargetElement = this.#menu;
	}

	run(command: "find" | "findNext" | "findPrevious" | "filter"): void {
		if (command === "filter") this.#menu?.togglePopover();
		else if (command === "find" || this.#find.state === undefined) this.#openFind();
		else this.#find.step(command === "findNext" ? 1 : -1, false);
	}

	/** Closes the search; the focus goes to the tree. */
	close(): void {
		if (this.#find.state !== undefined) this.#findHandlers.set(undefined);
	}

	/** Below the chart: above, it would move the rows and the button that opens the menu. */
	line(model: TraceModel): TemplateResult | typeof nothing {
		return filterLine(this.#filter, model, () => this.#setFilter(NO_FILTER));
	}

	/** Over the chart. `model` is undefined while there is none. */
	parts(model: TraceModel | undefined): TemplateResult {
		return html`
			<div class="visually-hidden" role="status">${this.#find.spoken}</div>
			${model === undefined ? nothing : findWidget(this.#find.state, this.#find.status, this.#findHandlers)}
			${filterMenu(this.#filterFields(model), this.#filterHandlers)}
		`;
	}

	/** Made anew only when they have something else to say: the page is drawn with every message of a live trace. */
	#filterFields(model: TraceModel | undefined): unknown {
		if (!this.#hasMenu) return nothing;
		const counted = this.#isMenuOpen ? model : undefined;
		return guard([this.#filter, this.#isMenuOpen, counted, counted?.version], () =>
			filterFields(this.#filter, model, this.#isMenuOpen, this.#filterHandlers),
		);
	}

	readonly #findHandlers: FindHandlers = {
		set: (state) => {
			this.#find.set(state);
			if (state === undefined) this.#host.chart()?.focus();
			this.#host.onArrange();
		},
		step: (direction, isRepeat) => this.#find.step(direction, isRepeat),
	};

	readonly #filterHandlers = {
		set: (filter: FilterState) => this.#setFilter(filter),
		onBeforeToggle: () => {
			if (this.#hasMenu) return;
			this.#hasMenu = true;
			void this.#host.requestUpdate();
		},
		onToggle: (event: ToggleEvent) => {
			this.#isMenuOpen = event.newState === "open";
			if (this.#isMenuOpen) placeFilterMenu(event.target as HTMLElement, this.#host.chart()?.filterButton);
			void this.#host.requestUpdate();
		},
	};

	#openFind(): void {
		this.#find.open();
		this.#host.onArrange();
		void this.#host.requestUpdate().then(() => {
			this.#host.root().querySelector<HTMLInputElement>(".find-text")?.select();
		});
	}

	#setFilter(filter: FilterState): void {
		if (!isFiltering(filter)) clearMinimum(this.#menu);
		this.#filter = filter;
		const model = this.#model;
		if (model !== undefined) {
			model.marks.setFilter(filter);
			this.#host.chart()?.keepPlace(() => model.updateRows());
		}
		this.#host.onArrange();
	}

	get #menu(): HTMLElement | null {
		return this.#host.root().querySelector(".filter-menu");
	}
}
