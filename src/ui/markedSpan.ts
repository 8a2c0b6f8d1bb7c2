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

/** The span that was marked for a comparison; none any more when it, its trace or its source goes. */
export class MarkedSpan implements Disposable {
	readonly #owned = new DisposableStore();
	readonly #onDidChange = this.#owned.add(new Emitter<void>());
	readonly onDidChange = this.#onDidChange.event;
	#life = new DisposableStore();
	#connection: SourceConnection | undefined;
	#address: SpanAddress | undefined;

	constructor(manager: SourceManager) {
		this.#owned.add(
			manager.onDidChangeActive(() => {
				if (manager.active !== this.#connection) this.clear();
			}),
		);
	}

	get address(): SpanAddress | undefined {
		return this.#address;
	}

	/** The marked span of this connection. */
	of(connection: SourceConnection | undefined): SpanAddress | undefined {
		return connection === this.#connection ? this.#address : undefined;
	}

	isMarked(traceId: string, spanId: string): boolean {
		return this.#address?.spanId === spanId && this.#address.traceId === traceId;
	}

	mark(connection: SourceConnection, { traceId, spanId }: SpanAddress): void {
		this.#life.dispose();
		this.#life = new DisposableStore();
		this.#connection = connection;
		this.#address = { traceId, spanId };
		this.#life.add(connection.store.onDidChange((changes) => this.#handleChange(changes)));
		this.#announce();
	}

	clear(): void {
		if (this.#address === undefined) return;
		this.#life.dispose();
		this.#connection = undefined;
		this.#address = undefined;
		this.#announce();
	}

	dispose(): void {
		this.#life.dispose();
		this.#owned.dispose();
	}

	#handleChange(changes: ChangeSet): void {
		const { traceId = "", spanId = "" } = this.#address ?? {};
		const mayBeGone =
			changes.isCleared ||
			changes.removedTraceIds.includes(traceId) ||
			changes.changedTraces.get(traceId)?.isRestructured === true;
		if (mayBeGone && this.#connection?.store.rowOf(spanId, traceId) === undefined) this.clear();
	}

	#announce(): void {
		void vscode.commands.executeCommand("setContext", ContextKey.hasMarkedSpan, this.#address !== undefined);
		this.#onDidChange.fire();
	}
}
