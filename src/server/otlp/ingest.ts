import { nowTimestamp } from "../../base/timestamp.ts";
import { forgetCheckedBytes } from "../../otlp/jsonCheck.ts";
import { decodeJson } from "../../otlp/jsonDecode.ts";
import { Normaliser } from "../../otlp/normalise.ts";
import { OtlpError } from "../../otlp/otlpError.ts";
import { decodeProtobuf } from "../../otlp/protobufDecode.ts";
import type { IngestBatch } from "../../otlp/spanRecord.ts";
import type { ServerCounters } from "../counters.ts";
import { HttpError, httpErrorOfOtlp } from "../errors.ts";
import { estimateCost } from "../spanKind.ts";
import type { Store } from "../storage/store.ts";
import { countJson, countProtobuf, type DroppedSignal } from "./signalCount.ts";

/** How a request is encoded, and its answer with it. */
export type Encoding = "json" | "protobuf";

/** The three exports of OTLP, from the message of a request to that of its answer: under HTTP and gRPC alike. */
export class OtlpIngest {
	readonly #store: Store;
	readonly #counters: ServerCounters;

	constructor(store: Store, counters: ServerCounters) {
		this.#store = store;
		this.#counters = counters;
	}

	/**
	 * Takes the spans of an `ExportTraceServiceRequest` and answers when they are on disk. The same request again changes
	 * nothing. Spans that cannot be taken are counted in the answer, with the reason for the first: "The server MUST set the
	 * `rejected_spans` field" (OTLP specification, partial success); the others are kept.
	 *
	 * @throws HttpError 400 for a message that is no export request.
	 */
	async traces(message: Buffer, encoding: Encoding): Promise<Buffer> {
		const batch = ingestBatch(message, encoding);
		if (batch.spans.length > 0) await this.#store.addBatch(batch);
		const { rejectedSpans, firstProblem } = batch;
		if (rejectedSpans === 0) return SUCCESS[encoding];
		return encoding === "json"
			? partialJson(rejectedSpans, firstProblem)
			: partialProtobuf(rejectedSpans, firstProblem);
	}

	/**
	 * Accepts log records or metrics and throws them away, so that programs that send all three signals to one address stay
	 * quiet; how many they were is counted.
	 *
	 * @throws HttpError 400 for a message that is no export request.
	 */
	drop(signal: DroppedSignal, message: Buffer, encoding: Encoding): Buffer {
		const count = encoding === "json" ? countJson(signal, parseJson(message)) : countProtobuf(signal, message);
		if (signal === "logs") this.#counters.droppedLogs += count;
		else this.#counters.droppedMetrics += count;
		return SUCCESS[encoding];
	}
}

/** Decodes and normalises a request; a start time that is missing together with its end time is now. */
export function ingestBatch(message: Buffer, encoding: Encoding): IngestBatch {
	const normaliser = new Normaliser(nowTimestamp(), estimateCost);
	try {
		const isJson = encoding === "json";
		const result = isJson ? decodeJson(parseJson(message), normaliser) : decodeProtobuf(message, normaliser);
		return normaliser.batch(result);
	} catch (error) {
		throw error instanceof OtlpError ? httpErrorOfOtlp(error) : error;
	} finally {
		forgetCheckedBytes();
	}
}

function parseJson(message: Buffer): unknown {
	if (message.length === 0) throw new HttpError(400, "invalid_json", "body: is empty, a JSON object was expected");
	try {
		return JSON.parse(message.toString("utf8"));
	} catch (error) {
		const why = error instanceof Error ? error.message.slice(0, 200) : "";
		throw new HttpError(400, "invalid_json", `body: is no valid JSON (${why})`);
	}
}

/** A message without any field has no bytes in protobuf. */
const SUCCESS: Readonly<Record<Encoding, Buffer>> = { json: Buffer.from("{}"), protobuf: Buffer.alloc(0) };

function partialJson(rejectedSpans: number, errorMessage: string | undefined): Buffer {
	// int64 is a string in the JSON mapping of protocol buffers.
	return Buffer.from(JSON.stringify({ partialSuccess: { rejectedSpans: String(rejectedSpans), errorMessage } }));
}

/** `ExportTraceServiceResponse`: partial_success = 1, in it rejected_spans = 1 and error_message = 2. */
function partialProtobuf(rejectedSpans: number, errorMessage = ""): Buffer {
	const text = Buffer.from(errorMessage);
	const inner = Buffer.concat([Buffer.from([0x08, ...varint(rejectedSpans), 0x12, ...varint(text.length)]), text]);
	return Buffer.concat([Buffer.from([0x0a, ...varint(inner.length)]), inner]);
}

function varint(value: number): number[] {
	const bytes: number[] = [];
	let rest = value;
	while (rest >= 0x80) {
		bytes.push((rest % 0x80) + 0x80);
		rest = Math.floor(rest / 0x80);
	}
	bytes.push(rest);
	return bytes;
}
