import type { TempoSpan } from "../../../peers/tempoData.ts";
import { TempoPeer } from "../../../peers/tempoPeer.ts";
import type { AddedTrace, ExpectedTrace, SourceFixture, SourcePeer } from "../sourceFixture.ts";

export const tempoFixture: SourceFixture = {
	type: "tempo",
	label: "Grafana Tempo",
	hasTextSearch: false,
	hasTraceSearch: true,
	options: { refreshSeconds: 0.1 },
	start: async () => new TempoSourcePeer(await TempoPeer.start()),
};

/** Spans come to Tempo when they have ended, and only retention takes them away. */
class TempoSourcePeer implements SourcePeer {
	readonly #peer: TempoPeer;
	#count = 0;
	/** Of the programs whose spans it has. */
	#clockOffsetMs = 0;

	constructor(peer: TempoPeer) {
		this.#peer = peer;
	}

	get url(): string {
		return this.#peer.url;
	}

	traces(): readonly ExpectedTrace[] {
		return Array.from(this.#peer.traces, ([traceId, spans]) => ({
			traceId,
			spans: spans.map(({ spanId, parentSpanId, name, error }) => ({
				spanId,
				parentSpanId: parentSpanId ?? null,
				name,
				state: error === undefined ? "completed" : "failed",
			})),
		}));
	}

	addTrace({ name, sessionId }: { name: string; sessionId?: string | undefined }): AddedTrace {
		const traceId = this.#peer.traceId(++this.#count);
		const payload = `payload of ${name} `.repeat(100);
		const session: Readonly<Record<string, string>> = sessionId === undefined ? {} : { "session.id": sessionId };
		const root = this.#span({ name, attributes: session });
		const call = this.#span({
			name: "chat",
			parentSpanId: root.spanId,
			attributes: { "gen_ai.request.model": "gpt-4o-mini", "input.value": payload },
		});
		this.#peer.add(traceId, call, root);
		return { traceId, spanId: call.spanId, payload };
	}

	addSpan(traceId: string): string {
		const span = this.#span({ name: "added", parentSpanId: this.#peer.traces.get(traceId)?.[0].spanId });
		this.#peer.add(traceId, span);
		return span.spanId;
	}

	removeTrace(traceId: string): void {
		this.#peer.delete(traceId);
	}

	setToken(token: string | undefined): void {
		this.#peer.bearer = token;
	}

	setClock(offsetMs: number): void {
		this.#clockOffsetMs = offsetMs;
	}

	async kill(): Promise<void> {
		await this.#peer.stop();
	}

	async revive(): Promise<void> {
		await this.#peer.start();
	}

	async close(): Promise<void> {
		await this.#peer.stop();
	}

	/** Of some milliseconds until now; later ones begin later. */
	#span(fields: Partial<TempoSpan> & { readonly name: string }): TempoSpan {
		const endNs = BigInt(Date.now() + this.#clockOffsetMs) * 1_000_000n + BigInt(this.#count);
		return { spanId: this.#peer.spanId(), startNs: endNs - 5_000_000n, endNs, ...fields };
	}
}
