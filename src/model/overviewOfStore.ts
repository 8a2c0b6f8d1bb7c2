import { isToolKind, type Overview, type OverviewCall, type OverviewRange, overviewWindow } from "./overview.ts";
import { emptyOverviewSpan, OverviewBuilder } from "./overviewBuilder.ts";
import { SPAN_STATES } from "./span.ts";
import { SpanFlag } from "./spanColumns.ts";
import type { TraceStore } from "./traceStore.ts";
import { nanoUsd } from "./usage.ts";

/** Rows added in one turn; about five milliseconds. */
const ROWS_PER_TURN = 20_000;

export interface StoreOverviewOptions {
	readonly store: TraceStore;
	readonly range: OverviewRange;
	/** Only the traces of this session. */
	readonly sessionId?: string | undefined;
	/** The source's clock, milliseconds since the epoch. */
	readonly nowMs: number;
	/** Lets others have the thread. */
	readonly turn: () => Promise<void>;
	readonly signal: AbortSignal;
}

/**
 * The overview of what is in a store, for sources that do not count themselves. What changes in between may or may not be
 * counted. Calls come without previews. Throws the signal's reason.
 */
export async function overviewOfStore(options: StoreOverviewOptions): Promise<Overview> {
	const { store, range, sessionId, nowMs, turn, signal } = options;
	const { columns: c, strings } = store;
	const window = overviewWindow(range, nowMs, range === "all" ? extentOf(store, sessionId) : undefined);
	const builder = new OverviewBuilder(range, window);
	const span = emptyOverviewSpan();
	let visited = 0;
	for (const entry of [...store.entries()]) {
		// Deleted since.
		if (store.entry(entry.traceId) !== entry) continue;
		// Finds out which usage counts, where that is not known yet.
		const session = store.summary(entry.traceId)?.sessionId;
		if (sessionId !== undefined && session !== sessionId) continue;
		for (const row of entry.rows) {
			const startMs = c.startMs[row] + c.startSubNs[row] / 1e6;
			// Also false for one whose start is not known: it is in the whole only.
			if (range !== "all" && !(startMs >= window.startMs)) continue;
			const kindType = store.kindTypeOf(row);
			const kindName = strings.at(c.kindName[row]) ?? kindType;
			const toolName = strings.at(c.toolName.get(row));
			const costUsd = store.costUsdAt(row);
			span.ref = row;
			span.startMs = startMs;
			span.durationMs = durationMsAt(store, row);
			span.state = c.state[row];
			span.isModelCall = kindType === "llm_call";
			span.isToolCall = !span.isModelCall && isToolKind(toolName, kindName);
			span.trace = entry.index;
			span.session = strings.at(c.session.get(row)) ?? session;
			span.model = strings.at(c.model[row]) ?? null;
			span.provider = strings.at(c.provider[row]) ?? null;
			span.agent = strings.at(c.agentName.get(row)) ?? null;
			span.tool = (toolName ?? strings.at(c.name[row])) || null;
			span.counts = (c.flags[row] & SpanFlag.repeating) === 0;
			span.inputTokens = c.inputTokens.get(row);
			span.outputTokens = c.outputTokens.get(row);
			span.cacheReadTokens = c.cacheReadTokens.get(row);
			span.cacheWriteTokens = c.cacheWriteTokens.get(row);
			span.reasoningTokens = c.reasoningTokens.get(row);
			span.costNano = nanoUsd(costUsd);
			span.isCostEstimated = Number.isNaN(c.costUsd[row]);
			builder.add(span);
		}
		visited += entry.rows.length + 1;
		if (visited < ROWS_PER_TURN) continue;
		visited = 0;
		await turn();
		signal.throwIfAborted();
	}
	const { overview, modelCallRefs, toolCallRefs } = await builder.finish(turn);
	signal.throwIfAborted();
	const calls = (rows: readonly number[], isModel: boolean) =>
		rows.filter((row) => c.traceIndex[row] >= 0).map((row) => callAt(store, row, isModel));
	return { ...overview, newestModelCalls: calls(modelCallRefs, true), newestToolCalls: calls(toolCallRefs, false) };
}

function callAt(store: TraceStore, row: number, isModel: boolean): OverviewCall {
	const { columns: c, strings } = store;
	const startMs = c.startMs[row] + c.startSubNs[row] / 1e6;
	const durationMs = durationMsAt(store, row);
	const costUsd = store.costUsdAt(row);
	const name = isModel ? strings.at(c.model[row]) : strings.at(c.toolName.get(row)) || strings.at(c.name[row]);
	return {
		traceId: store.entryOfRow(row).traceId,
		spanId: c.ids[row],
		startMs: Number.isNaN(startMs) ? null : startMs,
		durationMs: Number.isNaN(durationMs) ? null : durationMs,
		state: SPAN_STATES[c.state[row]],
		error: store.errorOf(row) ?? null,
		name: name || null,
		agent: strings.at(c.agentName.get(row)) ?? null,
		costUsd: Number.isNaN(costUsd) ? null : costUsd,
		isCostEstimated: Number.isNaN(c.costUsd[row]) && !Number.isNaN(costUsd),
		preview: null,
	};
}

/** Exact to the nanosecond; NaN while the span runs or a time is not known. */
function durationMsAt({ columns: c }: TraceStore, row: number): number {
	const ns = (c.endMs[row] - c.startMs[row]) * 1e6 + (c.endSubNs[row] - c.startSubNs[row]);
	return ns / 1e6;
}

/** From the first start to the last start or end; undefined when no start is known. */
function extentOf(
	store: TraceStore,
	sessionId: string | undefined,
): { readonly firstMs: number; readonly lastMs: number } | undefined {
	const { columns: c } = store;
	const ofSession = (traceId: string) => store.summary(traceId)?.sessionId === sessionId;
	const wanted =
		sessionId === undefined
			? undefined
			: new Set([...store.entries()].filter(({ traceId }) => ofSession(traceId)).map(({ index }) => index));
	let firstMs = Number.POSITIVE_INFINITY;
	let lastMs = Number.NEGATIVE_INFINITY;
	for (let row = 0; row < c.used; row++) {
		if (c.traceIndex[row] < 0 || Number.isNaN(c.startMs[row])) continue;
		if (wanted?.has(c.traceIndex[row]) === false) continue;
		firstMs = Math.min(firstMs, c.startMs[row]);
		lastMs = Math.max(lastMs, c.startMs[row], Number.isNaN(c.endMs[row]) ? c.startMs[row] : c.endMs[row]);
	}
	return firstMs === Number.POSITIVE_INFINITY ? undefined : { firstMs, lastMs };
}
