import { isAbortError } from "../../base/abort.ts";
import type { Disposable } from "../../base/disposable.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import { StoreSessions } from "../../model/sessionSummary.ts";
import { grown } from "../../model/spanColumns.ts";
import type { TraceEntry } from "../../model/traceEntry.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { TraceHeader } from "../../protocol/messages.ts";
import { encodeColumns, type TimeBase, type TraceColumns } from "../../protocol/traceColumns.ts";
import { type Source, SourceError } from "../../sources/source.ts";
import type { SpanAddress } from "../markedSpan.ts";
import type { ContentChange, WaterfallContent } from "./waterfallContent.ts";

/** Traces that are read at the same time. */
const READERS = 4;

/** A trace of the session and how many of its rows have an ordinal by now. */
interface Member {
	readonly pin: Disposable;
	entry: TraceEntry | undefined;
	structureRevision: number;
	taken: number;
}

/**
 * All traces of a session (`StoreSessions` says which) as one tree: each trace's roots stand at the top level. Ordinals are given
 * as rows come, trace by trace at first; they move when a trace or a span leaves.
 */
export class SessionContent implements WaterfallContent {
	readonly target: { readonly sessionId: string };
	readonly #store: TraceStore;
	readonly #sessions: StoreSessions;
	readonly #sessionId: string;
	readonly #serverNowMs: () => number;
	/** In order of start when they were found, then as they joined. */
	readonly #members = new Map<string, Member>();
	#rows: number[] = [];
	/** By row; of rows that are not shown without meaning. */
	#ordinals: Uint32Array = new Uint32Array(0);
	/** By the id that the page has. */
	#rowOfId = new Map<string, number>();
	/** Ids of spans whose own another span here has; hand-made ids are often the same from trace to trace. */
	#otherIds = new Map<number, string>();
	#structureRevision = 0;
	/** Revision of the store that the rows are as new as. */
	#syncedRevision = -1;
	/** Traces that were asked for: one that fails is not asked for again and again. */
	readonly #askedFor = new Set<string>();
	#isListAskedFor = false;

