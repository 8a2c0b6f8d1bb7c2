import { SPAN_STATES } from "../../src/model/span.ts";
import {
	type FilterState,
	type FindState,
	MAX_FIND_LENGTH,
	type WaterfallViewState,
} from "../../src/protocol/messages.ts";
import { CATEGORIES } from "./rowMarks.ts";

/** A state kept by an older version may have another shape; what does not fit is left out. */
export function checkedState(state: Partial<WaterfallViewState> | undefined): WaterfallViewState | undefined {
	if (typeof state !== "object" || state === null) return undefined;
	const { sourceId, traceId, selectedSpanId, foldedSpanIds, scrollTop, treeShare, timeWindow } = state;
	if (typeof sourceId !== "string" || typeof traceId !== "string") return undefined;
	return {
		sourceId,
		traceId,
		selectedSpanId: typeof selectedSpanId === "string" ? selectedSpanId : undefined,
		foldedSpanIds: Array.isArray(foldedSpanIds) ? foldedSpanIds.filter((id) => typeof id === "string") : undefined,
		scrollTop: typeof scrollTop === "number" ? scrollTop : undefined,
		treeShare: typeof treeShare === "number" ? treeShare : undefined,
		timeWindow: checkedWindow(timeWindow),
		showsCriticalPath: state.showsCriticalPath === true,
		find: checkedFind(state.find),
		filter: checkedFilter(state.filter),
	};
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
