import type { Indicator } from "../indicator.ts";

/** What the status bar hands to "Reconnect": whatever is in trouble when it is clicked. */
export const TROUBLED = "troubled";

/** How one source stands, for the sum over all. */
export interface SourceState {
	readonly name: string;
	readonly indicator: Indicator;
	/** Its traces come, by something that stands in for what is away. */
	readonly isStandingIn: boolean;
	readonly traceCount: number;
}

export interface StateSum {
	/** The worst of all: one that is disconnected outdoes one that connects, which outdoes those that are live. */
	readonly indicator: Indicator;
	/** Traces come from each source that is not live, by something that stands in for what is away. */
	readonly isStandingIn: boolean;
	/** Traces of all sources, in whatever state: what came is here. */
	readonly traceCount: number;
	/** Names of the sources in the worst state, in the order given; empty when all are live. */
	readonly troubled: readonly string[];
}

const ORDER: readonly Indicator[] = ["live", "connecting", "disconnected"];

/** Undefined without any source. */
export function sumOfStates(states: readonly SourceState[]): StateSum | undefined {
	if (states.length === 0) return undefined;
	const rank = Math.max(...states.map(({ indicator }) => ORDER.indexOf(indicator)));
	const indicator = ORDER[rank] ?? "live";
	const worst = rank === 0 ? [] : states.filter((state) => state.indicator === indicator);
	return {
		indicator,
		isStandingIn: worst.length > 0 && worst.every(({ isStandingIn }) => isStandingIn),
		traceCount: states.reduce((sum, { traceCount }) => sum + traceCount, 0),
		troubled: worst.map(({ name }) => name),
	};
}
