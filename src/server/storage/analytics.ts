import { SPAN_STATES, SpanStateCode } from "../../model/span.ts";
import { nanoUsd } from "../../model/usage.ts";
import type {
	Aggregation,
	AnalyticsBucket,
	AnalyticsGroup,
	AnalyticsMetric,
	SeriesMetric,
	WireAnalytics,
	WireBucket,
	WireMetrics,
	WireSeries,
	WireSummary,
} from "../../protocol/analytics.ts";
import type { Database, SqlValue, Statement } from "./database.ts";
import { type ColumnCondition, conditionSql, type FilterColumns } from "./filterColumns.ts";
import { addSums, emptySums, MAX_GROUPS, type RowKey, type SpanSums, sumBy, WordKeys } from "./spanSums.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Which spans a question is about. `isNone` when a filter names what nothing has. */
export interface SpanScope {
	readonly conditions: readonly ColumnCondition[];
	readonly isNone: boolean;
}

/** How the rows of a group are told apart, and what the group is called. */
interface Grouping {
	readonly keyOf: RowKey;
	labelOf(row: number): string | null;
}

/**
 * Sums over spans for dashboards, from the columns in memory. Each answer is computed in one turn of the event loop, so that its
 * numbers are of one moment and agree. `Store.settleUsage` comes first.
 */
export class Analytics {
	readonly #columns: FilterColumns;
	readonly #database: Database;
	readonly #traceId: Statement;
	readonly #traceSessions: Statement;
	readonly #sessionId: Statement;
	readonly #sessionRef: Statement;
	readonly #traceRef: Statement;
	readonly #traceCount: Statement;

