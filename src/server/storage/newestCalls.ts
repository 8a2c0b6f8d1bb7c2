import { setImmediate as nextTurn } from "node:timers/promises";
import { modelCallPreview, toolCallPreview } from "../../model/callPreview.ts";
import type { CallPreview, OverviewCall } from "../../model/overview.ts";
import { SPAN_STATES, SpanStateCode } from "../../model/span.ts";
import type { Database, Statement } from "./database.ts";

/** A longer payload is not parsed for a line of it. */
const MAX_PARSED_BYTES = 200_000;
/** Characters of a longer one that are looked at. */
const HEAD_CHARS = 2_000;
/** Previews of calls that have ended, which do not change. */
const MAX_CACHED = 1000;
const BYTES_PER_TURN = 1_000_000;

interface CallRow {
	readonly traceId: string;
	readonly spanId: string;
	readonly name: string;
	readonly model: string | null;
	readonly toolName: string | null;
	readonly agentName: string | null;
	readonly cost: number | null;
	readonly status: number;
	readonly error: string | null;
	readonly startMs: number;
	readonly startSub: number;
	readonly durationMs: number | null;
}

interface PayloadRow {
	readonly input: string | null;
	readonly output: string | null;
	readonly attributes: string | null;
	readonly isInputCut: number;
	readonly isOutputCut: number;
}

/** Reads single calls with a line of what went in and out. */
export class NewestCalls {
	readonly #row: Statement;
	readonly #payload: Statement;
	/** By row number. */
	readonly #previews = new Map<number, CallPreview>();

	constructor(database: Database) {
		this.#row = database.prepare(
			`SELECT t.id AS traceId, s.id AS spanId, s.name, s.model, s.tool_name AS toolName, s.agent_name AS agentName, s.cost,
				s.status, s.error, s.start_ms AS startMs, s.start_sub AS startSub, s.duration_ms AS durationMs
			FROM spans s JOIN traces t ON t.ref = s.trace WHERE s.seq = ?`,
		);
		const side = (name: string) =>
			`CASE WHEN octet_length(${name}) <= ${MAX_PARSED_BYTES} THEN ${name} ELSE substr(${name}, 1, ${HEAD_CHARS}) END`;
		this.#payload = database.prepare(
			`SELECT ${side("input")} AS input, ${side("output")} AS output,
				CASE WHEN octet_length(attributes) <= ${MAX_PARSED_BYTES} THEN attributes END AS attributes,
				coalesce(octet_length(input) > ${MAX_PARSED_BYTES}, 0) AS isInputCut,
				coalesce(octet_length(output) > ${MAX_PARSED_BYTES}, 0) AS isOutputCut
			FROM payloads WHERE seq = ?`,
		);
	}

	/** The calls of these row numbers that are still there, in this order. */
	async read(seqs: readonly number[], isModel: boolean): Promise<readonly OverviewCall[]> {
		const calls: OverviewCall[] = [];
		let bytes = 0;
		for (const seq of seqs) {
			const row = this.#row.get(seq) as unknown as CallRow | undefined;
			// Deleted since it was counted.
			if (row === undefined) continue;
			let preview = this.#previews.get(seq);
			if (preview === undefined) {
				const payload = this.#payload.get(seq) as unknown as PayloadRow | undefined;
				bytes += (payload?.input?.length ?? 0) + (payload?.output?.length ?? 0);
				preview = previewOf(payload, isModel);
				if (row.status !== SpanStateCode.running) this.#keep(seq, preview);
			}
			calls.push({
				traceId: row.traceId,
				spanId: row.spanId,
				startMs: row.startMs + row.startSub / 1e6,
				durationMs: row.durationMs,
				state: SPAN_STATES[row.status],
				error: row.error,
				name: (isModel ? row.model : row.toolName || row.name) || null,
				agent: row.agentName || null,
				costUsd: row.cost,
				isCostEstimated: false,
				preview,
			});
			if (bytes < BYTES_PER_TURN) continue;
			bytes = 0;
			await nextTurn();
		}
		return calls;
	}

	#keep(seq: number, preview: CallPreview): void {
		if (this.#previews.size >= MAX_CACHED) {
			const [oldest] = this.#previews.keys();
			this.#previews.delete(oldest);
		}
		this.#previews.set(seq, preview);
	}
}

function previewOf(payload: PayloadRow | undefined, isModel: boolean): CallPreview {
	const input = sideOf(payload?.input ?? null, payload?.isInputCut === 1);
	const output = sideOf(payload?.output ?? null, payload?.isOutputCut === 1);
	if (!isModel) return toolCallPreview({ input, output });
	const attributes = payload?.attributes == null ? {} : (JSON.parse(payload.attributes) as Record<string, unknown>);
	return modelCallPreview({ input, output, attributes });
}

/** The stored JSON as a value, or what there is of its text. */
function sideOf(json: string | null, isCut: boolean): unknown {
	if (json === null) return undefined;
	// A string begins with its quote, which the reader does not need.
	return isCut ? json.replace(/^"/, "") : (JSON.parse(json) as unknown);
}
