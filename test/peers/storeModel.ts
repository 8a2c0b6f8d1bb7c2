import type { TraceStore } from "../../src/model/traceStore.ts";
import type { TracewayPeer } from "./tracewayPeer.ts";

/** One span as both sides can state it. */
export interface ModelSpan {
	readonly spanId: string;
	readonly traceId: string;
	readonly parentSpanId: string | null;
	readonly name: string;
	readonly kind: string;
	readonly model: string | undefined;
	readonly tokens: readonly (number | undefined)[];
	readonly state: string;
	readonly error: string | undefined;
	readonly startMs: number | undefined;
	readonly endMs: number | undefined;
}

export interface Model {
	readonly traceIds: readonly string[];
	readonly spans: readonly ModelSpan[];
}

/** What the store shows. */
export function modelOfStore(store: TraceStore): Model {
	const spans: ModelSpan[] = [];
	for (const entry of store.entries()) {
		for (const row of entry.rows) {
			const span = store.spanAt(row);
			spans.push({
				spanId: span.spanId,
				traceId: span.traceId,
				parentSpanId: span.parentSpanId ?? null,
				name: span.name,
				kind: span.kindName,
				model: span.model,
				tokens: [span.inputTokens, span.outputTokens],
				state: span.state,
				error: span.error,
				startMs: span.start?.ms,
				endMs: span.end?.ms,
			});
		}
	}
	return { traceIds: [...store.entries()].map((entry) => entry.traceId).sort(), spans: spans.sort(byId) };
}

/** What the server has. */
export function modelOfPeer(peer: TracewayPeer): Model {
	const spans = [...peer.spans.values()].map((span): ModelSpan => {
		const { type, kind, model, input_tokens, output_tokens } = span.kind;
		return {
			spanId: span.id,
			traceId: span.trace_id,
			parentSpanId: span.parent_id,
			name: span.name,
			kind: String(type === "custom" ? (kind ?? "custom") : type),
			model: model as string | undefined,
			tokens: [input_tokens as number | undefined, output_tokens as number | undefined],
			state: typeof span.status === "string" ? span.status : "failed",
			error: typeof span.status === "string" ? undefined : span.status.failed.error,
			startMs: Date.parse(span.started_at),
			endMs: span.ended_at === null ? undefined : Date.parse(span.ended_at),
		};
	});
	const traceIds = new Set([...peer.traces.keys(), ...spans.map((span) => span.traceId)]);
	return { traceIds: [...traceIds].sort(), spans: spans.sort(byId) };
}

/** How the store differs from the server: nothing, when they agree; at most five of each kind. */
export function differences(store: TraceStore, peer: TracewayPeer): string[] {
	const shown = linesOf(modelOfStore(store));
	const wanted = linesOf(modelOfPeer(peer));
	const extra = [...shown].filter((line) => !wanted.has(line)).map((line) => `only here: ${line}`);
	const missing = [...wanted].filter((line) => !shown.has(line)).map((line) => `only there: ${line}`);
	return [...extra.slice(0, 5), ...missing.slice(0, 5)];
}

function linesOf(model: Model): Set<string> {
	return new Set([...model.traceIds.map((id) => `trace ${id}`), ...model.spans.map((span) => JSON.stringify(span))]);
}

function byId(a: ModelSpan, b: ModelSpan): number {
	return a.spanId < b.spanId ? -1 : a.spanId > b.spanId ? 1 : 0;
}
