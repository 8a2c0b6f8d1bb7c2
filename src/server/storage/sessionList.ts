import { formatTimestamp } from "../../base/timestamp.ts";
import type { WireTraceStatus } from "../../protocol/rest.ts";
import type { WireSession, WireSessionDetail, WireSessionSums, WireSessionTrace } from "../../protocol/sessions.ts";
import { usd } from "./analytics.ts";
import type { Database, Statement } from "./database.ts";
import type { FilterColumns } from "./filterColumns.ts";
import { addSums, emptySums, type SpanSums, sessionKey, sumBy } from "./spanSums.ts";

export const SESSION_SORTS = ["recent", "cost", "tokens", "duration", "started"] as const;
export type SessionSort = (typeof SESSION_SORTS)[number];

export interface SessionQuery {
	readonly sort: SessionSort;
	/** Part of the session's id or of the name of one of its traces, in lower case. */
	readonly search: string | undefined;
	/** Only sessions that were active at this time or later; milliseconds since the epoch. */
	readonly sinceMs: number | undefined;
	/** Sort value and id of the last session of the page before. */
	readonly after: SessionPlace | undefined;
	readonly limit: number;
}

export interface SessionPage {
	readonly sessions: readonly WireSession[];
	/** Place of the last session, or undefined when nothing follows it. */
	readonly next: SessionPlace | undefined;
	readonly total: number;
}

export interface SessionPlace {
	readonly value: number;
	readonly id: string;
}

/** The part of one trace in one session. */
interface Part {
	readonly sessionRef: number;
	readonly traceRef: number;
	readonly sums: SpanSums;
}

interface Session {
	readonly ref: number;
	readonly parts: Part[];
	readonly sums: SpanSums;
}

/**
 * Sessions, put together from the columns in memory in many turns of the event loop. The session of a span is the one that it
 * names, else the one of its trace. `Store.settleUsage` comes first.
 */
export class SessionList {
	readonly #columns: FilterColumns;
	readonly #database: Database;
	readonly #emptyTraces: Statement;
	readonly #id: Statement;
	readonly #ref: Statement;
	readonly #trace: Statement;
	readonly #named: Statement;

