import { parseTimestamp, type Timestamp } from "../../base/timestamp.ts";
import { isOverviewRange, OVERVIEW_RANGES } from "../../model/overview.ts";
import { SPAN_STATES } from "../../model/span.ts";
import {
	ANALYTICS_BUCKETS,
	ANALYTICS_METRICS,
	type AnalyticsBucket,
	type AnalyticsFilter,
	type AnalyticsGroup,
	type AnalyticsQuery,
	analyticsQuerySchema,
	type WireAnalytics,
} from "../../protocol/analytics.ts";
import { toWireOverview } from "../../protocol/overview.ts";
import { HttpError } from "../errors.ts";
import { jsonText } from "../http/respond.ts";
import { checkTime, readOptionalJson } from "../http/validation.ts";
import { type App, queryOf, type Services } from "../services.ts";
import type { Analytics, SpanScope } from "../storage/analytics.ts";
import type { ColumnCondition } from "../storage/filterColumns.ts";
import { MAX_GROUPS } from "../storage/spanSums.ts";

/** Routes under `/api/analytics`. */
export function addAnalyticsRoutes(app: App, { store, analytics, overview }: Services): void {
	app.get("/api/analytics/summary", async (context) => {
		const query = queryOf(context);
		const since = queryTime(query, "since");
		const until = queryTime(query, "until");
		await store.columns.ready;
		await store.settleUsage();
		const scope = { conditions: startConditions(since, until), isNone: false };
		const bounds = [bound(since, Number.MIN_SAFE_INTEGER), bound(until, Number.MAX_SAFE_INTEGER)] as const;
		return jsonText(JSON.stringify(await analytics.summary(scope, ...bounds)));
	});

	app.get("/api/analytics/overview", async (context) => {
		const query = queryOf(context);
		const range = query.get("range") || "24h";
		if (!isOverviewRange(range)) {
			throw new HttpError(400, "invalid_query", `query parameter range: must be one of ${OVERVIEW_RANGES.join(", ")}`);
		}
		const at = queryTime(query, "at");
		await store.columns.ready;
		await store.settleUsage();
		const filter = { kind: query.get("kind"), model: query.get("model"), session_id: query.get("session_id") };
		const scope = scopeOf(analytics, filter, []);
		return jsonText(JSON.stringify(toWireOverview(await overview.overview(scope, range, at?.ms ?? Date.now()))));
	});

	app.post("/api/analytics", async (context) => {
		const query = (await readOptionalJson(context.env.incoming, analyticsQuerySchema))?.value ?? {};
		const filter = query.filter ?? {};
		const since = checkTime(filter.since, "filter.since") ?? checkTime(query.since, "since");
		const until = checkTime(filter.until, "filter.until") ?? checkTime(query.until, "until");
		await store.columns.ready;
		await store.settleUsage();
		const scope = scopeOf(analytics, filter, startConditions(since, until));
		return jsonText(JSON.stringify(await answer(analytics, query, scope)));
	});
}

async function answer(analytics: Analytics, query: AnalyticsQuery, scope: SpanScope): Promise<object> {
	const metric = query.metric ?? undefined;
	if (metric !== undefined) {
		const bucket = query.bucket ?? (typeof query.group_by === "string" ? bucketOf(query.group_by) : undefined);
		return checked(await analytics.series(scope, metric, query.aggregation ?? "sum", bucket));
	}
	const groupBy = typeof query.group_by === "string" ? [query.group_by] : (query.group_by ?? []);
	const result: WireAnalytics = checked(await analytics.groups(scope, groupBy, query.metrics ?? ANALYTICS_METRICS));
	const bucket = query.bucket ?? (typeof query.group_by === "string" ? bucketOf(query.group_by) : undefined);
	return bucket === undefined ? result : { ...result, buckets: checked(await analytics.buckets(scope, bucket)) };
}

function bucketOf(group: AnalyticsGroup): AnalyticsBucket | undefined {
	return ANALYTICS_BUCKETS.find((bucket) => bucket === group);
}

function checked<T>(answer: T | undefined): T {
	if (answer !== undefined) return answer;
	throw new HttpError(
		422,
		"invalid_body",
		`group_by: makes more than ${MAX_GROUPS} groups; filter more or group by less`,
	);
}

function scopeOf(analytics: Analytics, filter: AnalyticsFilter, start: readonly ColumnCondition[]): SpanScope {
	const conditions: ColumnCondition[] = [...start];
	let isNone = false;
	if (filter.kind) conditions.push({ on: "kind", word: filter.kind });
	for (const column of ["model", "provider"] as const) {
		const equals = filter[column];
		if (equals) conditions.push({ on: "word", column, equals });
	}
	if (filter.status) conditions.push({ on: "status", code: SPAN_STATES.indexOf(filter.status) });
	if (filter.trace_id) {
		const ref = analytics.traceRef(filter.trace_id);
		if (ref === undefined) isNone = true;
		else conditions.push({ on: "trace", ref });
	}
	if (filter.session_id) {
		const condition = analytics.sessionCondition(filter.session_id);
		if (condition === undefined) isNone = true;
		else conditions.push(condition);
	}
	return { conditions, isNone };
}

function startConditions(since: Timestamp | undefined, until: Timestamp | undefined): readonly ColumnCondition[] {
	const conditions: ColumnCondition[] = [];
	if (since !== undefined) conditions.push({ on: "start", relation: ">=", ...since });
	if (until !== undefined) conditions.push({ on: "start", relation: "<=", ...until });
	return conditions;
}

function bound(time: Timestamp | undefined, otherwise: number): readonly [number, number] {
	return time === undefined ? [otherwise, 0] : [time.ms, time.subNs];
}

function queryTime(query: URLSearchParams, name: string): Timestamp | undefined {
	const text = query.get(name) || undefined;
	if (text === undefined) return undefined;
	const time = parseTimestamp(text);
	if (time !== undefined) return time;
	throw new HttpError(400, "invalid_query", `query parameter ${name}: must be a time like 2026-03-06T09:00:00Z`);
}
