import * as z from "zod/mini";
import { analyticsQuerySchema } from "../../protocol/analytics.ts";
import {
	changeDatasetSchema,
	claimSchema,
	createDatapointSchema,
	createDatasetSchema,
	enqueueSchema,
	exportSpanSchema,
	submitSchema,
} from "../../protocol/datasets.ts";
import { completeSpanSchema, createSpanSchema, createTraceSchema, failSpanSchema } from "../../protocol/rest.ts";

/** One route in words. A test compares the table with the routes of the app, both ways. */
interface RouteText {
	readonly method: "get" | "post" | "put" | "delete";
	/** As the app has it: `/api/spans/:id`. */
	readonly path: string;
	readonly summary: string;
	readonly query?: Readonly<Record<string, string>>;
	/** The schema that checks the body. */
	readonly body?: z.core.$ZodType;
	readonly isBodyOptional?: boolean;
	/** A JSON body that code checks instead of a schema. */
	readonly bodyText?: string;
	readonly status?: 200 | 201;
	/** Content type of the answer and what it is; JSON where none is given. */
	readonly type?: string;
	readonly answer: string;
}

const PAGE = {
	limit: "Largest number of items, 1 to 1000; 50 when absent.",
	cursor: "next_cursor of the page before.",
};

const ROUTES: readonly RouteText[] = [
	{
		method: "post",
		path: "/api/traces",
		summary: "Make the record of a trace",
		body: createTraceSchema,
		status: 201,
		answer: "The trace.",
	},
	{
		method: "get",
		path: "/api/traces",
		summary: "List traces, newest first",
		query: PAGE,
		answer: "A page of traces.",
	},
	{ method: "delete", path: "/api/traces", summary: "Delete all traces", answer: "A message." },
	{
		method: "get",
		path: "/api/traces/:id",
		summary: "Get a trace with all its spans, oldest first",
		query: { fields: "skeleton leaves out input, output and attributes." },
		answer: "trace, spans and count.",
	},
	{
		method: "get",
		path: "/api/traces/:id/search",
		summary: "Find the spans of a trace that hold a text, in the order in which they came",
		query: {
			text: "In name, input, output, attributes, metadata, error, events, links, model, provider, tool, agent or path.",
			case: "ignore or match.",
			cursor: "next_cursor of the page before.",
		},
		answer: "span_ids, and next_cursor while there is more to look at.",
	},
	{
		method: "delete",
		path: "/api/traces/:id",
		summary: "Delete a trace with its spans",
		answer: "trace_id and spans_deleted.",
	},
	{
		method: "post",
		path: "/api/spans",
		summary: "Begin a span",
		body: createSpanSchema,
		status: 201,
		answer: "id and trace_id.",
	},
	{
		method: "get",
		path: "/api/spans",
		summary: "List spans by filters, all of which must hold",
		query: {
			trace_id: "Exact.",
			kind: "Type of the kind, or the inner word of a custom one.",
			model: "Exact.",
			provider: "Exact.",
			status: "running, completed or failed.",
			since: "Started at this time or later, RFC 3339.",
			until: "Started at this time or earlier, RFC 3339.",
			name_contains: "Part of the name, whatever the case.",
			text_contains: "Part of name, input or output, whatever the case.",
			input_contains: "Part of the input's JSON text.",
			output_contains: "Part of the output's JSON text.",
			path: "Part of the path of a file span.",
			duration_min: "Milliseconds; spans that run are left out.",
			duration_max: "Milliseconds; spans that run are left out.",
			tokens_min: "Input and output tokens together.",
			cost_min: "US dollars.",
			sort_by: "started_at, duration, tokens, cost or name.",
			sort_order: "desc or asc.",
			fields: "skeleton leaves out input, output and attributes.",
			...PAGE,
		},
		answer: "A page of spans.",
	},
	{ method: "get", path: "/api/spans/:id", summary: "Get a span", answer: "The span." },
	{ method: "delete", path: "/api/spans/:id", summary: "Delete a span", answer: "ok." },
	{
		method: "post",
		path: "/api/spans/:id/complete",
		summary: "End a span that went well",
		body: completeSpanSchema,
		isBodyOptional: true,
		answer: "ok.",
	},
	{
		method: "post",
		path: "/api/spans/:id/fail",
		summary: "End a span that failed",
		body: failSpanSchema,
		answer: "ok.",
	},
	{
		method: "get",
		path: "/api/events",
		summary: "Stream what changes, as it changes",
		query: {
			since: "Id of the last event that was received; the header Last-Event-ID comes first.",
			kind: "Only events of spans of this kind, and those that are about no span.",
			model: "Only events of spans of this model, and those that are about no span.",
		},
		type: "text/event-stream",
		answer: "Server-sent events.",
	},
	{
		method: "get",
		path: "/api/sessions",
		summary: "List sessions",
		query: {
			sort_by: "recent, cost, tokens, duration or started; the greatest first.",
			search: "Part of the session's id or of the name of one of its traces, whatever the case.",
			since: "Active at this time or later, RFC 3339.",
			...PAGE,
		},
		answer: "A page of sessions.",
	},
	{
		method: "get",
		path: "/api/sessions/:id",
		summary: "Get a session with its traces, oldest first",
		answer: "The session.",
	},
	{
		method: "get",
		path: "/api/analytics/summary",
		summary: "Sum up all spans",
		query: { since: "Started at this time or later, RFC 3339.", until: "Started at this time or earlier, RFC 3339." },
		answer: "Totals, and sums by model.",
	},
	{
		method: "get",
		path: "/api/analytics/overview",
		summary: "Get everything that a dashboard shows of a stretch of time",
		query: {
			range: "1h, 6h, 24h, 7d or all; 24h when absent. Spans count that began in it.",
			at: "Time that counts as now, RFC 3339; the server's when absent.",
			kind: "Only spans of this kind.",
			model: "Only spans of this model.",
			session_id: "Only spans of this session.",
		},
		answer: "Totals, tables, charts of 60 buckets and the newest calls; unknown is null.",
	},
	{
		method: "post",
		path: "/api/analytics",
		summary: "Sum up spans by groups",
		body: analyticsQuerySchema,
		isBodyOptional: true,
		answer: "groups and totals, buckets of time, or one metric's series.",
	},
	{
		method: "get",
		path: "/api/export/json",
		summary: "Export everything, or one trace, as Traceway's JSON",
		query: { trace_id: "Only this trace." },
		answer: "records and traces, each by trace id.",
	},
	{
		method: "get",
		path: "/api/export/otlp",
		summary: "Export everything, or one trace, as OTLP JSON",
		query: { trace_id: "Only this trace." },
		answer: "An ExportTraceServiceRequest.",
	},
	{
		method: "post",
		path: "/api/import",
		summary: "Take in an export; what is there already stays as it is",
		bodyText: "What an export gave.",
		answer: "Numbers of traces, spans, skipped and rejected ones, and errors.",
	},
	{ method: "get", path: "/api/datasets", summary: "List datasets, newest first", answer: "A page of datasets." },
	{
		method: "post",
		path: "/api/datasets",
		summary: "Make a dataset",
		body: createDatasetSchema,
		status: 201,
		answer: "The dataset.",
	},
	{ method: "get", path: "/api/datasets/:id", summary: "Get a dataset", answer: "The dataset." },
	{
		method: "put",
		path: "/api/datasets/:id",
		summary: "Change the name or description of a dataset",
		body: changeDatasetSchema,
		answer: "The dataset.",
	},
	{
		method: "delete",
		path: "/api/datasets/:id",
		summary: "Delete a dataset with its datapoints",
		answer: "ok.",
	},
	{
		method: "get",
		path: "/api/datasets/:id/datapoints",
		summary: "List the datapoints of a dataset, oldest first",
		query: PAGE,
		answer: "A page of datapoints.",
	},
	{
		method: "post",
		path: "/api/datasets/:id/datapoints",
		summary: "Add a datapoint",
		body: createDatapointSchema,
		status: 201,
		answer: "The datapoint.",
	},
	{ method: "get", path: "/api/datasets/:id/datapoints/:dp", summary: "Get a datapoint", answer: "The datapoint." },
	{ method: "delete", path: "/api/datasets/:id/datapoints/:dp", summary: "Delete a datapoint", answer: "ok." },
	{
		method: "post",
		path: "/api/datasets/:id/export-span",
		summary: "Make a datapoint of a span's input and output",
		body: exportSpanSchema,
		status: 201,
		answer: "The datapoint.",
	},
	{
		method: "post",
		path: "/api/datasets/:id/export-span-and-enqueue",
		summary: "The same, and put it into the queue",
		body: exportSpanSchema,
		status: 201,
		answer: "The queue item.",
	},
	{
		method: "post",
		path: "/api/datasets/:id/import",
		summary: "Make datapoints of the rows of a file",
		bodyText: "multipart/form-data with a part named file: csv, json or jsonl.",
		status: 201,
		answer: "imported and dataset_id.",
	},
	{
		method: "get",
		path: "/api/datasets/:id/queue",
		summary: "List the queue of a dataset, pending items first",
		query: { status: "pending, claimed or completed.", ...PAGE },
		answer: "A page of queue items.",
	},
	{
		method: "post",
		path: "/api/datasets/:id/queue",
		summary: "Put datapoints into the queue",
		body: enqueueSchema,
		status: 201,
		answer: "enqueued.",
	},
	{
		method: "get",
		path: "/api/queue",
		summary: "List the queue, pending items first",
		query: { status: "pending, claimed or completed.", ...PAGE },
		answer: "A page of queue items.",
	},
	{
		method: "post",
		path: "/api/queue/:item/claim",
		summary: "Claim a pending item",
		body: claimSchema,
		isBodyOptional: true,
		answer: "The queue item.",
	},
	{
		method: "post",
		path: "/api/queue/:item/submit",
		summary: "Complete a claimed item",
		body: submitSchema,
		isBodyOptional: true,
		answer: "The queue item.",
	},
	{
		method: "get",
		path: "/api/files",
		summary: "List versions of files that spans have written, newest first",
		query: { path_prefix: "What the path begins with." },
		answer: "files and count.",
	},
	{ method: "get", path: "/api/health", summary: "Say that the server is alive, and which one", answer: "Health." },
	{ method: "get", path: "/api/live", summary: "Say that the process is alive", answer: "status." },
	{ method: "get", path: "/api/ready", summary: "Say that data can be written; 503 when not", answer: "status." },
	{ method: "get", path: "/api/stats", summary: "Get sizes and counts", answer: "Counts." },
	{
		method: "get",
		path: "/api/metrics",
		summary: "Get the same for Prometheus",
		type: "text/plain",
		answer: "Prometheus' text format.",
	},
	{ method: "get", path: "/api/openapi.json", summary: "Get this description", answer: "OpenAPI 3.1." },
	{
		method: "get",
		path: "/api/auth/config",
		summary: "Get the way to sign in: there is none",
		answer: "mode and features.",
	},
	{ method: "get", path: "/api/auth/me", summary: "Get who asks", answer: "A local user of every scope." },
];

