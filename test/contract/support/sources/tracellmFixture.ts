import type { TraceDocument } from "../../../peers/tracellmDocument.ts";
import { TracellmPeer } from "../../../peers/tracellmPeer.ts";
import type { AddedTrace, ExpectedTrace, SourceFixture, SourcePeer } from "../sourceFixture.ts";

export const tracellmFixture: SourceFixture = {
	type: "tracellm",
	label: "TraceLLM",
	hasTextSearch: false,
	hasTraceSearch: false,
	options: { refreshSeconds: 0.25 },
	start: async () => new TracellmSourcePeer(await TracellmPeer.start()),
};

const BASE_MS = Date.UTC(2026, 2, 6, 9);

class TracellmSourcePeer implements SourcePeer {
	readonly #peer: TracellmPeer;
	#count = 0;
	#clockMs = BASE_MS;

	constructor(peer: TracellmPeer) {
		this.#peer = peer;
	}

	get url(): string {
		return this.#peer.url;
	}

	traces(): readonly ExpectedTrace[] {
		return [...this.#peer.traces.values()].map((trace) => ({
			traceId: trace.trace_id,
			spans: [
				{ spanId: trace.trace_id, parentSpanId: null, name: trace.model_name, state: "completed" },
				...trace.steps.map((step) => ({
					spanId: step.step_id,
					parentSpanId: trace.trace_id,
					name: step.tool_name,
					state: "completed" as const,
				})),
			],
		}));
	}

	addTrace({ name }: { name: string }): AddedTrace {
		const traceId = `tr-${String(++this.#count).padStart(6, "0")}`;
		const payload = `payload of ${name} `.repeat(100);
		this.#peer.save({
			trace_id: traceId,
			prompt: name,
			response: "done",
			latency: 900,
			token_count: 12,
			model_name: "gpt-4.1-mini",
			created_at: new Date(this.#clockMs + this.#count * 1000),
			steps: [
				{
					tool_name: "search",
					input: { q: payload },
					duration: 10,
					timestamp: new Date(this.#clockMs + this.#count * 1000),
				},
			],
		});
		return { traceId, spanId: "step_1", payload };
	}

	/** Saves the document anew with one step more. */
	addSpan(traceId: string): string {
		const trace = this.#peer.traces.get(traceId) as TraceDocument;
		const saved = this.#peer.save({ ...trace, steps: [...trace.steps, { tool_name: "fetch", duration: 5 }] });
		return saved?.steps.at(-1)?.step_id ?? "";
	}

	removeTrace(traceId: string): void {
		this.#peer.remove(traceId);
	}

	setToken(token: string | undefined): void {
		this.#peer.token = token;
	}

	setClock(offsetMs: number): void {
		this.#clockMs = Date.now() + offsetMs;
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
