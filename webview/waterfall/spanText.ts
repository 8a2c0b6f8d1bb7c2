import { displayText } from "../../src/base/displayText.ts";
import { formatCost, formatCount, formatDuration, formatExactDuration } from "../../src/base/quantity.ts";
import { fill } from "../shared/words.ts";
import type { TraceModel } from "./model.ts";
import { missingIndexOf } from "./spanTable.ts";
import { words } from "./words.ts";

/** Names are cut by the row's width long before this; it bounds the text that layout has to shape. */
const MAX_NAME = 300;

export function nodeName(model: TraceModel, node: number): string {
	if (node < 0) return fill(words.missingParent, displayText(model.table.missingParentId(missingIndexOf(node)), 64));
	return displayText(model.table.string(model.table.name[node]), MAX_NAME) || words.noName;
}

export function stateWord(state: number): string {
	return state === 0 ? words.running : state === 2 ? words.failed : words.completed;
}

/** "name, status, duration": what a screen reader says of a row; the level it says by itself. */
export function nodeLabel(model: TraceModel, node: number, nowNs: number): string {
	const name = nodeName(model, node);
	if (node < 0) return name;
	const state = model.table.state[node];
	// A duration that grows is no good label: it would change under the reader's tongue.
	if (state === 0) return `${name}, ${words.running}`;
	const duration = model.spanDurationNs(node, nowNs);
	return Number.isNaN(duration)
		? `${name}, ${stateWord(state)}`
		: `${name}, ${stateWord(state)}, ${formatDuration(duration)}`;
}

/** One fact of a span: its title, empty where the value speaks for itself. */
export interface SpanFact {
	readonly title: string;
	readonly value: string;
	readonly isError?: boolean;
}

/** Everything that hover and the line at the bottom tell of a row, most asked for first. */
export function nodeFacts(model: TraceModel, node: number, nowNs: number): SpanFact[] {
	const { table, layout } = model;
	const facts: SpanFact[] = [];
	const row = layout.rowOf(node);
	if (row >= 0 && model.rows.isFolded(node) && layout.size[row] > 1) {
		facts.push({ title: "", value: fill(words.descendants, formatCount(layout.size[row] - 1)) });
	}
	if (node < 0) return facts;
	const start = table.startNs[node];
	const duration = model.spanDurationNs(node, nowNs);
	const state = table.state[node];
	if (state === 0) facts.push({ title: words.duration, value: `${formatDuration(duration)}, ${words.running}` });
	else facts.push({ title: words.duration, value: formatExactDuration(duration) });
	facts.push({ title: words.start, value: startText(model, start) });
	const share = (duration / (model.endNs(nowNs) - model.startNs)) * 100;
	if (Number.isFinite(share)) {
		facts.push({ title: "", value: fill(words.shareOfTrace, share < 1 ? share.toFixed(2) : share.toFixed(1)) });
	}
	const kind = displayText(table.string(table.kind[node]), 60);
	if (kind !== "") facts.push({ title: words.kind, value: kind });
	const name = displayText(table.string(table.model[node]), 100);
	if (name !== "") facts.push({ title: words.model, value: name });
	const input = table.inputTokens[node];
	const output = table.outputTokens[node];
	if (!(Number.isNaN(input) && Number.isNaN(output))) {
		facts.push({ title: words.tokens, value: fill(words.tokensInOut, formatCount(input), formatCount(output)) });
	}
	const cost = table.costUsd[node];
	if (!Number.isNaN(cost)) facts.push({ title: words.cost, value: formatCost(cost, model.header.isCostEstimated) });
	const error = displayText(table.string(table.error[node]), 240);
	if (state === 2) facts.push({ title: words.error, value: error || words.failed, isError: true });
	if (layout.isStranded(node)) facts.push({ title: "", value: words.cycle });
	return facts;
}

function startText(model: TraceModel, startNs: number): string {
	if (Number.isNaN(startNs)) return words.startUnknown;
	const offset = startNs - (Number.isNaN(model.startNs) ? 0 : model.startNs);
	return `${fill(words.startOffset, offset === 0 ? "0" : formatExactDuration(offset))} (${localTime(model, startNs)})`;
}

/** Time of day with the date, in the reader's zone, which is named: `2026-03-06 10:00:00.123456 GMT+1`. */
function localTime(model: TraceModel, startNs: number): string {
	const date = new Date(model.base.ms + Math.floor((startNs + model.base.subNs) / 1e6));
	if (Number.isNaN(date.getTime())) return words.startUnknown;
	const pad = (value: number, length = 2): string => String(value).padStart(length, "0");
	const subMs = Math.round((((startNs + model.base.subNs) % 1e6) + 1e6) % 1e6);
	const fraction = `${pad(date.getMilliseconds(), 3)}${subMs === 0 ? "" : pad(subMs, 6).replace(/(000)+$/, "")}`;
	const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
	const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${fraction}`;
	return `${day} ${time} ${zoneName(date)}`;
}

const zoneFormat = new Intl.DateTimeFormat("en", { timeZoneName: "short" });

function zoneName(date: Date): string {
	return zoneFormat.formatToParts(date).find((part) => part.type === "timeZoneName")?.value ?? "";
}
