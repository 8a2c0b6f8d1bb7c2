import { CloudgridPeer } from "../../../peers/cloudgridPeer.ts";
import type { AddedTrace, ExpectedTrace, SourceFixture, SourcePeer } from "../sourceFixture.ts";

export const cloudgridFixture: SourceFixture = {
	type: "cloudgrid",
	label: "CloudGrid",
	hasTextSearch: false,
	// It has one, but none that takes case as it is written.
	hasTraceSearch: false,
	start: async () => new CloudgridSourcePeer(await CloudgridPeer.start({ heartbeatMs: 300 })),
};

const SCOPES = ["telemetry:read", "telemetry:live"];

class CloudgridSourcePeer implements SourcePeer {
	readonly #peer: CloudgridPeer;

	constructor(peer: CloudgridPeer) {
		this.#peer = peer;
	}

	get url(): string {
		return this.#peer.url;
	}

	traces(): readonly ExpectedTrace[] {
		return [...this.#peer.traces.values()].map(({ id, spans }) => ({
			traceId: id,
			spans: [...spans.values()].map((span) => ({
				spanId: span.id,
				parentSpanId: span.parentSpanId,
				name: span.name,
				state: span.endNs === undefined ? "running" : span.status === "error" ? "failed" : "completed",
			})),
		}));
	}

	addTrace({ name, sessionId }: { name: string; sessionId?: string | undefined }): AddedTrace {
		const payload = `payload of ${name} `.repeat(100);
		const attributes = { "gen_ai.prompt": payload, ...(sessionId === undefined ? {} : { "session.id": sessionId }) };
		const endNs = 1_900_000_000_000_000_000n;
		const traceId = this.#peer.addTrace({
			spans: [
				{ name, endNs },
				{ name: "chat", endNs, attributes },
			],
		});
		const spanId = [...(this.#peer.traces.get(traceId)?.spans.keys() ?? [])][1];
		return { traceId, spanId, payload };
	}

	addSpan(traceId: string): string {
		return this.#peer.addSpan(traceId, { endNs: 1_900_000_000_000_000_000n });
	}

	startSpan(traceId: string): string {
		return this.#peer.addSpan(traceId);
	}

	endSpan(traceId: string, spanId: string): void {
		this.#peer.endSpan(traceId, spanId);
	}

	removeTrace(traceId: string): void {
		this.#peer.deleteTrace(traceId);
	}

	setToken(token: string | undefined): void {
		this.#peer.mode = token === undefined ? "local" : "sso";
		this.#peer.tokens.clear();
		if (token !== undefined) this.#peer.tokens.set(token, { scopes: SCOPES, project: "default" });
	}

	setClock(offsetMs: number): void {
		this.#peer.clockOffsetMs = offsetMs;
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
