import type { TraceInput } from "../../model/span.ts";
import type { SessionRow, SessionSpans } from "./decode.ts";
import type { SessionStream } from "./sessionStream.ts";

/** What the store holds of a session, all of it. */
export type Held = Pick<SessionSpans, "modelCalls" | "toolCalls" | "isClosed" | "lastMs">;

/** One session of the backend, by its row, its stream and what the store has of it. */
export interface Session {
	readonly id: string;
	/** Of the newest list that had it; undefined while none had. */
	row: SessionRow | undefined;
	/** It came while we were looking, so all of it is wanted. */
	isNew: boolean;
	/** Its coming is no news: it was there before, or came while we were away. */
	isHistory: boolean;
	held: Held | undefined;
	/** The connection broke since: what comes now was missed. */
	wasLost: boolean;
	/** Moves with each whole state: an older one that is still being taken in is left. */
	version: number;
	/** The newest frame that waits while one is being taken in. */
	frame: string | undefined;
	/** Frames are being taken in; never rejects. */
	taking: Promise<void> | undefined;
	stream: SessionStream | undefined;
	/** Its last stream was refused: it is polled. */
	isStreamRefused: boolean;
	/** The row with which a stream, or a reading, is of no use any more. */
	streamedAs: string | undefined;
	readAs: string | undefined;
	failures: number;
	notBeforeMs: number;
	missingSinceMs: number | undefined;
}

export function newSession(id: string): Session {
	return {
		id,
		row: undefined,
		isNew: false,
		isHistory: true,
		held: undefined,
		wasLost: false,
		version: 0,
		frame: undefined,
		taking: undefined,
		stream: undefined,
		isStreamRefused: false,
		streamedAs: undefined,
		readAs: undefined,
		failures: 0,
		notBeforeMs: 0,
		missingSinceMs: undefined,
	};
}

/** Whether the row says nothing that the store does not have, as far as they can be compared. */
export function agrees({ row, held }: Pick<Session, "row" | "held">): boolean {
	if (row === undefined || held === undefined) return false;
	// A list from the backend's cache, older than what the stream said at its end.
	if (row.isOpen && held.isClosed) return row.modelCalls <= held.modelCalls && row.toolCalls <= held.toolCalls;
	if (row.modelCalls !== held.modelCalls || row.toolCalls !== held.toolCalls) return false;
	return row.isOpen || (held.isClosed && (row.end === undefined || row.end.ms === held.lastMs));
}

/** What of a row says that something happened; the end of an open session moves by itself. */
export function signatureOf(row: SessionRow | undefined): string {
	if (row === undefined) return "";
	const { isOpen, modelCalls, toolCalls, totalTokens, costUsd, end } = row;
	return [isOpen, modelCalls, toolCalls, totalTokens, costUsd, isOpen ? "" : `${end?.ms} ${end?.subNs}`].join(" ");
}

/** The trace that a session is here, without a report. */
export function recordOf(id: string, row: SessionRow | undefined): TraceInput {
	const parent = row?.parentSessionId;
	return {
		traceId: id,
		name: id,
		tags: row === undefined ? undefined : parent === undefined ? [] : [`parent:${parent}`],
		start: row?.start,
	};
}

/** What was taken in whole needs no report; a new one would say that it is whole no longer. */
export function traceOf({ id, held }: Session, row: SessionRow): TraceInput {
	if (held !== undefined) return recordOf(id, row);
	return {
		...recordOf(id, row),
		reported: {
			// OpenCode makes these three kinds of spans; while it is open a placeholder stands for the root.
			spanCount: row.modelCalls + row.toolCalls + 1,
			state: row.isOpen ? "running" : "completed",
			end: row.isOpen ? undefined : row.end,
			// Of a total nobody knows the parts; the sum is right.
			inputTokens: row.modelCalls === 0 ? undefined : row.totalTokens,
			costUsd: row.modelCalls === 0 ? undefined : row.costUsd,
			serviceName: "opencode",
			sessionId: id,
		},
	};
}
