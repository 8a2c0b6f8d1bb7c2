/** One write of the load. Ids are the load's own, so that a write whose answer was lost can be sent again. */
export type Write =
	| { readonly type: "trace"; readonly id: string }
	| { readonly type: "span"; readonly id: string; readonly traceId: string; readonly parentId: string | null }
	| { readonly type: "end"; readonly id: string; readonly how: "completed" | "failed" }
	| { readonly type: "deleteSpan"; readonly id: string }
	| { readonly type: "deleteTrace"; readonly id: string }
	| { readonly type: "clear" }
	| { readonly type: "otlp"; readonly traceId: string; readonly spans: readonly OtlpSpanPlan[] };

export interface OtlpSpanPlan {
	readonly id: string;
	readonly parentId: string | null;
	readonly isFailed: boolean;
}

/** What was asked of the server for one span, and what it has answered for. */
export interface SpanPromise {
	readonly traceId: string;
	readonly parentId: string | null;
	/** From OpenTelemetry: arrives ended. */
	readonly isWhole: boolean;
	isCreated: boolean;
	/** How its end was asked for. */
	triedEnd: "completed" | "failed" | undefined;
	isEnded: boolean;
	isDeleteTried: boolean;
	isDeleted: boolean;
	/** The server answered that there is no such span. */
	isMissing: boolean;
}

export interface TracePromise {
	isRecorded: boolean;
	isDeleteTried: boolean;
	isDeleted: boolean;
}

/** Everything that the server has acknowledged, and everything that it was asked for, over all rounds. */
export class Ledger {
	readonly spans = new Map<string, SpanPromise>();
	readonly traces = new Map<string, TracePromise>();
	clearsTried = 0;
	clearsAnswered = 0;
	/** Acknowledged writes; each span of a batch counts. */
	acknowledged = 0;
	/** Writes that were under way when the server was killed: done or not, but nothing in between. */
	unanswered: Write[] = [];

	/** Before a write is sent. */
	didTry(write: Write): void {
		switch (write.type) {
			case "trace":
				this.#trace(write.id);
				return;
			case "span":
				this.#span(write.id, write.traceId, write.parentId, false);
				return;
			case "end":
				this.#known(write.id).triedEnd = write.how;
				return;
			case "deleteSpan":
				this.#known(write.id).isDeleteTried = true;
				return;
			case "deleteTrace":
				this.#trace(write.id).isDeleteTried = true;
				return;
			case "clear":
				this.clearsTried++;
				return;
			case "otlp":
				for (const { id, parentId, isFailed } of write.spans) {
					this.#span(id, write.traceId, parentId, true).triedEnd = isFailed ? "failed" : "completed";
				}
				return;
		}
	}

	/** After its answer. Returns what is wrong with the answer. */
	didAnswer(write: Write, status: number): string | undefined {
		switch (write.type) {
			case "trace":
				if (status !== 201) return unexpected(write, status);
				this.#trace(write.id).isRecorded = true;
				break;
			case "span":
				if (status !== 201) return unexpected(write, status);
				this.#known(write.id).isCreated = true;
				break;
			case "end": {
				const span = this.#known(write.id);
				// 409: the write was done the first time, only its answer was lost.
				if (status === 200 || status === 409) span.isEnded = true;
				else if (status === 404) span.isMissing = true;
				else return unexpected(write, status);
				break;
			}
			case "deleteSpan": {
				const span = this.#known(write.id);
				if (status === 200) span.isDeleted = true;
				else if (status === 404) span.isMissing = true;
				else return unexpected(write, status);
				break;
			}
			case "deleteTrace":
				if (status !== 200 && status !== 404) return unexpected(write, status);
				this.#trace(write.id).isDeleted = true;
				break;
			case "clear":
				if (status !== 200) return unexpected(write, status);
				this.clearsAnswered++;
				break;
			case "otlp":
				if (status !== 200) return unexpected(write, status);
				for (const { id } of write.spans) {
					const span = this.#known(id);
					span.isCreated = true;
					span.isEnded = true;
				}
				this.acknowledged += write.spans.length - 1;
				break;
		}
		this.acknowledged++;
		return undefined;
	}

	#known(id: string): SpanPromise {
		const span = this.spans.get(id);
		if (span === undefined) throw new Error(`the load ended a span that it never began: ${id}`);
		return span;
	}

	#span(id: string, traceId: string, parentId: string | null, isWhole: boolean): SpanPromise {
		let span = this.spans.get(id);
		if (span === undefined) {
			span = {
				traceId,
				parentId,
				isWhole,
				isCreated: false,
				triedEnd: undefined,
				isEnded: false,
				isDeleteTried: false,
				isDeleted: false,
				isMissing: false,
			};
			this.spans.set(id, span);
			this.#trace(traceId);
		}
		return span;
	}

	#trace(id: string): TracePromise {
		let trace = this.traces.get(id);
		if (trace === undefined) {
			trace = { isRecorded: false, isDeleteTried: false, isDeleted: false };
			this.traces.set(id, trace);
		}
		return trace;
	}
}

function unexpected(write: Write, status: number): string {
	return `${JSON.stringify(write).slice(0, 200)} was answered with ${status}`;
}
