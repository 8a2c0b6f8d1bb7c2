import type { Disposable } from "../../base/disposable.ts";
import { OVERVIEW_CALLS } from "../../model/overview.ts";
import type { CallKind, HostToOverview, WantedCall } from "../../protocol/overviewMessages.ts";
import type { Source } from "../../sources/source.ts";

/** Spans read at once: their payloads may be large. */
const PARALLEL = 4;

type Preview = Extract<HostToOverview, { readonly type: "previews/value" }>["previews"][number];

/** What of a connection is needed here. */
interface Connection {
	whenSource(signal: AbortSignal): Promise<Pick<Source, "loadSpan">>;
}

/**
 * Reads calls that a source's overview had no texts of, a few at a time, the ones that were asked for last first, each
 * once. A call that cannot be read has nothing to show; it can be opened to see why.
 */
export class CallPreviews implements Disposable {
	readonly #connection: Connection;
	readonly #onPreviews: (previews: readonly Preview[]) => void;
	readonly #abort = new AbortController();
	readonly #asked = new Set<string>();
	#waiting: (WantedCall & { readonly kind: CallKind })[] = [];
	#running = 0;

	constructor(connection: Connection, onPreviews: (previews: readonly Preview[]) => void) {
		this.#connection = connection;
		this.#onPreviews = onPreviews;
	}

	want(kind: CallKind, calls: readonly WantedCall[]): void {
		const fresh = calls.filter(({ traceId, spanId, isRunning }) => {
			const key = JSON.stringify([traceId, spanId, isRunning]);
			if (this.#asked.has(key)) return false;
			this.#asked.add(key);
			return true;
		});
		this.#waiting = [...fresh.map((call) => ({ ...call, kind })), ...this.#waiting].slice(0, 4 * OVERVIEW_CALLS);
		while (this.#running < PARALLEL && this.#waiting.length > 0) void this.#work();
	}

	dispose(): void {
		this.#abort.abort();
		this.#waiting = [];
	}

	async #work(): Promise<void> {
		this.#running++;
		for (;;) {
			const next = this.#waiting.shift();
			if (next === undefined || this.#abort.signal.aborted) break;
			const preview = await this.#read(next);
			if (!this.#abort.signal.aborted) this.#onPreviews([preview]);
		}
		this.#running--;
	}

	async #read({ kind, ...call }: WantedCall & { readonly kind: CallKind }): Promise<Preview> {
		const { signal } = this.#abort;
		try {
			const source = await this.#connection.whenSource(signal);
			const { input, output, attributes } = await source.loadSpan(call.traceId, call.spanId, signal);
			const { modelCallPreview, toolCallPreview } = await import("../../model/callPreview.ts");
			const make = kind === "model" ? modelCallPreview : toolCallPreview;
			return { ...call, preview: make({ input, output, attributes }) };
		} catch {
			// Deleted, too large, or the connection is gone, which the page shows as such; the row can be opened to see why.
			return { ...call, preview: { input: null, output: null, finishReason: null } };
		}
	}
}

/** Calls that a page asks for, at most as many as it can show. */
export function checkedCalls(value: unknown): readonly WantedCall[] {
	if (!Array.isArray(value)) return [];
	return value.slice(0, OVERVIEW_CALLS).flatMap((call: Partial<WantedCall> | null) => {
		const { traceId, spanId, isRunning } = call ?? {};
		if (typeof traceId !== "string" || typeof spanId !== "string") return [];
		return [{ traceId, spanId, isRunning: isRunning === true }];
	});
}
