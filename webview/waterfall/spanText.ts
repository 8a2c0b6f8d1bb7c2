import { displayText } from "../../src/base/displayText.ts";
import { formatCost, formatCount, formatDuration, formatExactDuration } from "../../src/base/quantity.ts";
import { formatAbsoluteTime } from "../../src/model/format.ts";
import { tokensText } from "../shared/tokens.ts";
import { fill } from "../shared/words.ts";
import { groupFactList, groupWords } from "./groupText.ts";
import type { TraceModel } from "./model.ts";
import { isGroupCode, missingIndexOf, ordinalOfGroup } from "./spanTable.ts";
import { timeFlag } from "./timeFlags.ts";
import { words } from "./words.ts";

/** Names are cut by the row's width long before this; it bounds the text that layout has to shape. */
const MAX_NAME = 300;

export function nodeName(model: TraceModel, node: number): string {
	if (isGroupCode(node)) return nodeName(model, ordinalOfGroup(node));
	if (model.awaited.has(node)) return words.awaitedRoot;
	if (node < 0) return fill(words.missingParent, displayText(model.table.missingParentId(missingIndexOf(node)), 64));
	return shownName(model.table.string(model.table.name[node]));
}

/** A name as it is shown: blanks alone would look like a row without one. */
export function shownName(name: string): string {
	const text = displayText(name, MAX_NAME);
	return text.trim() === "" ? words.noName : text;
}

/** Status and, when `nowNs` is given, duration: what a screen reader says after the name. The level it says by itself. */
export function stateWords(model: TraceModel, node: number, nowNs: number | undefined): string[] {
	const group = isGroupCode(node) ? model.groupFacts(node) : undefined;
	if (group !== undefined) return groupWords(group);
	if (node < 0) return model.awaited.has(node) ? [words.running] : [];
	const state = model.table.state[node];
	// A duration that grows is no good label: it would change while it is read.
	if (state === 0) return [words.running];
	const word = state === 2 ? words.failed : words.completed;
	const duration = nowNs === undefined ? Number.NaN : model.spanDurationNs(node, nowNs);
	return Number.isNaN(duration) ? [word] : [word, formatDuration(duration)];
}

/** One fact of a span. */
export interface SpanFact {
	/** Empty where the value speaks for itself. */
	readonly title: string;
	readonly value: string;
	/** Also told in the line at the bottom, in these words. */
	readonly brief?: string;
	readonly isError?: boolean;
}

/** Everything that hover and the line at the bottom tell of a row, most asked for first. */
export function nodeFacts(model: TraceModel, node: number, nowNs: number): SpanFact[] {
	const group = isGroupCode(node) ? model.groupFacts(node) : undefined;
	if (group !== undefined) return groupFactList(model, group);
	const { table, layout } = model;
	const facts: SpanFact[] = [];
	const row = layout.rowOf(node);
	if (row >= 0 && model.rows.isFolded(node) && layout.size[row] > 1) {
		facts.push({ title: "", value: fill(words.descendants, formatCount(layout.size[row] - 1)) });
	}
	if (node < 0) {
		if (model.awaited.has(node)) facts.push(...awaitedFacts(model, node, nowNs));
		return facts;
	}
	const start = table.startNs[node];
	const duration = model.spanDurationNs(node, nowNs);
	const state = table.state[node];
	const exact = state === 0 ? `${formatDuration(duration)}, ${words.running}` : formatExactDuration(duration);
	facts.push({ title: words.duration, value: exact, brief: exact });
	if (Number.isNaN(start)) facts.push({ title: words.start, value: words.startUnknown });
	else {
		const offset = offsetText(start - (Number.isNaN(model.startNs) ? 0 : model.startNs));
		facts.push({ title: words.start, value: offset, brief: fill(words.startBrief, offset) });
		facts.push({ title: words.time, value: absoluteTime(model, start) });
	}
	const flag = timeFlag(model, node, nowNs);
	if (flag !== undefined) facts.push({ title: "", value: words[flag], brief: words[flag] });
	const share = (duration / (model.endNs(nowNs) - model.startNs)) * 100;
	if (Number.isFinite(share)) {
		const text = fill(model.header.session === undefined ? words.shareOfTrace : words.shareOfSession, percent(share));
		facts.push({ title: words.share, value: text, brief: text });
	}
	const kind = displayText(table.string(table.kind[node]), 60);
	if (kind !== "") facts.push({ title: words.kind, value: kind });
	const name = displayText(table.string(table.model[node]), 100);
	if (name !== "") facts.push({ title: words.model, value: name });
	const firstToken = table.firstTokenNs[node];
	if (!Number.isNaN(firstToken)) facts.push({ title: words.firstToken, value: formatExactDuration(firstToken) });
	const input = table.inputTokens[node];
	const output = table.outputTokens[node];
	if (!(Number.isNaN(input) && Number.isNaN(output))) {
		facts.push({
			title: words.tokens,
			value: tokensText(words.tokensInOut, "{0}", input, output),
			brief: tokensText(words.tokensInOut, words.tokensAlone, input, output),
		});
	}
	const cost = table.costUsd[node];
	if (!Number.isNaN(cost)) {
		const text = formatCost(cost, model.header.isCostEstimated);
		facts.push({ title: words.cost, value: text, brief: text });
	}
	const error = displayText(table.string(table.error[node]), 240);
	if (state === 2) {
		const text = error || words.failed;
		facts.push({ title: words.error, value: text, brief: text, isError: true });
	}
	if (layout.isStranded(node)) facts.push({ title: "", value: words.cycle });
	return facts;
}

/** What is known so far of a root that has not arrived. */
function awaitedFacts(model: TraceModel, node: number, nowNs: number): SpanFact[] {
	const { startNs, endNs } = model.awaited.of(node, model.version, nowNs);
	const soFar = fill(words.soFar, formatDuration(endNs - startNs));
	return [
		{ title: words.duration, value: soFar, brief: soFar },
		{ title: words.time, value: absoluteTime(model, startNs) },
		{ title: words.spanId, value: displayText(model.table.missingParentId(missingIndexOf(node)), 64) },
		{ title: "", value: words.awaitedRootHint },
	];
}

/** Never "0.00" for what has taken time. */
function percent(share: number): string {
	if (share > 0 && share < 0.01) return "< 0.01";
	return share < 1 ? share.toFixed(2) : share.toFixed(1);
}

function offsetText(offsetNs: number): string {
	if (offsetNs === 0) return "+0";
	return offsetNs < 0 ? formatExactDuration(offsetNs) : `+${formatExactDuration(offsetNs)}`;
}

function absoluteTime(model: TraceModel, startNs: number): string {
	const ns = startNs + model.base.subNs;
	const ms = Math.floor(ns / 1e6);
	return formatAbsoluteTime(
		{ ms: model.base.ms + ms, subNs: Math.min(999_999, Math.round(ns - ms * 1e6)) },
		{ exact: true },
	);
}
