import * as z from "zod/mini";

/** Datasets of datapoints and the queue of those that a person is to look at (Traceway's reference, section 3). Times are RFC 3339. */
export interface WireDataset {
	readonly id: string;
	readonly name: string;
	readonly description?: string;
	readonly created_at: string;
	readonly updated_at: string;
}

export interface WireDatapoint {
	readonly id: string;
	readonly dataset_id: string;
	/** As it was sent: `{"type":"generic",…}` or `{"Generic":{…}}`, and so on. */
	readonly kind: unknown;
	readonly source: "manual" | "span_export" | "file_upload";
	readonly source_span_id?: string;
	readonly created_at: string;
}

export const QUEUE_STATES = ["pending", "claimed", "completed"] as const;
export type QueueState = (typeof QUEUE_STATES)[number];

export interface WireQueueItem {
	readonly id: string;
	readonly dataset_id: string;
	readonly datapoint_id: string;
	readonly status: QueueState;
	readonly claimed_by?: string;
	readonly claimed_at?: string;
	/** The kind of the datapoint when it was put into the queue. */
	readonly original_data?: unknown;
	readonly edited_data?: unknown;
	readonly created_at: string;
}

/** A version of a file that a span has written. */
export interface WireFile {
	/** As the span named it, `file_version`. */
	readonly hash: string;
	readonly path: string;
	readonly size: number;
	readonly created_at: string;
	readonly created_by_span: string;
}

const name = z.string().check(z.minLength(1), z.maxLength(1000));
const text = z.nullish(z.string().check(z.maxLength(100_000)));
const id = z.string().check(z.minLength(1), z.maxLength(256));

export const createDatasetSchema = z.object({ name, description: text });

export const changeDatasetSchema = z.object({ name: z.nullish(name), description: text });

export const createDatapointSchema = z.object({ kind: z.record(z.string(), z.unknown()) });

export const exportSpanSchema = z.object({ span_id: id });

const datapointIds = z.array(id).check(z.maxLength(10_000));

/** The documented object, or the bare list that an SDK sends. */
export const enqueueSchema = z.union([z.object({ datapoint_ids: datapointIds }), datapointIds]);

export const claimSchema = z.object({ claimed_by: text });

export const submitSchema = z.object({ edited_data: z.optional(z.unknown()) });
