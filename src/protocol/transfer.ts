import * as z from "zod/mini";
import { isId } from "./ids.ts";
import { spanKindSchema, type WireSpan } from "./rest.ts";

/** Record of a trace: what was said of it beside its spans. */
export interface WireTraceRecord {
	readonly name?: string | undefined;
	readonly tags: readonly string[];
	readonly started_at: string;
}

/** `GET /api/export/json`. `records` are of the traces that have one, those without spans among them. */
export interface WireExport {
	readonly records: Readonly<Record<string, WireTraceRecord>>;
	readonly traces: Readonly<Record<string, readonly WireSpan[]>>;
}

/** Answer of `POST /api/import`. */
export interface WireImport {
	/** Traces that were named. */
	readonly traces: number;
	/** Spans that are new. */
	readonly spans: number;
	/** Spans that were there already and stay as they were. */
	readonly skipped: number;
	/** Spans and records that could not be taken. */
	readonly rejected: number;
	/** Why, with the place: of the first ones. */
	readonly errors: readonly string[];
}

const id = z.string().check(z.refine(isId, { error: "must be 1 to 256 characters without control characters" }));
const time = z.string().check(z.maxLength(40));
const object = z.record(z.string(), z.unknown());
const count = z.optional(z.int().check(z.gte(0), z.lte(0xffffffff)));
const path = z.array(z.union([z.string(), z.number()])).check(z.maxLength(200));
const hints = z.optional(z.array(z.tuple([path, z.enum(["bytes", "int", "double"])])));

/** A record of an export. */
export const importRecordSchema = z.object({
	name: z.nullish(z.string()),
	tags: z.nullish(z.array(z.string().check(z.maxLength(4096))).check(z.maxLength(1000))),
	started_at: z.nullish(time),
});

/** A span of an export, ours or another Traceway's. */
export const importSpanSchema = z.object({
	id,
	trace_id: z.nullish(id),
	parent_id: z.nullish(id),
	name: z.string(),
	kind: z.nullish(spanKindSchema),
	status: z.union([z.enum(["running", "completed", "failed"]), z.object({ failed: z.object({ error: z.string() }) })]),
	started_at: time,
	ended_at: z.nullish(time),
	metadata: z.nullish(object),
	session_id: z.nullish(z.string().check(z.minLength(1), z.maxLength(1000))),
	attributes: z.nullish(object),
	events: z.nullish(
		z.array(z.looseObject({ name: z.string(), time, attributes: z.optional(object), dropped_attributes_count: count })),
	),
	links: z.nullish(
		z.array(
			z.looseObject({
				trace_id: z.string(),
				span_id: z.string(),
				trace_state: z.optional(z.string()),
				flags: count,
				attributes: z.optional(object),
				dropped_attributes_count: count,
			}),
		),
	),
	resource: z.nullish(
		z.looseObject({
			attributes: object,
			schema_url: z.optional(z.string()),
			dropped_attributes_count: count,
			value_hints: hints,
		}),
	),
	scope: z.nullish(
		z.looseObject({
			name: z.string(),
			version: z.optional(z.string()),
			attributes: z.optional(object),
			schema_url: z.optional(z.string()),
			dropped_attributes_count: count,
			value_hints: hints,
		}),
	),
	otel: z.nullish(
		z.looseObject({
			kind: z.int().check(z.gte(0), z.lte(0x7fffffff)),
			trace_state: z.optional(z.string()),
			flags: count,
			status_code: z.optional(z.int().check(z.gte(0), z.lte(0x7fffffff))),
			status_message: z.optional(z.string()),
			start_missing: z.optional(z.boolean()),
			end_missing: z.optional(z.boolean()),
			dropped_attributes_count: count,
			dropped_events_count: count,
			dropped_links_count: count,
			value_hints: hints,
		}),
	),
});
export type ImportSpan = z.infer<typeof importSpanSchema>;
