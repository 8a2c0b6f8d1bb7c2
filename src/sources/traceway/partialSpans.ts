import type { Disposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { SpanInput } from "../../model/span.ts";
import { pathOf, type TracewayClient } from "./client.ts";
import { decodeSpan } from "./decode.ts";

const MAX_WAITING = 200;
const DELAY_MS = 50;

/** Asks for spans of which an event said too little, one after the other; what is too many comes with the next snapshot. */
export class PartialSpans implements Disposable {
	readonly #client: TracewayClient;
	readonly #logger: Logger;
	readonly #onSpan: (span: SpanInput) => void;
	readonly #waiting = new Set<string>();
	readonly #life = new AbortController();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#isFetching = false;

	constructor(client: TracewayClient, logger: Logger, onSpan: (span: SpanInput) => void) {
		this.#client = client;
		this.#logger = logger;
		this.#onSpan = onSpan;
	}

	request(spanId: string): void {
		if (this.#waiting.size >= MAX_WAITING) return;
		this.#waiting.add(spanId);
		this.#schedule();
	}

	dispose(): void {
		this.#life.abort();
		clearTimeout(this.#timer);
		this.#waiting.clear();
	}

	#schedule(): void {
		if (this.#isFetching || this.#timer !== undefined || this.#life.signal.aborted) return;
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			void this.#fetchAll();
		}, DELAY_MS);
	}

	async #fetchAll(): Promise<void> {
		const { signal } = this.#life;
		this.#isFetching = true;
		for (const spanId of this.#waiting) {
			this.#waiting.delete(spanId);
			try {
				const { value } = await this.#client.get(pathOf("spans", spanId), { signal });
				const span = decodeSpan(value);
				if (span !== undefined && !signal.aborted) this.#onSpan(span);
			} catch (error) {
				if (signal.aborted) return;
				// Deleted since, or the server is in trouble, which others notice: the span stays as the event told it.
				this.#logger.debug(`a partial span was not completed: ${describeError(error)}`);
			}
		}
		this.#isFetching = false;
	}
}
