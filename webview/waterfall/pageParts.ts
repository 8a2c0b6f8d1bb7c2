import { html, nothing, type TemplateResult } from "lit";
import { assertNever } from "../../src/base/assert.ts";
import { displayText } from "../../src/base/displayText.ts";
import { formatCost, formatCount, formatDuration } from "../../src/base/quantity.ts";
import type { ConnectionView, HostToWaterfall } from "../../src/protocol/messages.ts";
import type { IconName } from "../shared/glyphs.ts";
import { icon } from "../shared/icons.ts";
import { tokensText } from "../shared/tokens.ts";
import { fill } from "../shared/words.ts";
import type { TraceModel } from "./model.ts";
import { liveBadge, sessionFacts, sessionLabel, sessionSize } from "./sessionParts.ts";
import { nodeFacts, nodeName, shownName } from "./spanText.ts";
import { words } from "./words.ts";

type RemovedReason = Extract<HostToWaterfall, { readonly type: "trace/removed" }>["reason"];

/** What the page shows instead of the chart, or above it. */
export type Phase =
	| { readonly name: "waiting" }
	| { readonly name: "loading" }
	| { readonly name: "ready" }
	| { readonly name: "removed"; readonly reason: RemovedReason; readonly isSession: boolean }
	| { readonly name: "error"; readonly message: string };

const STATE_LOOKS = {
	running: { icon: "loading", className: "spin state-running" },
	completed: { icon: "pass", className: "state-completed" },
	failed: { icon: "error", className: "state-failed" },
} as const satisfies Record<string, { readonly icon: IconName; readonly className: string }>;

/** The trace, or the session, as a whole, in one line: name, status, duration, counts, tokens, cost. */
export function headerLine(model: TraceModel): TemplateResult {
	const { header } = model;
	const durationNs = model.endNs(model.nowNs()) - model.startNs;
	const hasTokens = header.inputTokens !== undefined || header.outputTokens !== undefined;
	const tokens = hasTokens
		? tokensText(words.tokensInOut, "{0}", header.inputTokens, header.outputTokens)
		: formatCount(undefined);
	const state = STATE_LOOKS[header.state];
	const spans = header.spanCount === 1 ? words.spanCountOne : fill(words.spanCount, formatCount(header.spanCount));
	return html`
		<header>
			<div class="title">
				${icon(state.icon, state.className)}<span class="visually-hidden">${words[header.state]}</span>
				${sessionLabel(header.session)}
				<h1><bdi>${shownName(header.name)}</bdi></h1>
				${liveBadge(header.session)}
			</div>
			<ul class="facts">
				<li title=${words.duration}>${icon("clockface")}<b>${formatDuration(durationNs)}</b></li>
				${sessionSize(header.session)}
				<li>${spans}</li>
				${
					header.state !== "running" && model.table.runningCount > 0
						? html`<li class="running">
								${icon("loading", "spin")}${fill(words.runningCount, formatCount(model.table.runningCount))}
							</li>`
						: nothing
				}
				${
					header.failedCount > 0
						? html`<li class="failed">${icon("error")}${fill(words.failedCount, formatCount(header.failedCount))}</li>`
						: nothing
				}
				<li>${words.tokens}<b>${tokens}</b></li>
				<li title=${header.isCostEstimated ? words.costEstimated : nothing}>
					${words.cost}<b>${formatCost(header.costUsd, header.isCostEstimated)}</b>
				</li>
				${sessionFacts(header.session)}
				${
					header.droppedSpans > 0
						? html`<li class="warning" title=${words.droppedSpansHint}>
								${icon("warning")}${fill(words.droppedSpans, formatCount(header.droppedSpans))}
							</li>`
						: nothing
				}
			</ul>
		</header>
	`;
}

/** What is not well while spans are shown: a connection that is not live, an error of a later load. */
export function notices(
	connection: ConnectionView | undefined,
	error: string | undefined,
	retry: () => void,
): TemplateResult {
	const isLive = connection === undefined || connection.indicator === "live";
	return html`
		${
			isLive
				? nothing
				: html`<div class="notice">
						${icon(connection.indicator === "connecting" ? "sync" : "debug-disconnect")}
						<span>${displayText(connection.text, 500)}</span>
					</div>`
		}
		${
			error === undefined
				? nothing
				: html`<div class="notice error" role="alert">
						${icon("error")}<span>${displayText(error, 500)}</span>
						<button @click=${retry}>${words.retry}</button>
					</div>`
		}
	`;
}

/** What stands in the place of the chart. `isLoadingShown` is false while a trace may still come at once. */
export function messageInstead(phase: Phase, isLoadingShown: boolean, retry: () => void): TemplateResult {
	switch (phase.name) {
		case "waiting":
			return html`<div class="message"></div>`;
		case "loading":
			return html`<div class="message" role="status" aria-busy="true">
				${isLoadingShown ? html`${icon("loading", "spin")}<p>${words.loading}</p>` : nothing}
			</div>`;
		case "ready":
			return html`<div class="message" role="status">
				${icon("pulse")}
				<h2>${words.emptyTitle}</h2>
				<p>${words.emptyHint}</p>
			</div>`;
		case "removed":
			return html`<div class="message" role="status">
				${icon("trash")}
				<h2>${removedText(phase.reason, phase.isSession)}</h2>
				<p>${words.removedHint}</p>
			</div>`;
		case "error":
			return html`<div class="message" role="alert">
				${icon("error", "error-icon")}
				<h2>${words.errorTitle}</h2>
				<p>${displayText(phase.message, 1000)}</p>
				<button @click=${retry}>${words.retry}</button>
			</div>`;
		default:
			return assertNever(phase, "phase");
	}
}

/** The facts of the selected span in one line, for those who have no pointer and for those who do not want to wait for the hover. */
export function detailsLine(model: TraceModel, node: number | undefined): TemplateResult {
	// The line keeps its place while nothing is selected, or the first click would move the rows.
	if (node === undefined) return html`<footer>${words.hint}</footer>`;
	const facts = nodeFacts(model, node, model.nowNs()).filter((fact) => fact.brief !== undefined);
	return html`
		<footer>
			<bdi>${nodeName(model, node)}</bdi>
			${facts.map((fact) => html`<span class=${fact.isError === true ? "error" : ""}>${fact.brief}</span>`)}
		</footer>
	`;
}

function removedText(reason: RemovedReason, isSession: boolean): string {
	if (reason === "cleared") return words.removedCleared;
	if (reason === "deleted") return isSession ? words.removedSession : words.removedDeleted;
	return isSession ? words.removedSessionEvicted : words.removedEvicted;
}