/** `paths` of an OpenAPI 3.1 document. Replaced by its value when the server is bundled (`esbuild.mjs`). */
export const OPENAPI_PATHS: Readonly<Record<string, Readonly<Record<string, object>>>> = pathsOf(ROUTES);

function pathsOf(routes: readonly RouteText[]): Record<string, Record<string, object>> {
	const paths: Record<string, Record<string, object>> = {};
	for (const route of routes) {
		const path = route.path.replace(/:(\w+)/g, "{$1}");
		paths[path] = { ...paths[path], [route.method]: operationOf(route) };
	}
	return paths;
}

function operationOf(route: RouteText): object {
	const { path, summary, query, body, bodyText, isBodyOptional, status, type, answer } = route;
	const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
		name,
		in: "path",
		required: true,
		schema: { type: "string" },
	}));
	const inQuery = Object.entries(query ?? {}).map(([name, description]) => ({
		name,
		in: "query",
		description,
		schema: { type: "string" },
	}));
	const parameters = [...inPath, ...inQuery];
	const error = { $ref: "#/components/schemas/Error" };
	return {
		summary,
		...(parameters.length === 0 ? {} : { parameters }),
		...(body === undefined && bodyText === undefined
			? {}
			: {
					requestBody: {
						required: isBodyOptional !== true,
						...(bodyText === undefined ? {} : { description: bodyText }),
						content: { "application/json": { schema: body === undefined ? { type: "object" } : jsonSchema(body) } },
					},
				}),
		responses: {
			[status ?? 200]: { description: answer, content: { [type ?? "application/json"]: {} } },
			default: { description: "What is wrong, and where.", content: { "application/json": { schema: error } } },
		},
	};
}

/** What JSON Schema cannot say (a refinement in code) is left out. */
function jsonSchema(schema: z.core.$ZodType): object {
	const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
	return rest;
}
