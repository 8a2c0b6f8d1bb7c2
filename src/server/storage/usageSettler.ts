import { countUsage, nanoUsd } from "../../model/usage.ts";
import type { Database, Statement } from "./database.ts";
import type { FilterColumns } from "./filterColumns.ts";
import type { TraceTable, UsageSums } from "./traceTable.ts";

interface UsageRow {
	readonly seq: number;
	readonly id: string;
	readonly parentId: string | null;
	readonly kindType: string;
	readonly model: string | null;
	readonly input: number | null;
	readonly output: number | null;
	readonly cacheRead: number | null;
	readonly cacheWrite: number | null;
	readonly reasoning: number | null;
	readonly cost: number | null;
	readonly isRollup: number;
	readonly counts: number;
}

/**
 * Decides for the spans of a trace whose usage counts (`model/usage.ts`) and writes the sums of the trace. Put off until somebody
 * asks for sums: while spans arrive in any order, each could change what its ancestors count for.
 */
export class UsageSettler {
	readonly #traces: TraceTable;
	readonly #columns: FilterColumns;
	readonly #ofTrace: Statement;
	readonly #setCounts: Statement;

	constructor(database: Database, traces: TraceTable, columns: FilterColumns) {
		this.#traces = traces;
		this.#columns = columns;
		this.#ofTrace = database.prepare(
			`SELECT s.seq, s.id, s.parent_id AS parentId, s.kind_type AS kindType, s.model, s.input_tokens AS input,
				s.output_tokens AS output, s.cache_read_tokens AS cacheRead, s.cache_write_tokens AS cacheWrite,
				s.reasoning_tokens AS reasoning, s.cost, s.is_rollup AS isRollup, s.counts
			FROM trace_spans x CROSS JOIN spans s ON s.seq = x.seq WHERE x.trace = ?`,
		);
		this.#setCounts = database.prepare("UPDATE spans SET counts = ? WHERE seq = ?");
	}

	/** In a transaction, with the index by trace up to date. */
	settle(ref: number, id: string): void {
		const rows = this.#ofTrace.all(ref) as unknown as UsageRow[];
		const counts = countUsage(usageRows(rows));
		for (const [index, row] of rows.entries()) {
			if (row.counts === counts[index]) continue;
			this.#setCounts.run(counts[index], row.seq);
			this.#columns.setCounts(row.seq, counts[index]);
		}
		this.#traces.setSums(ref, id, sumsOf(rows, counts));
	}
}

function usageRows(rows: readonly UsageRow[]) {
	const rowOfId = new Map(rows.map(({ id }, index) => [id, index]));
	const column = (read: (row: UsageRow) => number | null) => Float64Array.from(rows, (row) => read(row) ?? Number.NaN);
	return {
		count: rows.length,
		parentRow: Int32Array.from(rows, ({ parentId }) => (parentId === null ? -1 : (rowOfId.get(parentId) ?? -1))),
		input: column((row) => row.input),
		output: column((row) => row.output),
		cacheRead: column((row) => row.cacheRead),
		cacheWrite: column((row) => row.cacheWrite),
		reasoning: column((row) => row.reasoning),
		costNano: column((row) => (row.cost === null ? null : nanoUsd(row.cost))),
		isRollup: Uint8Array.from(rows, (row) => row.isRollup),
		model: rows.map(({ model }) => model),
	};
}

function sumsOf(rows: readonly UsageRow[], counts: Uint8Array): UsageSums {
	let llmCalls = 0;
	const sums: Record<Exclude<keyof UsageSums, "llmCalls">, number | null> = {
		inputTokens: null,
		outputTokens: null,
		cacheReadTokens: null,
		cacheWriteTokens: null,
		reasoningTokens: null,
		costNano: null,
	};
	const add = (name: keyof typeof sums, value: number | null) => {
		if (value !== null) sums[name] = (sums[name] ?? 0) + value;
	};
	for (const [index, row] of rows.entries()) {
		if (row.kindType === "llm_call") llmCalls++;
		if (counts[index] === 0) continue;
		add("inputTokens", row.input);
		add("outputTokens", row.output);
		add("cacheReadTokens", row.cacheRead);
		add("cacheWriteTokens", row.cacheWrite);
		add("reasoningTokens", row.reasoning);
		add("costNano", row.cost === null ? null : nanoUsd(row.cost));
	}
	return { llmCalls, ...sums };
}
