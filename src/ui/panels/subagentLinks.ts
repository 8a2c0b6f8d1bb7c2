import { isAbortError } from "../../base/abort.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { SpanDetail } from "../../model/span.ts";
import { isTaskSession, startedSessionOf, TASK_TOOL } from "../../model/subagents.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { Source } from "../../sources/source.ts";
import type { SpanAddress } from "../markedSpan.ts";

/** Runs of the task tool that are read for one question, the nearest first. */
const MAX_READS = 24;
const MAX_KEPT = 1_000;

/** Where a span leads to beyond its own session. */
export interface SubagentLinks {
	/** The session that this run of the task tool started. */
	readonly startedSession: string | undefined;
	/** The run of the task tool that started the session at whose top this span stands. */
	readonly startedBy: SpanAddress | undefined;
}

export const NO_SUBAGENTS: SubagentLinks = { startedSession: undefined, startedBy: undefined };

/**
 * Links between the runs of the `task` tool and the sessions that they started, of one store. Only the tool's output tells, which
 * the store does not have: the nearest runs are read when somebody looks at a root of a session, and what they said is kept.
 */
export class SubagentLinker {
	readonly #store: TraceStore;
	readonly #logger: Logger;
	/** By span and state: the session that it started, "" for none. The least recently used goes first. */
	readonly #started = new Map<string, string>();

	constructor(store: TraceStore, logger: Logger) {
		this.#store = store;
		this.#logger = logger;
	}

	/** Rejects by its signal only. */
	async linksOf(detail: SpanDetail, source: Source, signal: AbortSignal): Promise<SubagentLinks> {
		const { traceId, spanId, parentSpanId, isOrphan } = detail.summary;
		const row = this.#store.rowOf(spanId, traceId);
		if (row === undefined) return NO_SUBAGENTS;
		if (this.#isTask(row)) return { startedSession: startedSessionOf(detail), startedBy: undefined };
		const sessionId = this.#store.summary(traceId)?.sessionId;
		const isTop = parentSpanId === null || parentSpanId === undefined || isOrphan;
		if (!isTop || sessionId === undefined || !isTaskSession(sessionId)) return NO_SUBAGENTS;
		for (const task of this.#tasksBefore(row, sessionId)) {
			if ((await this.#startedBy(task, source, signal)) === sessionId) {
				return { startedSession: undefined, startedBy: task };
			}
		}
		return NO_SUBAGENTS;
	}

	#isTask(row: number): boolean {
		const { columns, strings } = this.#store;
		return strings.at(columns.toolName.get(row)) === TASK_TOOL;
	}

	/** Runs of the tool in other sessions that began before a span, the latest first. */
	#tasksBefore(row: number, sessionId: string): SpanAddress[] {
		const { startMs, ids } = this.#store.columns;
		const found: number[] = [];
		for (const entry of this.#store.entries()) {
			const tasks = entry.rows.filter((other) => this.#isTask(other) && !(startMs[other] > startMs[row]));
			if (tasks.length > 0 && this.#store.summary(entry.traceId)?.sessionId !== sessionId) found.push(...tasks);
		}
		return found
			.sort((a, b) => startMs[b] - startMs[a] || a - b)
			.slice(0, MAX_READS)
			.map((task) => ({ traceId: this.#store.entryOfRow(task).traceId, spanId: ids[task] }));
	}

	/** "" for a run that started no session, or cannot be read. */
	async #startedBy({ traceId, spanId }: SpanAddress, source: Source, signal: AbortSignal): Promise<string> {
		// Only at its end a run says what it started.
		const key = JSON.stringify([traceId, spanId, this.#store.span(traceId, spanId)?.state]);
		const kept = this.#started.get(key);
		if (kept !== undefined) {
			this.#started.delete(key);
			this.#started.set(key, kept);
			return kept;
		}
		try {
			const started = startedSessionOf(await source.loadSpan(traceId, spanId, signal)) ?? "";
			this.#started.set(key, started);
			if (this.#started.size > MAX_KEPT) {
				const [oldest] = this.#started.keys();
				this.#started.delete(oldest);
			}
			return started;
		} catch (error) {
			if (signal.aborted || isAbortError(error)) throw error;
			this.#logger.debug(`span ${spanId} could not be read for the session it started: ${describeError(error)}`);
			return "";
		}
	}
}
