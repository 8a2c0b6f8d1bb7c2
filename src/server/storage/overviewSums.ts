import { setImmediate as nextTurn } from "node:timers/promises";
import { isToolKind, type Overview, type OverviewRange, overviewWindow } from "../../model/overview.ts";
import { emptyOverviewSpan, OverviewBuilder } from "../../model/overviewBuilder.ts";
import { nanoUsd } from "../../model/usage.ts";
import type { Analytics, SpanScope } from "./analytics.ts";
import type { Database } from "./database.ts";
import type { FilterColumns } from "./filterColumns.ts";
import { NewestCalls } from "./newestCalls.ts";
import { sessionKey, visitRows, WordKeys } from "./spanSums.ts";
import { Words } from "./words.ts";

/** The overview of the whole server, from the columns in memory; only the newest calls are read from the tables. */
export class OverviewSums {
	readonly #columns: FilterColumns;
	readonly #database: Database;
	readonly #analytics: Analytics;
	readonly #calls: NewestCalls;

	constructor(columns: FilterColumns, database: Database, analytics: Analytics) {
		this.#columns = columns;
		this.#database = database;
		this.#analytics = analytics;
		this.#calls = new NewestCalls(database);
	}

	/**
	 * Spans of the scope that began in the range, whose end `nowMs` tells (milliseconds since the epoch). In many turns of the
	 * event loop; `Store.settleUsage` comes first.
	 */
	async overview(scope: SpanScope, range: OverviewRange, nowMs: number): Promise<Overview> {
		const columns = this.#columns;
		const { usage } = columns;
		const span = emptyOverviewSpan();
		const sessionOf = sessionKey(columns, this.#database);
		const textOf = this.#texts();
		let window = overviewWindow(range, nowMs, undefined);
		let builder = new OverviewBuilder(range, window);
		let llmCall: number | undefined;
		// Kinds are few: whether one is a tool's is found out once.
		let isTool: (boolean | undefined)[] = [];
		const match = () => {
			const mask = this.#analytics.match(scope);
			if (range === "all") window = overviewWindow(range, nowMs, this.#extent(mask));
			else {
				for (let row = 0; row < mask.length; row++) if (columns.startMs[row] < window.startMs) mask[row] = 0;
			}
			return mask;
		};
		const begin = () => {
			builder = new OverviewBuilder(range, window);
			llmCall = columns.words.find("llm_call");
			isTool = [];
		};
		await visitRows(columns, match, begin, (row) => {
			const kind = columns.kindName[row];
			span.ref = columns.seq[row];
			span.startMs = columns.startMs[row] + columns.startSub[row] / 1e6;
			span.durationMs = columns.durationMs[row];
			span.state = columns.status[row];
			span.isModelCall = columns.kindType[row] === llmCall;
			const toolName = textOf.toolName(row);
			span.isToolCall = false;
			if (!span.isModelCall) {
				isTool[kind] ??= isToolKind(null, kind === Words.other ? "" : (columns.words.text(kind) ?? ""));
				span.isToolCall = toolName !== null || isTool[kind] === true;
			}
			span.tool = span.isToolCall ? (toolName ?? textOf.name(row)) : null;
			span.trace = columns.trace[row];
			span.session = sessionOf(row) || undefined;
			span.model = textOf.model(row);
			span.provider = textOf.provider(row);
			span.agent = textOf.agentName(row);
			const at = columns.usageRow[row];
			const isKnown = at >= 0;
			span.counts = !isKnown || usage.counts[at] === 1;
			span.inputTokens = isKnown ? usage.input[at] : Number.NaN;
			span.outputTokens = isKnown ? usage.output[at] : Number.NaN;
			span.cacheReadTokens = isKnown ? usage.cacheRead[at] : Number.NaN;
			span.cacheWriteTokens = isKnown ? usage.cacheWrite[at] : Number.NaN;
			span.reasoningTokens = isKnown ? usage.reasoning[at] : Number.NaN;
			span.costNano = isKnown ? nanoUsd(usage.cost[at]) : Number.NaN;
			builder.add(span);
		});
		const { overview, modelCallRefs, toolCallRefs } = await builder.finish(nextTurn);
		return {
			...overview,
			newestModelCalls: await this.#calls.read(modelCallRefs, true),
			newestToolCalls: await this.#calls.read(toolCallRefs, false),
		};
	}

	/** Texts of the word columns of a row; an empty one says nothing. */
	#texts() {
		const columns = this.#columns;
		const reader = (column: "model" | "provider" | "agentName" | "toolName" | "name") => {
			const words = columns[column];
			const keys = new WordKeys(columns, column, this.#database);
			return (row: number): string | null => (words[row] === Words.none ? null : keys.textOf(keys.keyOf(row)) || null);
		};
		return {
			model: reader("model"),
			provider: reader("provider"),
			agentName: reader("agentName"),
			toolName: reader("toolName"),
			name: reader("name"),
		};
	}

	/** From the first start of the marked rows to the last start or end; undefined without any. */
	#extent(mask: Uint8Array): { readonly firstMs: number; readonly lastMs: number } | undefined {
		const { startMs, startSub, durationMs } = this.#columns;
		let firstMs = Number.POSITIVE_INFINITY;
		let lastMs = Number.NEGATIVE_INFINITY;
		for (let row = 0; row < mask.length; row++) {
			if (mask[row] === 0) continue;
			if (startMs[row] < firstMs) firstMs = startMs[row];
			const ranMs = durationMs[row];
			const endMs = Number.isNaN(ranMs) ? startMs[row] : Math.floor(startMs[row] + startSub[row] / 1e6 + ranMs);
			lastMs = Math.max(lastMs, startMs[row], endMs);
		}
		return firstMs === Number.POSITIVE_INFINITY ? undefined : { firstMs, lastMs };
	}
}
