import { html, nothing, type TemplateResult } from "lit";
import { formatCount } from "../../src/base/quantity.ts";
import { parseTimestamp } from "../../src/base/timestamp.ts";
import {
	formatAbsoluteTime,
	formatCost,
	formatDuration,
	formatExactDuration,
	formatTokens,
	UNKNOWN,
} from "../../src/model/format.ts";
import type { SpanState } from "../../src/model/span.ts";
import type { SpanDetailView } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { lookOfKind } from "../shared/kinds.ts";
import { fill } from "../shared/words.ts";
import { lineText } from "./blockText.ts";
import type { PageContext } from "./context.ts";
import { sessionLinks } from "./sessionLinks.ts";
import { words } from "./words.ts";

export const STATE_WORDS: Record<SpanState, string> = {
	running: words.running,
	completed: words.completed,
	failed: words.failed,
};

export const STATE_ICONS = { running: "loading", completed: "pass", failed: "error" } as const;

/** Nanoseconds that a running span has taken by now, by the clock that wrote its start; undefined when that is unknown. */
export function runningNs(detail: SpanDetailView, nowMs: number): number | undefined {
	if (detail.startMs === undefined) return undefined;
	return Math.max(0, nowMs + detail.clockOffsetMs - detail.startMs) * 1e6;
}

/** Name, status and where the span belongs. */
export function overview(context: PageContext, detail: SpanDetailView, openTrace: () => void): TemplateResult {
	const name = lineText(detail.name) || words.noName;
	const isRunning = detail.state === "running";
	return html`<header>
		<div class="title">
			${icon(lookOfKind(detail.kind).icon, "kind-icon")}
			<h1 dir="auto" title=${name}>${name}</h1>
			<span class="status ${detail.state}">
				${icon(STATE_ICONS[detail.state], isRunning ? "spin" : "")}<span>${STATE_WORDS[detail.state]}</span>
			</span>
		</div>
		<p class="place">
			<span class="kind">${lineText(detail.kind)}</span>
			<span class="trace">${fill(words.inTrace, lineText(detail.traceName))}</span>
			${started(detail)} ${askedBy(context, detail)} ${sessionLinks(context, detail)}
			<span class="id">
				<code>${lineText(detail.spanId, 64)}</code>
				<button
					type="button"
					class="icon-button"
					title=${context.copiedKey === "span-id" ? words.copied : fill(words.copyOf, words.spanId)}
					aria-label=${fill(words.copyOf, words.spanId)}
					@click=${() => context.copyText("span-id", detail.spanId)}
				>
					${icon(context.copiedKey === "span-id" ? "check" : "copy")}
				</button>
			</span>
			<span class="verbs">
				<button type="button" class="link-button" @click=${() => context.copySpan()}>${words.copySpan}</button>
				<button type="button" class="link-button" @click=${() => context.compareSpan()}>${words.compareSpan}</button>
			</span>
			${detail.isMarked ? html`<span class="marked">${icon("bookmark")}${words.marked}</span>` : nothing}
		</p>
		${
			context.isKitReady
				? html`<tw-button class="action" appearance="secondary" @click=${openTrace}>${words.showInWaterfall}</tw-button>`
				: html`<button type="button" class="button secondary action" @click=${openTrace}>${words.showInWaterfall}</button>`
		}
	</header>`;
}

/** "asked for by plan", with the way to that call. */
function askedBy(context: PageContext, { askedBy: call }: SpanDetailView): TemplateResult | typeof nothing {
	if (call === undefined) return nothing;
	const name = lineText(call.name, 80) || words.noName;
	return html`<button type="button" class="link-button" @click=${() => context.showSpan(call.spanId)}>
		${icon("sparkle")}${fill(words.askedBy, name)}
	</button>`;
}

function started(detail: SpanDetailView): TemplateResult | typeof nothing {
	if (detail.startedAt === undefined) return html`<span>${words.startUnknown}</span>`;
	const start = parseTimestamp(detail.startedAt);
	return html`<time datetime=${detail.startedAt} title=${formatAbsoluteTime(start, { exact: true })}
		>${formatAbsoluteTime(start)}</time
	>`;
}

