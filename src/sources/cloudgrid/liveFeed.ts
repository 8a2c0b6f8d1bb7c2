import type { Logger } from "../../base/logger.ts";
import type { ConnectionAttempt, ConnectionLoop } from "../../stream/connectionLoop.ts";
import { connectionEnd } from "../baseSource.ts";
import type { SourceError } from "../source.ts";
import { decodeLiveEvent, type LiveEvent } from "./decode.ts";
import { liveInput, matchesFilter, type TraceFilter } from "./filter.ts";
import type { LiveSocket } from "./liveSocket.ts";
import type { Operations } from "./operations.ts";
import { CloudgridProblem } from "./problem.ts";
import type { TraceHistory } from "./traceHistory.ts";

export interface LiveFeedOptions {
	readonly attempt: ConnectionAttempt;
	readonly socket: LiveSocket;
	readonly operations: Operations;
	readonly history: TraceHistory;
	readonly loop: ConnectionLoop;
	readonly logger: Logger;
	/** Shortest watchdog, milliseconds. */
	readonly watchdogMs: number;
	/** Whether the store has a trace. */
	readonly isKnown: (traceId: string) => boolean;
	/** Live by the first event of a subscription: what happened before it is to be read. */
	readonly onLive: () => void;
	/** Something was missed, or only a search can tell: the list is to be read again. */
	readonly onDoubt: (why: "gap" | "filter") => void;
	readonly onApplied: () => void;
	readonly onUndecodable: () => void;
}

/** One subscription of the feed. */
interface Subscription {
	readonly filter: TraceFilter;
	/** Number of the last event. */
	seq: number;
	lastBeatAtMs: number | undefined;
	stop: () => void;
}

/** Longest watchdog that the server's rhythm can ask for. */
const MAX_WATCHDOG_MS = 30 * 60_000;

/** The live subscription on one socket: events in order, numbers without gaps, one filter after the other. */
export class LiveFeed {
	readonly #options: LiveFeedOptions;
	#current: Subscription | undefined;
	/** The one before, while the new one has said nothing yet. Nothing of it is applied any more. */
	#former: (() => void)[] = [];

	constructor(options: LiveFeedOptions) {
		this.#options = options;
	}

	/** Starts a subscription with a filter; one that runs is stopped when the new one has answered. */
	subscribe(filter: TraceFilter): void {
		const { socket, operations } = this.#options;
		const subscription: Subscription = { filter, seq: 0, lastBeatAtMs: undefined, stop: () => undefined };
		if (this.#current !== undefined) this.#former.push(this.#current.stop);
		this.#current = subscription;
		const variables = { input: liveInput(filter) };
		subscription.stop = socket.subscribe(
			{ operationName: "LiveTrace", query: operations.live, variables },
			{
				onNext: (data) => this.#handleNext(subscription, data),
				onEnd: (error) => this.#handleEnd(subscription, error),
			},
		);
	}

	#handleNext(subscription: Subscription, data: unknown): void {
		const { attempt, history, onUndecodable, onLive } = this.#options;
		if (attempt.isOver || subscription !== this.#current) return;
		const event = decodeLiveEvent(data);
		if (event === undefined) {
			onUndecodable();
			return;
		}
		const isFirst = subscription.seq === 0;
		// A number that was here already: a repetition. One that is late was missed before, and the list was read for it.
		if (event.seq <= subscription.seq) return;
		const isGap = event.seq !== subscription.seq + 1;
		subscription.seq = event.seq;
		if (isFirst || isGap) history.noteLoss();
		if (isFirst) {
			for (const stop of this.#former.splice(0)) stop();
			attempt.opened();
		}
		this.#apply(subscription, event, isGap);
		// A gap before the first event needs nothing: all is read now in any case.
		if (isFirst) onLive();
		else if (isGap) this.#options.onDoubt("gap");
	}

	#apply(subscription: Subscription, event: LiveEvent, isGap: boolean): void {
		if (event.type === "heartbeat") {
			this.#noteRhythm(subscription, isGap);
			return;
		}
		const { history, isKnown, onDoubt, onApplied } = this.#options;
		const isMatch = matchesFilter(subscription.filter, event.trace);
		if (isMatch === false) return;
		if (isMatch === undefined && !isKnown(event.trace.traceId)) {
			onDoubt("filter");
			return;
		}
		history.applyLive(event.trace, event.isSnapshot);
		onApplied();
	}

	/** Three heartbeats are the longest silence, if that is longer than the watchdog in any case. */
	#noteRhythm(subscription: Subscription, isGap: boolean): void {
		const { loop, watchdogMs } = this.#options;
		const nowMs = Date.now();
		const beforeMs = isGap ? undefined : subscription.lastBeatAtMs;
		subscription.lastBeatAtMs = nowMs;
		const distanceMs = beforeMs === undefined ? 0 : nowMs - beforeMs;
		// More than the watchdog would have let pass: the machine slept.
		if (distanceMs <= 0 || distanceMs >= loop.watchdogMs) return;
		const wantedMs = Math.min(MAX_WATCHDOG_MS, Math.max(watchdogMs, 3 * distanceMs));
		if (Math.abs(wantedMs - loop.watchdogMs) > loop.watchdogMs / 10) loop.watchdogMs = wantedMs;
	}

	#handleEnd(subscription: Subscription, error: SourceError): void {
		const { attempt, operations, logger } = this.#options;
		if (attempt.isOver || subscription !== this.#current) return;
		if (subscription.seq === 0 && error instanceof CloudgridProblem && operations.learn(error)) {
			logger.debug(`live: asked again with fewer fields (${error.message})`);
			this.#current = undefined;
			this.subscribe(subscription.filter);
			return;
		}
		attempt.end(endOf(error));
	}
}

/** How the end of a subscription ends the connection: CloudGrid's own word on its errors decides. */
function endOf(error: SourceError) {
	const end = connectionEnd(error);
	return error instanceof CloudgridProblem ? { ...end, isFinal: !error.isRetryable } : end;
}
