import { setImmediate as nextTurn } from "node:timers/promises";
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
import {
	addSums,
	emptySums,
	MAX_GROUPS,
	type RowKey,
	type SpanSums,
	type SumGroup,
	sessionKey,
	sumBy,
	visitRows,
	WordKeys,
} from "./spanSums.ts";

/** Names that are read from the tables in one turn of the event loop. */
const LABELS_PER_TURN = 2000;

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
	labelOf(key: number): string | null;
}

/**
 * Sums over spans for dashboards, from the columns in memory, in many turns of the event loop. `Store.settleUsage` comes first.
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
	async groups(
		scope: SpanScope,
		groupBy: readonly AnalyticsGroup[],
		metrics: readonly AnalyticsMetric[],
	): Promise<Pick<WireAnalytics, "groups" | "totals"> | undefined> {
		const names = [...new Set(groupBy)];
		const groupings = names.map((name) => this.#grouping(name));
		const found = await this.#sumBy(scope, groupings);
		if (found === undefined) return undefined;
		const groups: { readonly labels: readonly (string | null)[]; readonly metrics: WireMetrics }[] = [];
		for (const { keys, sums } of found) {
			const labels = groupings.map((grouping, index) => grouping.labelOf(keys[index]));
			groups.push({ labels, metrics: metricsOf(sums, metrics) });
			if (groups.length % LABELS_PER_TURN === 0) await nextTurn();
		}
		groups.sort((a, b) => compareLabels(a.labels, b.labels));
		return {
			groups: groups.map(({ labels, metrics: values }) => ({
				key: Object.fromEntries(names.map((name, index) => [name, labels[index]])),
				...values,
			})),
			totals: metricsOf(totalOf(found), metrics),
		};
	}

	/** Sums by hour, day or week; undefined as for `groups`. */
	async buckets(scope: SpanScope, bucket: AnalyticsBucket): Promise<readonly WireBucket[] | undefined> {
		const groups = await this.#sumBy(scope, [this.#grouping(bucket)]);
		return groups
			?.sort((a, b) => a.keys[0] - b.keys[0])
			.map(({ keys: [key], sums }) => ({
				timestamp: timestampOf(bucket, key),
				span_count: sums.spanCount,
				cost: usd(sums.costNano),
				tokens: sums.inputTokens + sums.outputTokens,
				avg_latency_ms: average(sums),
				error_count: sums.failedCount,
			}));
	}

	/** One value of everything and of each bucket; undefined as for `groups`. */
	async series(
		scope: SpanScope,
		metric: SeriesMetric,
		aggregation: Aggregation,
		bucket: AnalyticsBucket | undefined,
	): Promise<WireSeries | undefined> {
		const columns = this.#columns;
		let total = new Fold();
		let folds = new Map<number, Fold>();
		const keyOf = bucket === undefined ? undefined : this.#grouping(bucket).keyOf;
		await visitRows(
			columns,
			() => this.match(scope),
			() => {
				total = new Fold();
				folds = new Map();
			},
			(row) => {
				const value = valueIn(columns, metric, row);
				total.add(value);
				if (keyOf === undefined || folds.size > MAX_GROUPS) return;
				const key = keyOf(row);
				let fold = folds.get(key);
				if (fold === undefined) {
					fold = new Fold();
					folds.set(key, fold);
				}
				fold.add(value);
			},
		);
		if (folds.size > MAX_GROUPS) return undefined;
		const isMoney = metric === "cost" && aggregation !== "count";
		const result = (fold: Fold) => {
			const value = fold.result(aggregation);
			return value === null || !isMoney ? value : usd(value);
		};
		return {
			metric,
			aggregation,
			value: result(total),
			buckets: [...folds]
				.sort(([a], [b]) => a - b)
				.map(([key, fold]) => ({ timestamp: timestampOf(bucket ?? "hour", key), value: result(fold) })),
		};
	}

	/** The numbers of `GET /api/analytics/summary`. Traces are those that start between the bounds. */
	async summary(
		scope: SpanScope,
		since: readonly [number, number],
		until: readonly [number, number],
	): Promise<WireSummary> {
		const [model, provider] = [this.#grouping("model"), this.#grouping("provider")];
		const groups = (await this.#sumBy(scope, [model, provider], Number.POSITIVE_INFINITY)) ?? [];
		const total = totalOf(groups);
		const models = new Map<string, SpanSums>();
		const providers = new Set<string>();
		for (const { keys, sums } of groups) {
			const [modelName, providerName] = [model.labelOf(keys[0]), provider.labelOf(keys[1])];
			if (providerName !== null) providers.add(providerName);
			if (modelName === null) continue;
			const ofModel = models.get(modelName) ?? emptySums();
			addSums(ofModel, sums);
			models.set(modelName, ofModel);
		}
		const named = [...models].sort(([a], [b]) => (a < b ? -1 : 1));
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
			models_used: named.map(([name]) => name),
			providers_used: [...providers].sort(),
			cost_by_model: named.map(([name, sums]) => ({
				model: name,
				cost: usd(sums.costNano),
				span_count: sums.spanCount,
			})),
			tokens_by_model: named.map(([name, sums]) => ({
				model: name,
				input_tokens: sums.inputTokens,
				output_tokens: sums.outputTokens,
				total_tokens: sums.inputTokens + sums.outputTokens,
			})),
			models: Object.fromEntries(
				named.map(([name, sums]) => [
					name,
					{ count: sums.spanCount, cost: usd(sums.costNano), tokens: sums.inputTokens + sums.outputTokens },
				]),
			),
		};
	}

	#sumBy(scope: SpanScope, groupings: readonly Grouping[], maxGroups = MAX_GROUPS): Promise<SumGroup[] | undefined> {
		const keys = groupings.map(({ keyOf }) => keyOf);
		return sumBy(this.#columns, () => this.match(scope), keys, maxGroups);
	}

	/** For each row whether it is asked for; rows that the columns cannot judge are looked up. */
	match({ conditions, isNone }: SpanScope): Uint8Array {
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
				return { keyOf: words.keyOf, labelOf: (key) => words.textOf(key) };
			}
			case "status":
				return { keyOf: (row) => columns.status[row], labelOf: (key) => SPAN_STATES[key] };
			case "trace":
				return {
					keyOf: (row) => columns.trace[row],
					labelOf: (key) => (this.#traceId.get(key)?.id as string | undefined) ?? null,
				};
			case "session":
				return {
					keyOf: sessionKey(columns, this.#database),
					labelOf: (key) => (this.#sessionId.get(key)?.id as string | undefined) ?? null,
				};
			case "hour":
				return {
					keyOf: (row) => Math.floor(columns.startMs[row] / HOUR_MS),
					labelOf: (key) => `${timestampOf("hour", key).slice(0, 13)}:00`,
				};
			case "day":
				return {
					keyOf: (row) => Math.floor(columns.startMs[row] / DAY_MS),
					labelOf: (key) => timestampOf("day", key).slice(0, 10),
				};
			case "week":
				return {
					keyOf: (row) => Math.floor((Math.floor(columns.startMs[row] / DAY_MS) + DAYS_TO_MONDAY) / 7),
					labelOf: (key) => timestampOf("week", key).slice(0, 10),
				};
		}
	}
}

/** Begin of an hour, day or week by its key. */
function timestampOf(bucket: AnalyticsBucket, key: number): string {
	switch (bucket) {
		case "hour":
			return isoSeconds(key * HOUR_MS);
		case "day":
			return isoSeconds(key * DAY_MS);
		case "week":
			return isoSeconds((key * 7 - DAYS_TO_MONDAY) * DAY_MS);
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
	#sum = 0;
	#count = 0;
	#least = Number.POSITIVE_INFINITY;
	#greatest = Number.NEGATIVE_INFINITY;

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

function totalOf(groups: readonly SumGroup[]): SpanSums {
	const total = emptySums();
	for (const { sums } of groups) addSums(total, sums);
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