	constructor(columns: FilterColumns, database: Database) {
		this.#columns = columns;
		this.#database = database;
		this.#emptyTraces = database.prepare(
			`SELECT ref, session, start_ms + start_sub / 1e6 AS startMs FROM traces
			WHERE session IS NOT NULL AND span_count = 0`,
		);
		this.#id = database.prepare("SELECT id FROM sessions WHERE ref = ?");
		this.#ref = database.prepare("SELECT ref FROM sessions WHERE id = ?");
		this.#trace = database.prepare("SELECT id, name, tags FROM traces WHERE ref = ?");
		this.#named = database.prepare("SELECT ref FROM traces WHERE name IS NOT NULL AND contains_text(name, ?)");
	}

	/** One page, and the number of all sessions that match. */
	async page(query: SessionQuery): Promise<SessionPage> {
		const found = (await this.#matching(query)).map((session) => ({
			session,
			place: { value: sortValue(session, query.sort), id: this.#idOf(session.ref) },
		}));
		found.sort((a, b) => comparePlaces(a.place, b.place));
		const { after } = query;
		const from = after === undefined ? 0 : found.findIndex(({ place }) => comparePlaces(place, after) > 0);
		const rest = from < 0 ? [] : found.slice(from);
		const page = rest.slice(0, query.limit);
		return {
			sessions: page.map(({ session, place }) => wireSession(place.id, session)),
			next: rest.length > page.length ? page.at(-1)?.place : undefined,
			total: found.length,
		};
	}

	/** One session with its traces; undefined when nothing is in it. */
	async detail(id: string): Promise<WireSessionDetail | undefined> {
		const ref = this.#ref.get(id)?.ref as number | undefined;
		const session = ref === undefined ? undefined : (await this.#sessions(ref)).get(ref);
		if (session === undefined) return undefined;
		const parts = session.parts.toSorted(
			(a, b) => a.sums.firstStartMs - b.sums.firstStartMs || a.traceRef - b.traceRef,
		);
		const latencies = parts.flatMap(({ sums }) => durationMs(sums) ?? []);
		const wire = wireSession(id, session);
		return {
			...wire,
			avg_trace_latency_ms:
				latencies.length === 0 ? null : latencies.reduce((sum, latency) => sum + latency, 0) / latencies.length,
			error_rate: wire.failed_trace_count / wire.trace_count,
			traces: parts.flatMap((part) => this.#wireTrace(part) ?? []),
		};
	}

	async #matching({ search, sinceMs }: SessionQuery): Promise<readonly Session[]> {
		const sessions = [...(await this.#sessions(undefined)).values()];
		const named = search === undefined ? undefined : new Set(this.#named.all(search).map(({ ref }) => Number(ref)));
		return sessions.filter((session) => {
			if (sinceMs !== undefined && lastActiveMs(session.sums) < sinceMs) return false;
			if (search === undefined) return true;
			if (this.#idOf(session.ref).toLowerCase().includes(search)) return true;
			return session.parts.some(({ traceRef }) => named?.has(traceRef));
		});
	}

	/** All sessions by their number, or the one that is wanted. */
	async #sessions(wanted: number | undefined): Promise<Map<number, Session>> {
		const columns = this.#columns;
		const sessionOf = sessionKey(columns, this.#database);
		const isWanted = (session: number) => (wanted === undefined ? session !== 0 : session === wanted);
		const empty: Part[] = [];
		for (const row of this.#emptyTraces.iterate()) {
			const [traceRef, sessionRef] = [Number(row.ref), Number(row.session)];
			if (!isWanted(sessionRef)) continue;
			const sums = emptySums();
			sums.firstStartMs = Number(row.startMs);
			sums.lastStartMs = Number(row.startMs);
			empty.push({ sessionRef, traceRef, sums });
		}
		const match = () => {
			const mask = columns.match([]);
			for (let row = 0; row < mask.length; row++) if (!isWanted(sessionOf(row))) mask[row] = 0;
			return mask;
		};
		const keys = [sessionOf, (row: number) => columns.trace[row]];
		const groups = (await sumBy(columns, match, keys, Number.POSITIVE_INFINITY)) ?? [];
		const parts = groups.map(({ keys: [sessionRef, traceRef], sums }) => ({ sessionRef, traceRef, sums }));
		const sessions = new Map<number, Session>();
		for (const part of [...parts, ...empty]) {
			let session = sessions.get(part.sessionRef);
			if (session === undefined) {
				session = { ref: part.sessionRef, parts: [], sums: emptySums() };
				sessions.set(part.sessionRef, session);
			}
			session.parts.push(part);
			addSums(session.sums, part.sums);
		}
		return sessions;
	}

	#idOf(ref: number): string {
		return String(this.#id.get(ref)?.id);
	}

	#wireTrace({ traceRef, sums }: Part): WireSessionTrace | undefined {
		const trace = this.#trace.get(traceRef) as { id: string; name: string | null; tags: string } | undefined;
		// Deleted while the spans were summed up.
		if (trace === undefined) return undefined;
		const wire = wireSums(sums);
		return {
			id: trace.id,
			...(trace.name === null ? {} : { name: trace.name }),
			tags: JSON.parse(trace.tags) as string[],
			...wire,
			cost: wire.total_cost,
			tokens: wire.total_tokens,
			status: statusOf(sums),
		};
	}
}

function wireSession(id: string, { parts, sums }: Session): WireSession {
	return {
		id,
		trace_count: parts.length,
		failed_trace_count: parts.filter((part) => part.sums.failedCount > 0).length,
		...wireSums(sums),
		last_active: timeText(lastActiveMs(sums)),
		status: statusOf(sums),
	};
}

function wireSums(sums: SpanSums): WireSessionSums {
	const inputTokens = sums.knownInputs === 0 ? null : sums.inputTokens;
	const outputTokens = sums.knownOutputs === 0 ? null : sums.outputTokens;
	return {
		span_count: sums.spanCount,
		total_tokens: inputTokens === null && outputTokens === null ? null : (inputTokens ?? 0) + (outputTokens ?? 0),
		total_cost: sums.knownCosts === 0 ? null : usd(sums.costNano),
		input_tokens: inputTokens,
		output_tokens: outputTokens,
		started_at: timeText(sums.firstStartMs),
		ended_at: sums.runningCount > 0 || Number.isNaN(sums.lastEndMs) ? null : timeText(sums.lastEndMs),
		duration_ms: durationMs(sums) ?? null,
	};
}

/** As for a trace: any failed → failed; else any running, or no span at all → running; else completed. */
function statusOf(sums: SpanSums): WireTraceStatus {
	if (sums.failedCount > 0) return "failed";
	return sums.runningCount > 0 || sums.spanCount === 0 ? "running" : "completed";
}

/** Rounded to the microsecond, which is what a double of milliseconds since the epoch can hold. */
function durationMs(sums: SpanSums): number | undefined {
	return Number.isNaN(sums.lastEndMs) ? undefined : Math.round((sums.lastEndMs - sums.firstStartMs) * 1000) / 1000;
}

function lastActiveMs(sums: SpanSums): number {
	return sums.lastEndMs > sums.lastStartMs ? sums.lastEndMs : sums.lastStartMs;
}

function timeText(ms: number): string {
	const microseconds = Math.round(ms * 1000);
	const whole = Math.floor(microseconds / 1000);
	return formatTimestamp({ ms: whole, subNs: (microseconds - whole * 1000) * 1000 }) ?? "";
}

/** Greater comes first; what is unknown comes last. */
function sortValue({ sums }: Session, sort: SessionSort): number {
	switch (sort) {
		case "recent":
			return lastActiveMs(sums);
		case "started":
			return sums.firstStartMs;
		case "cost":
			return sums.knownCosts === 0 ? UNKNOWN : sums.costNano;
		case "tokens":
			return sums.knownInputs + sums.knownOutputs === 0 ? UNKNOWN : sums.inputTokens + sums.outputTokens;
		case "duration":
			return durationMs(sums) ?? UNKNOWN;
	}
}

const UNKNOWN = -Number.MAX_VALUE;

function comparePlaces(a: SessionPlace, b: SessionPlace): number {
	return b.value - a.value || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