	constructor(columns: FilterColumns, database: Database) {
		this.#columns = columns;
		this.#database = database;
		this.#traceId = database.prepare("SELECT id FROM traces WHERE ref = ?");
		this.#traceRef = database.prepare("SELECT ref FROM traces WHERE id = ?");
		this.#traceSessions = database.prepare("SELECT ref, session FROM traces WHERE session IS NOT NULL");
		this.#sessionId = database.prepare("SELECT id FROM sessions WHERE ref = ?");
		this.#sessionRef = database.prepare("SELECT ref FROM sessions WHERE id = ?");
		this.#traceCount = database.prepare(
			`SELECT count(*) AS count FROM traces
			WHERE (start_ms, start_sub) >= (?, ?) AND (start_ms, start_sub) <= (?, ?)`,
		);
	}

	/** Row number of a trace, undefined when there is none. */
	traceRef(id: string): number | undefined {
		return this.#traceRef.get(id)?.ref as number | undefined;
	}

	/** The condition of being in a session; undefined when there is no such session. */
	sessionCondition(id: string): ColumnCondition | undefined {
		const ref = this.#sessionRef.get(id)?.ref as number | undefined;
		if (ref === undefined) return undefined;
		const traceRefs = new Set<number>();
		for (const row of this.#traceSessions.iterate()) if (row.session === ref) traceRefs.add(Number(row.ref));
		return { on: "session", ref, traceRefs };
	}

	/** Groups and totals; undefined when there would be more than `MAX_GROUPS` groups. */
	groups(
		scope: SpanScope,
		groupBy: readonly AnalyticsGroup[],
		metrics: readonly AnalyticsMetric[],
	): Pick<WireAnalytics, "groups" | "totals"> | undefined {
		const names = [...new Set(groupBy)];
		const groupings = names.map((name) => this.#grouping(name));
		const sums = this.#sumBy(scope, groupings);
		if (sums === undefined) return undefined;
		const groups = sums.map((one) => ({
			labels: groupings.map((grouping) => grouping.labelOf(one.firstRow)),
			metrics: metricsOf(one, metrics),
		}));
		groups.sort((a, b) => compareLabels(a.labels, b.labels));
		return {
			groups: groups.map(({ labels, metrics: values }) => ({
				key: Object.fromEntries(names.map((name, index) => [name, labels[index]])),
				...values,
			})),
			totals: metricsOf(totalOf(sums), metrics),
		};
	}

	/** Sums by hour, day or week; undefined as for `groups`. */
	buckets(scope: SpanScope, bucket: AnalyticsBucket): readonly WireBucket[] | undefined {
		const sums = this.#sumBy(scope, [this.#grouping(bucket)]);
		return sums
			?.sort((a, b) => a.firstStartMs - b.firstStartMs)
			.map((one) => ({
				timestamp: this.#timestampOf(bucket, one.firstRow),
				span_count: one.spanCount,
				cost: usd(one.costNano),
				tokens: one.inputTokens + one.outputTokens,
				avg_latency_ms: average(one),
				error_count: one.failedCount,
			}));
	}

	/** One value of everything and of each bucket; undefined as for `groups`. */
	series(
		scope: SpanScope,
		metric: SeriesMetric,
		aggregation: Aggregation,
		bucket: AnalyticsBucket | undefined,
	): WireSeries | undefined {
		const columns = this.#columns;
		const mask = this.#match(scope);
		const total = new Fold();
		const folds = new Map<number, Fold>();
		const keyOf = bucket === undefined ? undefined : this.#grouping(bucket).keyOf;
		for (let row = 0; row < mask.length; row++) {
			if (mask[row] === 0) continue;
			const value = valueIn(columns, metric, row);
			total.add(value);
			if (keyOf === undefined) continue;
			const key = keyOf(row);
			let fold = folds.get(key);
			if (fold === undefined) {
				if (folds.size >= MAX_GROUPS) return undefined;
				fold = new Fold(row);
				folds.set(key, fold);
			}
			fold.add(value);
		}
		const scale = metric === "cost" && aggregation !== "count" ? 1e-9 : 1;
		const result = (fold: Fold) => {
			const value = fold.result(aggregation);
			return value === null ? null : scale === 1 ? value : value / 1e9;
		};
		const rows = [...folds.values()].sort((a, b) => columns.startMs[a.firstRow] - columns.startMs[b.firstRow]);
		return {
			metric,
			aggregation,
			value: result(total),
			buckets: rows.map((fold) => ({
				timestamp: this.#timestampOf(bucket ?? "hour", fold.firstRow),
				value: result(fold),
			})),
		};
	}

	/** The numbers of `GET /api/analytics/summary`. Traces are those that start between the bounds. */
	summary(scope: SpanScope, since: readonly [number, number], until: readonly [number, number]): WireSummary {
		const model = this.#grouping("model");
		const provider = this.#grouping("provider");
		const byModel = this.#sumBy(scope, [model]) ?? [];
		const providers = this.#sumBy(scope, [provider]) ?? [];
		const total = totalOf(byModel);
		const named = byModel
			.flatMap((sums) => {
				const name = model.labelOf(sums.firstRow);
				return name === null ? [] : [{ name, sums }];
			})
			.sort((a, b) => (a.name < b.name ? -1 : 1));
		return {
			total_traces: Number(this.#traceCount.get(...since, ...until)?.count),
			total_spans: total.spanCount,
			total_llm_calls: total.llmCalls,
			total_cost: usd(total.costNano),
			total_tokens: total.inputTokens + total.outputTokens,
			total_input_tokens: total.inputTokens,
			total_output_tokens: total.outputTokens,
			avg_latency_ms: average(total),
			error_count: total.failedCount,
			error_rate: total.spanCount === 0 ? 0 : total.failedCount / total.spanCount,
			models_used: named.map(({ name }) => name),
			providers_used: providers
				.flatMap((sums) => provider.labelOf(sums.firstRow) ?? [])
				.sort((a, b) => (a < b ? -1 : 1)),
			cost_by_model: named.map(({ name, sums }) => ({
				model: name,
				cost: usd(sums.costNano),
				span_count: sums.spanCount,
			})),
			tokens_by_model: named.map(({ name, sums }) => ({
				model: name,
				input_tokens: sums.inputTokens,
				output_tokens: sums.outputTokens,
				total_tokens: sums.inputTokens + sums.outputTokens,
			})),
			models: Object.fromEntries(
				named.map(({ name, sums }) => [
					name,
					{ count: sums.spanCount, cost: usd(sums.costNano), tokens: sums.inputTokens + sums.outputTokens },
				]),
			),
		};
	}

	#sumBy(scope: SpanScope, groupings: readonly Grouping[]): SpanSums[] | undefined {
		return sumBy(
			this.#columns,
			this.#match(scope),
			groupings.map(({ keyOf }) => keyOf),
		);
	}

	/** For each row whether it is asked for; rows that the columns cannot judge are looked up. */
	#match({ conditions, isNone }: SpanScope): Uint8Array {
		if (isNone) return new Uint8Array(0);
		const mask = this.#columns.match(conditions);
		let statement: Statement | undefined;
		const parameters: SqlValue[] = [];
		for (let row = 0; row < mask.length; row++) {
			if (mask[row] !== 2) continue;
			if (statement === undefined) {
				const parts = conditions.flatMap((condition) => {
					const part = conditionSql(condition);
					if (part === undefined) return [];
					parameters.push(...part.slice(1));
					return [part[0]];
				});
				statement = this.#database.prepare(`SELECT 1 FROM spans s WHERE ${[...parts, "s.seq = ?"].join(" AND ")}`);
			}
			mask[row] = statement.get(...parameters, this.#columns.seq[row]) === undefined ? 0 : 1;
		}
		return mask;
	}

	#grouping(name: AnalyticsGroup): Grouping {
		const columns = this.#columns;
		switch (name) {
			case "model":
			case "provider":
			case "kind": {
				const words = new WordKeys(columns, name === "kind" ? "kindName" : name, this.#database);
				return { keyOf: words.keyOf, labelOf: (row) => words.textOf(row) };
			}
			case "status":
				return { keyOf: (row) => columns.status[row], labelOf: (row) => SPAN_STATES[columns.status[row]] };
			case "trace":
				return {
					keyOf: (row) => columns.trace[row],
					labelOf: (row) => (this.#traceId.get(columns.trace[row])?.id as string | undefined) ?? null,
				};
			case "session": {
				const ofTrace = new Map<number, number>();
				for (const row of this.#traceSessions.iterate()) ofTrace.set(Number(row.ref), Number(row.session));
				const keyOf = (row: number) => columns.session[row] || (ofTrace.get(columns.trace[row]) ?? 0);
				return {
					keyOf,
					labelOf: (row) => (this.#sessionId.get(keyOf(row))?.id as string | undefined) ?? null,
				};
			}
			case "hour":
				return {
					keyOf: (row) => Math.floor(columns.startMs[row] / HOUR_MS),
					labelOf: (row) => `${this.#timestampOf("hour", row).slice(0, 13)}:00`,
				};
			case "day":
			case "week":
				return {
					keyOf: (row) => {
						const day = Math.floor(columns.startMs[row] / DAY_MS);
						return name === "day" ? day : Math.floor((day + DAYS_TO_MONDAY) / 7);
					},
					labelOf: (row) => this.#timestampOf(name, row).slice(0, 10),
				};
		}
	}

	/** Begin of the hour, day or week that a row's start is in. */
	#timestampOf(bucket: AnalyticsBucket, row: number): string {
		const startMs = this.#columns.startMs[row];
		const day = Math.floor(startMs / DAY_MS);
		switch (bucket) {
			case "hour":
				return isoSeconds(Math.floor(startMs / HOUR_MS) * HOUR_MS);
			case "day":
				return isoSeconds(day * DAY_MS);
			case "week":
				return isoSeconds((Math.floor((day + DAYS_TO_MONDAY) / 7) * 7 - DAYS_TO_MONDAY) * DAY_MS);
		}
	}
}

/** 1970-01-01 was a Thursday, three days behind its Monday. */
const DAYS_TO_MONDAY = 3;

/** The first week of year 0 begins before it, where a time has no plain form. */
function isoSeconds(ms: number): string {
	return `${new Date(Math.max(ms, Date.parse("0000-01-01T00:00:00Z"))).toISOString().slice(0, 19)}Z`;
}

/** Sum, least, greatest and number of values; NaN is none. */
class Fold {
	readonly firstRow: number;
	#sum = 0;
	#count = 0;
	#least = Number.POSITIVE_INFINITY;
	#greatest = Number.NEGATIVE_INFINITY;

	constructor(firstRow = 0) {
		this.firstRow = firstRow;
	}

	add(value: number): void {
		if (Number.isNaN(value)) return;
		this.#sum += value;
		this.#count++;
		if (value < this.#least) this.#least = value;
		if (value > this.#greatest) this.#greatest = value;
	}

	result(aggregation: Aggregation): number | null {
		if (aggregation === "count") return this.#count;
		if (aggregation === "sum") return this.#sum;
		if (this.#count === 0) return null;
		if (aggregation === "avg") return this.#sum / this.#count;
		return aggregation === "min" ? this.#least : this.#greatest;
	}
}

/** What one span adds to a series; NaN when it knows nothing or its usage does not count. Costs in nano-dollars. */
function valueIn(columns: FilterColumns, metric: SeriesMetric, row: number): number {
	if (metric === "span_count") return 1;
	if (metric === "error_count") return columns.status[row] === SpanStateCode.failed ? 1 : 0;
	if (metric === "latency_ms") return columns.durationMs[row];
	const at = columns.usageRow[row];
	const { usage } = columns;
	if (at < 0 || usage.counts[at] === 0) return Number.NaN;
	switch (metric) {
		case "cost":
			return nanoUsd(usage.cost[at]);
		case "input_tokens":
			return usage.input[at];
		case "output_tokens":
			return usage.output[at];
		case "tokens":
			return columns.numberOf("tokens", row);
	}
}

function totalOf(groups: readonly SpanSums[]): SpanSums {
	const total = emptySums(0);
	for (const sums of groups) addSums(total, sums);
	return total;
}

function metricsOf(sums: SpanSums, metrics: readonly AnalyticsMetric[]): WireMetrics {
	const all: Required<WireMetrics> = {
		total_cost: usd(sums.costNano),
		total_input_tokens: sums.inputTokens,
		total_output_tokens: sums.outputTokens,
		total_tokens: sums.inputTokens + sums.outputTokens,
		avg_latency_ms: average(sums),
		span_count: sums.spanCount,
		error_count: sums.failedCount,
	};
	return Object.fromEntries(metrics.map((metric) => [metric, all[metric]]));
}

function average(sums: SpanSums): number | null {
	return sums.endedCount === 0 ? null : sums.latencyMs / sums.endedCount;
}

export function usd(nano: number): number {
	return nano / 1e9;
}

/** By the first label that differs, as text; null last. */
function compareLabels(a: readonly (string | null)[], b: readonly (string | null)[]): number {
	for (const [index, label] of a.entries()) {
		const other = b[index];
		if (label === other) continue;
		if (label === null) return 1;
		return other !== null && label > other ? 1 : -1;
	}
	return 0;
}
