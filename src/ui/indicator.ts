import type { SourceStatus } from "../sources/source.ts";
import type { ConnectionReason } from "../stream/connectionState.ts";

export type Indicator = "live" | "connecting" | "disconnected";

/** Translates a text with `{0}` places; `vscode.l10n.t` has this shape. */
export type Translate = (message: string, ...args: (string | number | boolean)[]) => string;

/**
 * The word for a status at a moment. `open` is live unless something stands in for what is away, `connecting` and `waiting` are
 * connecting; `failed`, `idle` and any state whose last byte is older than the watchdog allows are disconnected. `sinceMs` is when the connection was wanted,
 * for sources that never sent a byte.
 */
export function indicatorOf(status: SourceStatus, nowMs: number, sinceMs: number): Indicator {
	const { state } = status;
	if (state.name === "failed" || state.name === "idle" || state.name === "disposed") return "disconnected";
	const silentMs = nowMs - (status.lastByteAtMs ?? sinceMs);
	if (silentMs > status.watchdogMs) return "disconnected";
	return state.name === "open" && status.mode?.isDegraded !== true ? "live" : "connecting";
}

/** Traces come, by something that stands in for what is away. */
export function isStandingIn({ mode }: SourceStatus, indicator: Indicator): boolean {
	return indicator === "connecting" && mode?.isDegraded === true;
}

/** One line that tells how the connection stands. */
export function connectionText(status: SourceStatus, indicator: Indicator, nowMs: number, t: Translate): string {
	const { state, mode } = status;
	if (mode !== undefined && isStandingIn(status, indicator)) {
		const standsIn = t("Unavailable, {0}", mode.text);
		if (state.name !== "waiting") return standsIn;
		return t("{0}. Next try in {1} s", standsIn, secondsTo(state.retryAtMs, nowMs));
	}
	switch (state.name) {
		case "open":
			if (indicator !== "live") return t("Silent since {0}", clockTime(status.lastByteAtMs ?? state.sinceMs));
			return mode === undefined ? t("Live") : t("Live, {0}", mode.text);
		case "connecting":
			return state.attempt > 1 ? t("Connecting, attempt {0}", state.attempt) : t("Connecting");
		case "waiting":
			return t("{0}. Next try in {1} s", reasonText(state.reason, t), secondsTo(state.retryAtMs, nowMs));
		case "failed":
			return failureText(state.reason, state.message, t);
		case "idle":
			return t("Disconnected");
		case "disposed":
			return t("The source was removed");
	}
}

/** The state in a word or two, where there is room for no more; the whole of it is `connectionText`. */
export function shortText(status: SourceStatus, indicator: Indicator, nowMs: number, t: Translate): string {
	const { state, mode } = status;
	if (mode !== undefined && isStandingIn(status, indicator)) {
		return mode.text.charAt(0).toUpperCase() + mode.text.slice(1);
	}
	switch (state.name) {
		case "open":
			return indicator === "live" ? t("Live") : t("Silent");
		case "connecting":
			return t("Connecting");
		case "waiting":
			return t("Next try in {0} s", secondsTo(state.retryAtMs, nowMs));
		case "failed":
			return needsToken(state.reason) ? t("Wants a token") : t("Disconnected");
		case "idle":
		case "disposed":
			return t("Disconnected");
	}
}

/** Why a connection gave up, with what the server or the system said: a person has to act on it. */
export function failureText(reason: ConnectionReason, message: string, t: Translate): string {
	// These come with words of our own: the mini-server did not start, the address cannot be used.
	if (reason === "network" || reason === "protocol") return message;
	return t("{0} ({1})", reasonText(reason, t), message);
}

/** Plain words for why a connection waits or failed. */
function reasonText(reason: ConnectionReason, t: Translate): string {
	switch (reason) {
		case "network":
			return t("No connection to the server");
		case "timeout":
			return t("The server does not answer");
		case "stale":
			return t("The server fell silent");
		case "ended":
			return t("The server ended the connection");
		case "serverError":
			return t("The server reports a problem of its own");
		case "rateLimited":
			return t("The server asks to wait");
		case "unauthorized":
			return t("The server wants a valid token");
		case "forbidden":
			return t("The server does not let this token read traces");
		case "notFound":
			return t("No traces are served at this address");
		case "gone":
			return t("Traces are no longer served at this address");
		case "noContent":
			return t("The server has nothing more to send");
		case "contentType":
			return t("Something else answers at this address");
		case "protocol":
			return t("The server's answer cannot be used");
		case "disconnected":
			return t("Disconnected");
	}
}

function secondsTo(atMs: number, nowMs: number): number {
	return Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

export function needsToken(reason: ConnectionReason): boolean {
	return reason === "unauthorized" || reason === "forbidden";
}

export function clockTime(ms: number): string {
	return new Date(ms).toLocaleTimeString();
}
