import { sessionOf } from "../../../peers/traceExplorerData.ts";
import { rootIdOf, TraceExplorerPeer } from "../../../peers/traceExplorerPeer.ts";
import type { AddedTrace, ExpectedSpan, ExpectedTrace, SourceFixture, SourcePeer } from "../sourceFixture.ts";

export const traceExplorerFixture: SourceFixture = {
	type: "traceExplorer",
	label: "Trace Explorer",
	hasTextSearch: false,
	hasTraceSearch: true,
	isSessionTrace: true,
	options: { refreshSeconds: 0.1 },
	start: async () => new ExplorerSourcePeer(await TraceExplorerPeer.start()),
};

class ExplorerSourcePeer implements SourcePeer {
	readonly #peer: TraceExplorerPeer;
	#count = 0;

	constructor(peer: TraceExplorerPeer) {
		this.#peer = peer;
	}

	get url(): string {
		return this.#peer.url;
	}

	traces(): readonly ExpectedTrace[] {
		const ids = new Set(this.#peer.spans.map(sessionOf));
		return [...ids].map((traceId) => ({ traceId, spans: this.#spansOf(traceId) }));
	}

	/** Only what has ended is on this wire, but for the placeholder of a root that has not come. */
	#spansOf(sessionId: string): ExpectedSpan[] {
		const own = this.#peer.spans.filter((span) => sessionOf(span) === sessionId);
		const root = rootIdOf(sessionId);
		const spans = own.map(
			(span): ExpectedSpan => ({
				spanId: span.span_id,
				parentSpanId: span.parent_span_id,
				name: span.span_name,
				state: "completed",
			}),
		);
		if (own.some(({ span_id }) => span_id === root)) return spans;
		return [{ spanId: root, parentSpanId: null, name: "opencode.session", state: "running" }, ...spans];
	}

	addTrace(trace: { name: string }): AddedTrace {
		const added = this.openTrace(trace);
		this.#peer.endSession(added.traceId);
		return added;
	}

	openTrace({ name }: { name: string }): AddedTrace {
		const traceId = `ses_${String(++this.#count).padStart(6, "0")}`;
		const payload = `payload of ${name} `.repeat(100);
		const { span_id: spanId } = this.#peer.addModelCall(traceId, { attributes: { "input.value": payload } });
		return { traceId, spanId, payload };
	}

	addSpan(traceId: string): string {
		return this.#peer.addToolCall(traceId, "bash").span_id;
	}

	removeTrace(traceId: string): void {
		this.#peer.removeSession(traceId);
	}

	setToken(token: string | undefined): void {
		this.#peer.authorization = token === undefined ? undefined : `Bearer ${token}`;
	}

	setClock(offsetMs: number): void {
		this.#peer.clockOffsetMs = offsetMs;
	}

	callCount(): number {
		return this.#peer.spans.filter(({ attributes }) => "llm.model_name" in attributes).length;
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
}