	constructor(store: TraceStore, sessionId: string, serverNowMs: () => number) {
		this.target = { sessionId };
		this.#store = store;
		this.#sessions = new StoreSessions(store);
		this.#sessionId = sessionId;
		this.#serverNowMs = serverNowMs;
		for (const traceId of this.#sessions.traceIds(sessionId)) this.#join(traceId);
	}

	get key(): string {
		return `session ${this.#sessionId}`;
	}

	get name(): string {
		return this.#sessionId;
	}

	get isHere(): boolean {
		return this.#members.size > 0;
	}

	get rowCount(): number {
		this.#sync();
		return this.#rows.length;
	}

	get structureRevision(): number {
		this.#sync();
		return this.#structureRevision;
	}

	get timeBase(): TimeBase {
		return this.#summary().start ?? { ms: Date.now(), subNs: 0 };
	}

	get traceIds(): readonly string[] {
		return [...this.#members.keys()];
	}

	header(): TraceHeader {
		const { sessionId, traceCount, modelCalls, toolCalls, failedTraces, averageTraceNs, models, isOpen, ...sums } =
			this.#summary();
		return {
			traceId: this.key,
			name: this.#sessionId,
			session: { sessionId, traceCount, modelCalls, toolCalls, failedTraces, averageTraceNs, models, isOpen },
			state: sums.state,
			spanCount: sums.spanCount,
			failedCount: sums.failedCount,
			inputTokens: sums.inputTokens,
			outputTokens: sums.outputTokens,
			costUsd: sums.costUsd,
			isCostEstimated: sums.isCostEstimated,
			droppedSpans: sums.droppedSpans,
			awaitedRootIds: sums.awaitedRootIds,
		};
	}

	encode(base: TimeBase, rows?: readonly number[]): TraceColumns {
		this.#sync();
		return encodeColumns(this.#store, base, rows ?? this.#rows, this.#ordinals, (row) => this.#idOfRow(row));
	}

	change(changes: ChangeSet): ContentChange {
		const before = this.#structureRevision;
		const hadTraces = this.isHere;
		const rows: number[] = [];
		for (const traceId of this.#members.keys()) {
			if (this.#store.entry(traceId) === undefined) this.#leave(traceId);
		}
		let hasChanged = this.#structureRevision !== before;
		for (const [traceId, change] of changes.changedTraces) {
			const isMember = this.#members.has(traceId);
			const belongs = this.#store.summary(traceId)?.sessionId === this.#sessionId;
			if (!isMember && !belongs) continue;
			hasChanged = true;
			if (!belongs) this.#leave(traceId);
			else {
				if (!isMember) this.#join(traceId);
				// Nobody was told of what came before it was known to belong here.
				const news = isMember ? change.rows : (this.#store.entry(traceId)?.rows ?? []);
				for (const row of news) rows.push(row);
			}
		}
		if (!hasChanged) return { type: "none" };
		if (!this.isHere && hadTraces) return { type: "gone" };
		this.#sync();
		return { type: "changed", rows, isRestructured: this.#structureRevision !== before };
	}

	ordinalOf(row: number): number {
		this.#sync();
		return this.#ordinals[row];
	}

	parentOf(row: number): number {
		return this.#store.columns.parentRow[row];
	}

	holds(traceId: string): boolean {
		return this.#members.has(traceId);
	}

	rowOf(id: string): number | undefined {
		this.#sync();
		return this.#rowOfId.get(id);
	}

	idOf({ traceId, spanId }: SpanAddress): string {
		this.#sync();
		const row = this.#members.has(traceId) ? this.#store.rowOf(spanId, traceId) : undefined;
		return row === undefined ? spanId : this.#idOfRow(row);
	}

	addressOf(id: string): SpanAddress | undefined {
		const row = this.rowOf(id);
		if (row === undefined) return undefined;
		return { traceId: this.#store.entryOfRow(row).traceId, spanId: this.#store.columns.ids[row] };
	}

	get wantsLoad(): boolean {
		return !this.#isListAskedFor || this.#unread().length > 0;
	}

	/**
	 * Asks the server for the session's traces, where it knows sessions, and reads those that are not whole here: four at a
	 * time, whatever becomes of one of them. Rejects with the first failure.
	 */
	async load(source: Source, signal: AbortSignal): Promise<void> {
		const waiting = new Set(this.#unread());
		if (!this.#isListAskedFor) {
			this.#isListAskedFor = true;
			for (const traceId of await this.#listed(source, signal)) {
				if (this.#store.entry(traceId)?.isWhole !== true && !this.#askedFor.has(traceId)) waiting.add(traceId);
			}
		}
		const ids = [...waiting];
		for (const traceId of ids) this.#askedFor.add(traceId);
		const failures: unknown[] = [];
		const read = async (): Promise<void> => {
			for (let traceId = ids.shift(); traceId !== undefined; traceId = ids.shift()) {
				try {
					await source.loadTrace(traceId, signal);
				} catch (error) {
					if (signal.aborted || isAbortError(error)) throw error;
					// Deleted meanwhile: the session is what is left.
					if (!isNotFound(error)) failures.push(error);
				}
			}
		};
		await Promise.all(Array.from({ length: READERS }, read));
		if (failures.length > 0) throw failures[0];
		this.#store.flush();
		if (!this.isHere) throw new SourceError("notFound", "there is no trace of this session");
	}

	askAgain(): void {
		this.#askedFor.clear();
		this.#isListAskedFor = false;
	}

	dispose(): void {
		for (const { pin } of this.#members.values()) pin.dispose();
		this.#members.clear();
	}

	async #listed(source: Source, signal: AbortSignal): Promise<readonly string[]> {
		try {
			return await source.listSession(this.#sessionId, signal);
		} catch (error) {
			// A server that knows no sessions, or not this one: what is here is what can be shown.
			if (error instanceof SourceError && (error.reason === "unsupported" || isNotFound(error))) return [];
			throw error;
		}
	}

	#unread(): string[] {
		return [...this.#members.keys()].filter(
			(traceId) => !this.#askedFor.has(traceId) && this.#store.entry(traceId)?.isWhole !== true,
		);
	}

	#summary() {
		return this.#sessions.summary(this.#sessionId, [...this.#members.keys()], this.#serverNowMs());
	}

	#join(traceId: string): void {
		this.#members.set(traceId, {
			pin: this.#store.pin(traceId),
			entry: undefined,
			structureRevision: 0,
			taken: 0,
		});
		this.#syncedRevision = -1;
	}

	#leave(traceId: string): void {
		this.#members.get(traceId)?.pin.dispose();
		this.#members.delete(traceId);
		this.#rebuild();
	}

	/**
	 * Takes in the rows that the store has by now: also those that no change set has told of yet, which others may name as
	 * their parents.
	 */
	#sync(): void {
		if (this.#syncedRevision === this.#store.revision) return;
		this.#syncedRevision = this.#store.revision;
		for (const [traceId, member] of this.#members) {
			const entry = this.#store.entry(traceId);
			const isKnown = member.entry !== undefined;
			if (isKnown && (entry !== member.entry || entry?.structureRevision !== member.structureRevision)) {
				this.#rebuild();
				return;
			}
			this.#take(member, entry);
		}
	}

	#rebuild(): void {
		this.#structureRevision++;
		this.#syncedRevision = this.#store.revision;
		this.#rows = [];
		this.#rowOfId = new Map();
		this.#otherIds = new Map();
		for (const [traceId, member] of this.#members) {
			member.taken = 0;
			this.#take(member, this.#store.entry(traceId));
		}
	}

	#take(member: Member, entry: TraceEntry | undefined): void {
		member.entry = entry;
		if (entry === undefined) return;
		member.structureRevision = entry.structureRevision;
		for (; member.taken < entry.rows.length; member.taken++) this.#add(entry.rows[member.taken], entry.traceId);
	}

	#add(row: number, traceId: string): void {
		if (row >= this.#ordinals.length) {
			this.#ordinals = grown(Uint32Array, this.#ordinals, Math.max(row + 1, this.#store.columns.used));
		}
		this.#ordinals[row] = this.#rows.push(row) - 1;
		const spanId = this.#store.columns.ids[row];
		let id = spanId;
		if (this.#rowOfId.has(spanId)) {
			id = `${spanId} ${traceId}`;
			this.#otherIds.set(row, id);
		}
		this.#rowOfId.set(id, row);
	}

	#idOfRow(row: number): string {
		return this.#otherIds.get(row) ?? this.#store.columns.ids[row];
	}
}

function isNotFound(error: unknown): boolean {
	return error instanceof SourceError && error.reason === "notFound";
}
