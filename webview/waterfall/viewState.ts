import { SPAN_STATES } from "../../src/model/span.ts";
import {
	type FilterState,
	type FindState,
	MAX_FIND_LENGTH,
	type WaterfallViewState,
} from "../../src/protocol/messages.ts";
import { foldsOf, type RowRef, refOf } from "./arrangement.ts";
import type { TraceChart } from "./chart.ts";
import type { TraceModel } from "./model.ts";
import { CATEGORIES } from "./rowMarks.ts";

/** The state travels to the host at each save; more folds than this are not kept over a reload. */
const MAX_SAVED_FOLDS = 2000;

/** What the user arranged in a chart, to be kept over a reload of the page. `agreedSpanId`: what the host takes for selected. */
export function stateOf(model: TraceModel, chart: TraceChart, agreedSpanId: string | undefined): WaterfallViewState {
	const node = chart.selectedNode;
	const { rows, offsets } = chart.place();
	return {
		sourceId: model.sourceId,
		traceId: model.header.traceId,
		sessionId: model.header.session?.sessionId,
		selectedSpanId: node === undefined || node < 0 ? undefined : model.table.idOf(node),
		selectedRow: node === undefined || node >= 0 ? undefined : { ...refOf(model, node), besideSpanId: agreedSpanId },
		...foldsOf(model, MAX_SAVED_FOLDS),
		groupsSiblings: chart.groupsSiblings,
		scrollTop: chart.scrollOffset,
		topRow: rows.length === 0 ? undefined : { ...rows[0], offsetPx: offsets[0] },
		treeShare: chart.treeShare,
		showsCriticalPath: chart.showsCriticalPath,
		timeWindow: chart.timeWindow && { base: model.base, ...chart.timeWindow },
	};
}

/** A state kept by an older version may have another shape; what does not fit is left out. */
export function checkedState(state: Partial<WaterfallViewState> | undefined): WaterfallViewState | undefined {
	if (typeof state !== "object" || state === null) return undefined;
	const { sourceId, traceId, selectedSpanId, scrollTop, treeShare, topRow } = state;
	if (typeof sourceId !== "string" || typeof traceId !== "string") return undefined;
	const top = checkedRow(topRow);
	return {
		sourceId,
		traceId,
		sessionId: typeof state.sessionId === "string" ? state.sessionId : undefined,
		selectedSpanId: typeof selectedSpanId === "string" ? selectedSpanId : undefined,
		selectedRow: checkedSelection(state.selectedRow),
		foldedSpanIds: checkedIds(state.foldedSpanIds),
		openGroupSpanIds: checkedIds(state.openGroupSpanIds),
		groupsSiblings: state.groupsSiblings !== false,
		scrollTop: typeof scrollTop === "number" ? scrollTop : undefined,
		topRow:
			top !== undefined && Number.isFinite(topRow?.offsetPx)
				? { ...top, offsetPx: Number(topRow?.offsetPx) }
				: undefined,
		treeShare: typeof treeShare === "number" ? treeShare : undefined,
		timeWindow: checkedWindow(state.timeWindow),
		showsCriticalPath: state.showsCriticalPath === true,
		find: checkedFind(state.find),
		filter: checkedFilter(state.filter),
	};
}

function checkedIds(value: unknown): string[] | undefined {
	return Array.isArray(value) ? value.filter((id) => typeof id === "string") : undefined;
}

function checkedSelection(value: WaterfallViewState["selectedRow"]): WaterfallViewState["selectedRow"] {
	const row = checkedRow(value);
	if (row === undefined) return undefined;
	return { ...row, besideSpanId: typeof value?.besideSpanId === "string" ? value.besideSpanId : undefined };
}

function checkedRow(value: RowRef | undefined): RowRef | undefined {
	if (typeof value !== "object" || value === null || typeof value.spanId !== "string") return undefined;
	return { spanId: value.spanId, isGroup: value.isGroup === true };
}

function checkedWindow(value: WaterfallViewState["timeWindow"]): WaterfallViewState["timeWindow"] {
	const { base, startNs, endNs } = value ?? {};
	const numbers = [base?.ms, base?.subNs, startNs, endNs];
	return numbers.every((number) => Number.isFinite(number)) ? value : undefined;
}

function checkedFind(value: Partial<FindState> | undefined): FindState | undefined {
	if (typeof value?.text !== "string" || value.text.length > MAX_FIND_LENGTH) return undefined;
	const { text, isCaseSensitive, isMatchesOnly } = value;
	return { text, isCaseSensitive: isCaseSensitive === true, isMatchesOnly: isMatchesOnly === true };
}

function checkedFilter(value: Partial<FilterState> | undefined): FilterState | undefined {
	if (!Array.isArray(value?.kinds) || !Array.isArray(value.states)) return undefined;
	const { kinds, states, minDurationNs } = value;
	return {
		kinds: CATEGORIES.filter((kind) => kinds.includes(kind)),
		states: SPAN_STATES.filter((state) => states.includes(state)),
		minDurationNs: typeof minDurationNs === "number" && minDurationNs > 0 ? minDurationNs : 0,
	};
}
