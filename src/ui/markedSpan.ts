import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../base/disposable.ts";
import { Emitter } from "../base/emitter.ts";
import type { ChangeSet } from "../model/changeWindow.ts";
import { ContextKey } from "./ids.ts";
import type { SourceConnection } from "./sources/sourceConnection.ts";
import type { SourceManager } from "./sources/sourceManager.ts";

export interface SpanAddress {
	readonly traceId: string;
	readonly spanId: string;
}

/** A span and the connection that it came from: two sources may have the same span. */
export interface BoundSpan extends SpanAddress {
	readonly connection: SourceConnection;
}

/** The span that was marked for a comparison, of any source; none any more when it, its trace or its source goes. */
export class MarkedSpan implements Disposable {
	readonly #owned = new DisposableStore();
	readonly #onDidChange = this.#owned.add(new Emitter<void>());
	readonly onDidChange = this.#onDidChange.event;
	#life = new DisposableStore();
	#span: BoundSpan | undefined;

	constructor(manager: SourceManager) {
		this.#owned.add(
			manager.onDidClose((connection) => {
				if (connection === this.#span?.connection) this.clear();
			}),
		);
	}

	get span(): BoundSpan | undefined {
		return this.#span;
	}

	isMarked(connection: SourceConnection | undefined, { traceId, spanId }: SpanAddress): boolean {
		const span = this.#span;
		return span?.spanId === spanId && span.traceId === traceId && span.connection === connection;
	}

	mark({ connection, traceId, spanId }: BoundSpan): void {
		this.#life.dispose();
		this.#life = new DisposableStore();
		this.#span = { connection, traceId, spanId };
		this.#life.add(connection.store.onDidChange((changes) => this.#handleChange(changes)));
		this.#announce();
	}

	clear(): void {
		if (this.#span === undefined) return;
		this.#life.dispose();
		this.#span = undefined;
		this.#announce();
	}

	dispose(): void {
		this.#life.dispose();
		this.#owned.dispose();
	}

	#handleChange(changes: ChangeSet): void {
		if (this.#span === undefined) return;
		const { connection, traceId, spanId } = this.#span;
		const mayBeGone =
			changes.isCleared ||
			changes.removedTraceIds.includes(traceId) ||
			changes.changedTraces.get(traceId)?.isRestructured === true;
		if (mayBeGone && connection.store.rowOf(spanId, traceId) === undefined) this.clear();
	}

	#announce(): void {
		void vscode.commands.executeCommand("setContext", ContextKey.hasMarkedSpan, this.#span !== undefined);
		this.#onDidChange.fire();
	}
}
