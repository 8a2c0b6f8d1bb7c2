import { html, nothing, type TemplateResult } from "lit";
import { assertNever } from "../../src/base/assert.ts";
import { displayText } from "../../src/base/displayText.ts";
import { formatCount } from "../../src/base/quantity.ts";
import type { LiveAction, LivePhase, LiveWaiting } from "../../src/protocol/liveMessages.ts";
import type { ConnectionView } from "../../src/protocol/messages.ts";
import type { IconName } from "../shared/glyphs.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { words } from "./words.ts";

type Run = (action: LiveAction) => void;

const MAX_TEXT = 500;

/** The live indicator, in the words of the status bar; a click reconnects, there as here. */
export function indicator(connection: ConnectionView | undefined, run: Run): TemplateResult {
	const word = words[connection?.indicator ?? "connecting"];
	const given = displayText(connection?.text ?? word, MAX_TEXT);
	// What is seen comes first, for those who steer by voice.
	const text = given.startsWith(word) ? given : `${word}: ${given}`;
	return html`<button
		type="button"
		class="indicator ${connection?.indicator ?? "connecting"}"
		title=${fill(words.reconnectHint, text)}
		aria-label=${fill(words.reconnectHint, text)}
		@click=${() => run("reconnect")}
	>
		<span class="dot"></span>${word}
	</button>`;
}

/** What is not well while rows are shown: they are as old as the connection's end. */
export function staleNotice(connection: ConnectionView | undefined): TemplateResult | typeof nothing {
	if (connection === undefined || connection.indicator === "live") return nothing;
	return html`<div class="notice">
		${icon(connection.indicator === "connecting" ? "sync" : "debug-disconnect")}
		<span>${displayText(connection.text, MAX_TEXT)}</span>
	</div>`;
}

/** The server could not search; what is shown is what names say. */
export function problemNotice(message: string | undefined): TemplateResult | typeof nothing {
	if (message === undefined) return nothing;
	const text = displayText(fill(words.filterProblem, message), MAX_TEXT);
	return html`<div class="notice" role="status">${icon("warning")}<span title=${text}>${text}</span></div>`;
}

export function pausedNotice(waiting: LiveWaiting | undefined, run: Run): TemplateResult | typeof nothing {
	if (waiting === undefined) return nothing;
	return html`<div class="notice paused">
		<b>${words.pausedTitle}</b><span>${waitingText(waiting)}</span>
		<button type="button" class="button" @click=${() => run("resume")}>${words.resume}</button>
	</div>`;
}

function waitingText({ newTraces, events }: LiveWaiting): string {
	if (newTraces === 0 && events === 0) return words.pausedNothing;
	if (newTraces === 1) return fill(words.pausedTrace, formatCount(events));
	return fill(words.pausedTraces, formatCount(newTraces), formatCount(events));
}

/** What waits above the rows, as the button that lets it in. */
export function banner(waitingCount: number, isStale: boolean, onClick: () => void): TemplateResult | typeof nothing {
	if (waitingCount === 0 && !isStale) return nothing;
	return html`<button type="button" class="banner" @click=${onClick}>
		${icon("chevron-up")}${bannerText(waitingCount)}
	</button>`;
}

export function bannerText(waitingCount: number): string {
	if (waitingCount === 0) return words.orderChanged;
	return waitingCount === 1 ? words.newTrace : fill(words.newTraces, formatCount(waitingCount));
}

/** What stands in the place of an empty table. `isShown` is false while rows may still come at once. */
export function emptyPart(
	phase: LivePhase,
	text: string | undefined,
	run: Run,
	clearFilter: () => void,
): TemplateResult | typeof nothing {
	const button = (label: string, action: LiveAction): TemplateResult =>
		html`<button type="button" class="button" @click=${() => run(action)}>${label}</button>`;
	switch (phase) {
		case "traces":
			return nothing;
		case "starting":
			return message("loading", words.starting, undefined, nothing, true);
		case "connecting":
			return message("loading", words.loading, undefined, button(words.showLog, "showLog"), true);
		case "empty":
			return message(
				"pulse",
				words.emptyTitle,
				words.emptyHint,
				html`${button(words.sendDemo, "sendDemo")}${button(words.copyServerUrl, "copyServerUrl")}`,
			);
		case "emptyRemote":
			return message("pulse", words.emptyTitle, words.emptyRemoteHint, button(words.selectSource, "selectSource"));
		case "noMatch":
			return message(
				"search",
				words.noMatchTitle,
				words.noMatchHint,
				html`<button type="button" class="button" @click=${clearFilter}>${words.filterClear}</button>`,
			);
		case "unauthorized":
			return message(
				"error",
				words.unauthorizedTitle,
				// No more than the title has said already.
				text === words.unauthorizedTitle ? undefined : text,
				html`${button(words.setToken, "setToken")}${button(words.reconnect, "reconnect")}`,
			);
		case "failed":
			return message(
				"error",
				words.failedTitle,
				text,
				html`${button(words.reconnect, "reconnect")}${button(words.showLog, "showLog")}`,
			);
		case "disconnected":
			return message("debug-disconnect", words.disconnectedTitle, undefined, button(words.reconnect, "reconnect"));
		default:
			return assertNever(phase, "phase");
	}
}

function message(
	name: IconName,
	title: string,
	text: string | undefined,
	buttons: unknown,
	isBusy = false,
): TemplateResult {
	return html`<div class="message ${name === "error" ? "wrong" : ""}" role="status" aria-busy=${isBusy}>
		${icon(name, isBusy ? "spin" : "")}
		<h2>${title}</h2>
		${text === undefined ? nothing : html`<p>${displayText(text, MAX_TEXT)}</p>`}
		<div class="buttons">${buttons}</div>
	</div>`;
}
