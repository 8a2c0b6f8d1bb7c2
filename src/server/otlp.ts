import type { IncomingMessage } from "node:http";
import { nowTimestamp, type Timestamp } from "../base/timestamp.ts";
import { readBody } from "./body.ts";
import { HttpError } from "./errors.ts";
import { decodeOtlpJson, type OtlpSpan, UNNAMED_TRACE } from "./otlpDecode.ts";
import { jsonText } from "./respond.ts";
import type { App, Services } from "./services.ts";
import { prepareKind } from "./spanKind.ts";
import type { WholeSpan } from "./storage/spanRecord.ts";
import type { Store } from "./storage/store.ts";

const TAGS_JSON = '["otlp"]';

/** What one batch knows of a trace. */
interface TracePart {
	rootName: string | undefined;
	serviceName: string | undefined;
	start: Timestamp;
}

/** Adds `POST /v1/traces`, where OpenTelemetry's exporters send by default. */
export function addOtlpRoute(app: App, { store }: Services): void {
	app.post("/v1/traces", (context) => ingestOtlp(context.env.incoming, store));
}

/**
 * Takes one OTLP/HTTP export request in its JSON encoding, compressed or not, and answers when its spans are on disk. The
 * same batch again changes nothing. Spans that cannot be taken are counted in the answer: "The server MUST set the
 * `rejected_spans` field" (OTLP specification, partial success); the others are kept.
 *
 * @throws HttpError 415 for other encodings, 400 for a body that is no export request, 413 for one that is too large.
 */
async function ingestOtlp(request: IncomingMessage, store: Store): Promise<Response> {
	const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
	if (type !== "application/json") {
		const got = type === undefined ? "no Content-Type" : `Content-Type ${type.slice(0, 100)}`;
		throw new HttpError(
			415,
			"unsupported_media_type",
			`header Content-Type: must be application/json, got ${got}; set OTEL_EXPORTER_OTLP_PROTOCOL=http/json in the ` +
				"program that sends (protobuf is not read here)",
		);
	}
	const body = parse(await readBody(request));
	const { spans, rejectedSpans, firstProblem } = decodeOtlpJson(body, nowTimestamp());
	if (spans.length > 0) await write(spans, store);
	if (rejectedSpans === 0) return jsonText("{}");
	// int64 is a string in the JSON mapping of protocol buffers.
	const partialSuccess = { rejectedSpans: String(rejectedSpans), errorMessage: firstProblem };
	return jsonText(JSON.stringify({ partialSuccess }));
}

function parse(body: Buffer): unknown {
	if (body.length === 0) throw new HttpError(400, "invalid_json", "body: is empty, a JSON object was expected");
	try {
		return JSON.parse(body.toString("utf8"));
	} catch (error) {
		const why = error instanceof Error ? error.message.slice(0, 200) : "";
		throw new HttpError(400, "invalid_json", `body: is no valid JSON (${why})`);
	}
}

async function write(spans: readonly OtlpSpan[], store: Store): Promise<void> {
	const parts = new Map<string, TracePart>();
	for (const span of spans) {
		const part = parts.get(span.traceId);
		if (part === undefined) {
			const rootName = span.parentSpanId === null ? span.name : undefined;
			parts.set(span.traceId, { rootName, serviceName: span.serviceName, start: span.start });
			continue;
		}
		if (span.parentSpanId === null) part.rootName ??= span.name;
		part.serviceName ??= span.serviceName;
		if (isBefore(span.start, part.start)) part.start = span.start;
	}
	const traces = [...parts].map(([id, { rootName, serviceName, start }]) => ({
		id,
		name: (rootName || serviceName || UNNAMED_TRACE).toWellFormed(),
		isNameFinal: Boolean(rootName),
		tagsJson: TAGS_JSON,
		start,
	}));
	await store.addBatch({ traces, spans: spans.map(toWholeSpan) });
}

function toWholeSpan(span: OtlpSpan): WholeSpan {
	const { attributes } = span.kind;
	return {
		id: span.spanId,
		traceId: span.traceId,
		parentId: span.parentSpanId,
		name: span.name.toWellFormed(),
		kind: prepareKind(span.kind, attributes === undefined ? undefined : JSON.stringify(attributes), span.start.ms),
		sessionId: null,
		inputJson: null,
		outputJson: null,
		metadataJson: span.metadata === undefined ? null : JSON.stringify(span.metadata),
		start: span.start,
		end: span.end,
		error: span.error === undefined ? null : span.error.toWellFormed(),
		otel: undefined,
	};
}

function isBefore(time: Timestamp, other: Timestamp): boolean {
	return time.ms < other.ms || (time.ms === other.ms && time.subNs < other.subNs);
}
