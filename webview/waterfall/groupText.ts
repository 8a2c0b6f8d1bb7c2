import { formatCost, formatCount, formatDuration, formatExactDuration } from "../../src/base/quantity.ts";
import { tokensText } from "../shared/tokens.ts";
import { fill } from "../shared/words.ts";
import type { GroupFacts } from "./groupFacts.ts";
import type { TraceModel } from "./model.ts";
import type { SpanFact } from "./spanText.ts";
import { words } from "./words.ts";

/** The pill behind the name of a group. */
export function groupBadge(count: number): string {
	return fill(words.groupCount, formatCount(count));
}

/** Dim words behind the name: what the members used together, nothing where none tells. */
export function groupNote(model: TraceModel, facts: GroupFacts): string {
	return usage(model, facts).join(", ");
}

/** What a screen reader says after the name of a group. */
export function groupWords(facts: GroupFacts): string[] {
	const said = [fill(words.groupSpans, formatCount(facts.count))];
	if (Number.isNaN(facts.totalNs)) return said;
	const p95 = fill(words.groupP95, formatDuration(facts.p95Ns));
	return [...said, fill(words.groupTotal, formatDuration(facts.totalNs)), p95];
}

/** What hover and the line at the bottom tell of a group. */
export function groupFactList(model: TraceModel, facts: GroupFacts): SpanFact[] {
	const { totalNs, p95Ns, minNs, maxNs } = facts;
	const count = fill(words.groupSpans, formatCount(facts.count));
	const list: SpanFact[] = [{ title: "", value: count, brief: count }];
	if (!Number.isNaN(totalNs)) {
		const total = formatExactDuration(totalNs);
		list.push(
			{ title: words.groupTotalTitle, value: total, brief: fill(words.groupTotal, total) },
			{
				title: words.groupP95Title,
				value: formatExactDuration(p95Ns),
				brief: fill(words.groupP95, formatDuration(p95Ns)),
			},
			{
				title: words.groupMin,
				value: formatExactDuration(minNs),
				brief: fill(words.groupMinBrief, formatDuration(minNs)),
			},
			{
				title: words.groupMax,
				value: formatExactDuration(maxNs),
				brief: fill(words.groupMaxBrief, formatDuration(maxNs)),
			},
		);
	}
	const flag = groupFlag(facts);
	if (flag !== undefined) list.push({ title: "", value: flag, brief: flag });
	for (const text of usage(model, facts)) list.push({ title: "", value: text, brief: text });
	return list;
}

/** What is odd about the times of some members; undefined for none. */
export function groupFlag({ flaggedCount }: GroupFacts): string | undefined {
	return flaggedCount === 0 ? undefined : fill(words.flagInGroup, formatCount(flaggedCount));
}

/** Tokens and cost, as far as any member tells them. */
function usage(model: TraceModel, { inputTokens, outputTokens, costUsd }: GroupFacts): string[] {
	const parts: string[] = [];
	if (!(Number.isNaN(inputTokens) && Number.isNaN(outputTokens))) {
		parts.push(tokensText(words.tokensInOut, words.tokensAlone, inputTokens, outputTokens));
	}
	if (!Number.isNaN(costUsd)) parts.push(formatCost(costUsd, model.header.isCostEstimated));
	return parts;
}
