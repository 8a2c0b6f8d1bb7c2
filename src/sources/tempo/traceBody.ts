import type { Timestamp } from "../../base/timestamp.ts";
import { forgetCheckedBytes } from "../../otlp/jsonCheck.ts";
import { decodeJson } from "../../otlp/jsonDecode.ts";
import { jsonPieces } from "../../otlp/jsonPieces.ts";
import { Normaliser } from "../../otlp/normalise.ts";
import { OtlpError } from "../../otlp/otlpError.ts";
import { decodeProtobuf } from "../../otlp/protobufDecode.ts";
import { protobufPieces } from "../../otlp/protobufPieces.ts";
import type { WholeSpan } from "../../otlp/spanRecord.ts";
import { SourceError } from "../source.ts";

/** A trace as the server gave it. */
export interface TraceBody {
	readonly bytes: Buffer;
	readonly isJson: boolean;
}

export interface SpanBatch {
	readonly spans: readonly WholeSpan[];
	/** Spans that could not be read, or belong to another trace. */
	readonly undecodable: number;
}

/** Decoded and normalised in 2 to 4 ms. */
const PIECE_BYTES = 128 * 1024;

/** Costs are estimated by the store, which knows when prices are there. */
const noEstimate = () => null;

/**
 * The spans of a trace, in batches that are small enough to be read between two turns of the event loop.
 *
 * @param now stands for a start time that is missing together with its end time.
 * @param spanId only batches that may hold this span.
 * @throws SourceError `protocol` when the body is no trace.
 */
export function* spanBatches(body: TraceBody, traceId: string, now: Timestamp, spanId?: string): Generator<SpanBatch> {
	const read = (decode: (sink: Normaliser) => ReturnType<typeof decodeJson>): SpanBatch => {
		const normaliser = new Normaliser(now, noEstimate);
		const { spans, rejectedSpans } = normaliser.batch(decode(normaliser));
		const own = spans.filter((span) => span.traceId === traceId);
		return { spans: own, undecodable: rejectedSpans + spans.length - own.length };
	};
	try {
		if (body.isJson) {
			for (const piece of jsonPieces(body.bytes.toString("utf8"), PIECE_BYTES)) {
				yield read((sink) => decodeJson(piece, sink));
			}
			return;
		}
		const id = spanId === undefined ? undefined : Buffer.from(spanId, "hex");
		for (const piece of protobufPieces(body.bytes, PIECE_BYTES)) {
			if (id === undefined || piece.includes(id)) yield read((sink) => decodeProtobuf(piece, sink));
		}
	} catch (error) {
		if (!(error instanceof OtlpError)) throw error;
		throw new SourceError("protocol", `GET /api/traces/:id: ${error.message}`, { cause: error });
	} finally {
		forgetCheckedBytes();
	}
}