/** The numbers, each with its exact value or its reason behind it. */
export function summaryChips(context: PageContext, detail: SpanDetailView): TemplateResult {
	const isTokenSpan = detail.isLlm || detail.inputTokens !== undefined || detail.outputTokens !== undefined;
	const hasCost = detail.isLlm || detail.costUsd !== undefined;
	return html`<section class="chips" aria-label=${words.summary}>
		${chip(
			context,
			"duration",
			words.duration,
			detail.durationNs === undefined
				? // Filled by the page's clock, which must not render everything anew twenty times a second.
					html`<span class="ticking">${UNKNOWN}</span>`
				: formatDuration(detail.durationNs),
			durationHint(detail),
		)}
		${detail.model === undefined ? nothing : chip(context, "model", words.model, lineText(detail.model))}
		${detail.provider === undefined ? nothing : chip(context, "provider", words.provider, lineText(detail.provider))}
		${
			isTokenSpan
				? [
						chip(
							context,
							"input",
							detail.isTokenTotal === true ? words.tokens : words.inputTokens,
							formatTokens(detail.inputTokens),
							tokenHint(detail, detail.inputTokens),
						),
						partChip(context, "cacheRead", words.cacheReadTokens, detail.cacheReadTokens, words.partOfInput),
						partChip(context, "cacheWrite", words.cacheWriteTokens, detail.cacheWriteTokens, words.partOfInput),
						detail.isTokenTotal === true
							? nothing
							: chip(
									context,
									"output",
									words.outputTokens,
									formatTokens(detail.outputTokens),
									tokenHint(detail, detail.outputTokens),
								),
						partChip(context, "reasoning", words.reasoningTokens, detail.reasoningTokens, words.partOfOutput),
					]
				: nothing
		}
		${speedChips(context, detail)}
		${
			hasCost
				? chip(context, "cost", words.cost, formatCost(detail.costUsd, detail.isCostEstimated), costHint(detail))
				: nothing
		}
	</section>`;
}

/** How fast the answer came and why it ended, where that is known. */
function speedChips(context: PageContext, detail: SpanDetailView): unknown[] {
	const { firstTokenNs, tokensPerSecond, finishReasons } = detail;
	const chips: unknown[] = [];
	if (firstTokenNs !== undefined) {
		const hint = fill(words.firstTokenHint, formatExactDuration(firstTokenNs));
		chips.push(chip(context, "firstToken", words.firstToken, formatDuration(firstTokenNs), hint));
	}
	if (tokensPerSecond !== undefined) {
		const value = fill(
			words.speedValue,
			tokensPerSecond < 10 ? tokensPerSecond.toFixed(1) : formatCount(Math.round(tokensPerSecond)),
		);
		const hint = firstTokenNs === undefined ? words.speedWholeHint : words.speedHint;
		chips.push(chip(context, "speed", words.speed, value, hint));
	}
	if (finishReasons.length > 0) {
		chips.push(
			chip(context, "finish", words.finishReason, finishReasons.map((reason) => lineText(reason, 60)).join(", ")),
		);
	}
	return chips;
}

function durationHint(detail: SpanDetailView): string {
	if (detail.durationNs !== undefined) {
		const exact = fill(words.durationExact, formatExactDuration(detail.durationNs));
		const end = detail.endedAt === undefined ? undefined : parseTimestamp(detail.endedAt);
		return end === undefined ? exact : `${exact} · ${fill(words.ended, formatAbsoluteTime(end, { exact: true }))}`;
	}
	return detail.startMs === undefined ? words.startUnknown : words.durationRunning;
}

function tokenHint({ isRollup, isTokenTotal }: SpanDetailView, tokens: number | undefined): string {
	if (tokens === undefined) return words.tokensUnknown;
	if (isTokenTotal === true) return fill(words.tokensBothWays, formatCount(tokens));
	return fill(isRollup ? words.sumOfBelow : words.tokensExact, formatCount(tokens));
}

/** Tokens that are a part of those before; nothing where there are none, which many programs say of every call. */
function partChip(
	context: PageContext,
	key: string,
	label: string,
	tokens: number | undefined,
	hint: string,
): TemplateResult | typeof nothing {
	return tokens === undefined || tokens === 0
		? nothing
		: chip(context, key, label, formatTokens(tokens), fill(hint, formatCount(tokens)));
}

function costHint(detail: SpanDetailView): string {
	if (detail.costFormula === undefined) return words.costUnknown;
	const formula = lineText(detail.costFormula, 1000);
	return detail.isCostEstimated ? fill(words.costEstimated, formula) : formula;
}

/**
 * A label with its number. One with a hint is a button: the hint stands there on hover and focus, and a click keeps it,
 * for those who can do neither.
 */
function chip(
	context: PageContext,
	key: string,
	label: string,
	value: unknown,
	hint?: string | undefined,
): TemplateResult {
	const inside = html`<span class="label">${label}</span><span class="value" dir="auto">${value}</span>`;
	if (hint === undefined) return html`<div class="chip">${inside}</div>`;
	const expandKey = `chip-${key}`;
	const isPinned = context.isExpanded(expandKey);
	return html`<div class="chip-place">
		<button
			type="button"
			class="chip"
			aria-expanded=${isPinned ? "true" : "false"}
			aria-describedby="hint-${key}"
			@click=${() => context.setExpanded(expandKey, !isPinned)}
			@keydown=${(event: KeyboardEvent) => {
				if (event.key === "Escape" && isPinned) context.setExpanded(expandKey, false);
			}}
		>
			${inside}
		</button>
		<div id="hint-${key}" class="hint ${isPinned ? "pinned" : ""}" role="tooltip">${hint}</div>
	</div>`;
}
