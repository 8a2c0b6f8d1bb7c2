import { isAbortError } from "../../base/abort.ts";
import { type Disposable, toDisposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import { joinQueryValues, knownQueryValues, type QueryValues } from "../../model/queryComplete.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { Source } from "../../sources/source.ts";

export interface FilterValuesOptions {
	readonly store: TraceStore;
	readonly source: () => Source | undefined;
	readonly onKnown: (values: QueryValues) => void;
	readonly logger: Logger;
}

/** What a backend said is good for so long. */
const KEPT_MS = 60_000;

/**
 * The values that a filter offers behind its keys: those of the traces here at once, and behind them those that only the backend
 * knows, as soon as it has said them. A failure leaves what is here.
 */
export class FilterValues implements Disposable {
	readonly #options: FilterValuesOptions;
	readonly #abort = new AbortController();
	readonly #end = toDisposable(() => this.#abort.abort());
	#remote: QueryValues = {};
	#askedAtMs = Number.NEGATIVE_INFINITY;

	constructor(options: FilterValuesOptions) {
		this.#options = options;
	}

	/** Answers through `onKnown`, once or twice. */
	load(): void {
		if (this.#abort.signal.aborted) return;
		this.#tell();
		const source = this.#options.source();
		if (source?.loadQueryValues === undefined || performance.now() - this.#askedAtMs < KEPT_MS) return;
		this.#askedAtMs = performance.now();
		source.loadQueryValues(this.#abort.signal).then(
			(values) => {
				if (this.#abort.signal.aborted) return;
				this.#remote = values;
				this.#tell();
			},
			(error: unknown) => {
				if (!isAbortError(error)) this.#options.logger.debug(`values of the filter: ${describeError(error)}`);
			},
		);
	}

	dispose(): void {
		this.#end.dispose();
	}

	#tell(): void {
		const { store, onKnown } = this.#options;
		onKnown(joinQueryValues(knownQueryValues(store), this.#remote));
	}
}
