import type { Disposable } from "../base/disposable.ts";
import { Emitter, type Event } from "../base/emitter.ts";

/** What changed in one trace since the last change set. Rows are valid while the listener runs. */
export interface TraceChange {
	/** Rows that were added or changed. */
	readonly rows: ReadonlySet<number>;
	/** Spans were removed, or the trace was removed and created again: ordinals moved, so a delta will not do. */
	readonly isRestructured: boolean;
}

/** Everything that changed within one coalescing window. */
export interface ChangeSet {
	readonly revision: number;
	readonly changedTraces: ReadonlyMap<string, TraceChange>;
	readonly removedTraceIds: readonly string[];
	/** Traces first seen here through live events, for highlights; history is not among them. */
	readonly newLiveTraceIds: readonly string[];
	/** The whole store was emptied. */
	readonly isCleared: boolean;
}

interface PendingChange {
	readonly rows: Set<number>;
	isRestructured: boolean;
}

/**
 * Gathers the changes of a store and announces them once a window: the first change after an announcement starts the
 * window's clock. What is removed again within a window is announced as removed only.
 */
export class ChangeWindow implements Disposable {
	readonly #windowMs: number;
	#revision = 0;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#changed = new Map<string, PendingChange>();
	#removed = new Set<string>();
	#newLive = new Set<string>();
	#isCleared = false;
	#isDisposed = false;
	readonly #onDidChange = new Emitter<ChangeSet>();
	readonly onDidChange: Event<ChangeSet> = this.#onDidChange.event;

	constructor(windowMs: number) {
		this.#windowMs = windowMs;
	}

	/** Moves with each change. */
	get revision(): number {
		return this.#revision;
	}

	/** Before the first change of a new trace. */
	addTrace(traceId: string, isLive: boolean): void {
		// Removed and created within one window: who listens must not join the two.
		if (this.#removed.delete(traceId)) this.#changeOf(traceId).isRestructured = true;
		if (isLive) this.#newLive.add(traceId);
	}

	changeTrace(traceId: string, row?: number): void {
		const change = this.#changeOf(traceId);
		if (row !== undefined) change.rows.add(row);
		this.#schedule();
	}

	/** Rows of a trace are gone: nobody may hear of them, their numbers will mean other spans. */
	removeRows(traceId: string, rows: ReadonlySet<number>): void {
		const change = this.#changeOf(traceId);
		change.isRestructured = true;
		for (const row of rows) change.rows.delete(row);
		this.#schedule();
	}

	removeTrace(traceId: string): void {
		this.#changed.delete(traceId);
		this.#newLive.delete(traceId);
		this.#removed.add(traceId);
		this.#schedule();
	}

	/** Everything is gone; stands for all changes and removals before it. */
	clear(): void {
		this.#removed.clear();
		this.#changed.clear();
		this.#newLive.clear();
		this.#isCleared = true;
		this.#schedule();
	}

	/** Announces what is waiting now, without the rest of the window. */
	flush(): void {
		if (this.#timer !== undefined) clearTimeout(this.#timer);
		this.#timer = undefined;
		if (this.#changed.size === 0 && this.#removed.size === 0 && !this.#isCleared) return;
		const changes: ChangeSet = {
			revision: this.#revision,
			changedTraces: this.#changed,
			removedTraceIds: [...this.#removed],
			newLiveTraceIds: [...this.#newLive],
			isCleared: this.#isCleared,
		};
		this.#changed = new Map();
		this.#removed = new Set();
		this.#newLive = new Set();
		this.#isCleared = false;
		this.#onDidChange.fire(changes);
	}

	dispose(): void {
		this.#isDisposed = true;
		if (this.#timer !== undefined) clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#onDidChange.dispose();
	}

	#changeOf(traceId: string): PendingChange {
		let change = this.#changed.get(traceId);
		if (change === undefined) {
			change = { rows: new Set(), isRestructured: false };
			this.#changed.set(traceId, change);
		}
		return change;
	}

	#schedule(): void {
		this.#revision++;
		if (this.#isDisposed) return;
		this.#timer ??= setTimeout(() => this.flush(), this.#windowMs);
	}
}
