import type { SourceStatus } from "../sources/source.ts";
import type { ConnectionReason } from "../stream/connectionState.ts";

export type Indicator = "live" | "connecting" | "disconnected";

/** Translates a text with `{0}` places; `vscode.l10n.t` has this shape. */
export type Translate = (message: string, ...args: (string | number | boolean)[]) => string;

/**
 * The word for a status at a moment. `open` is live, `connecting` and `waiting` are connecting; `failed`, `idle` and any
 * state whose last byte is older than the watchdog allows are disconnected. `sinceMs` is when the connection was wanted,
 * for sources that never sent a byte.
 */
export function indicatorOf(status: SourceStatus, nowMs: number, sinceMs: number): Indicator {
	const { state } = status;
	if (state.name === "failed" || state.name === "idle" || state.name === "disposed") return "disconnected";
	const silentMs = nowMs - (status.lastByteAtMs ?? sinceMs);
	if (silentMs > status.watchdogMs) return "disconnected";
	return state.name === "open" ? "live" : "connecting";
}

/** One line that tells how the connection stands. */
export function connectionText(status: SourceStatus, indicator: Indicator, nowMs: number, t: Translate): string {
	const { state } = status;
	switch (state.name) {
		case "open":
			return indicator === "live" ? t("Live") : t("Silent since {0}", clockTime(status.lastByteAtMs ?? state.sinceMs));
		case "connecting":
			return state.attempt > 1 ? t("Connecting, attempt {0}", state.attempt) : t("Connecting");
		case "waiting":
			return t("{0}. Next try in {1} s", state.message, Math.max(0, Math.ceil((state.retryAtMs - nowMs) / 1000)));
		case "failed":
			return state.message;
		case "idle":
		case "disposed":
			return t("Disconnected");
	}
}

export function needsToken(reason: ConnectionReason): boolean {
	return reason === "unauthorized" || reason === "forbidden";
}

export function clockTime(ms: number): string {
	return new Date(ms).toLocaleTimeString();
}
