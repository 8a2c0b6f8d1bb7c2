import type { TraceBody } from "./traceBody.ts";

/** For all bodies together. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * The bodies of the traces that were looked at last, so that a click on a span does not fetch its trace again. Spans in Tempo do
 * not change once they are there: a body may lack new ones, but what it has is right.
 */
export class TraceBodies {
	readonly #bodies = new Map<string, TraceBody>();
	#bytes = 0;

	get(traceId: string): TraceBody | undefined {
		const body = this.#bodies.get(traceId);
		if (body === undefined) return undefined;
		// Used last, dropped last.
		this.#bodies.delete(traceId);
		this.#bodies.set(traceId, body);
		return body;
	}

	keep(traceId: string, body: TraceBody): void {
		this.forget(traceId);
		if (body.bytes.length > MAX_BYTES) return;
		this.#bodies.set(traceId, body);
		this.#bytes += body.bytes.length;
		for (const [oldest] of this.#bodies) {
			if (this.#bytes <= MAX_BYTES) return;
			this.forget(oldest);
		}
	}

	forget(traceId: string): void {
		const body = this.#bodies.get(traceId);
		if (body === undefined) return;
		this.#bodies.delete(traceId);
		this.#bytes -= body.bytes.length;
	}

	clear(): void {
		this.#bodies.clear();
		this.#bytes = 0;
	}
}
