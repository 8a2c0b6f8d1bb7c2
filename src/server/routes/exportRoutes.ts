import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { describeError } from "../../base/logger.ts";
import { HttpError } from "../errors.ts";
import { betweenPieces } from "../http/backpressure.ts";
import { JSON_HEADERS } from "../http/respond.ts";
import { checkId } from "../http/validation.ts";
import { type App, type AppContext, queryOf, type Services } from "../services.ts";
import { ExportReader, type ExportTrace } from "../storage/exportReader.ts";
import { exportedSpan } from "../transfer/otlpExport.ts";

/** Small traces go together; a turn of the event loop takes a few milliseconds. */
const CHARS_PER_TURN = 128 * 1024;

/** Routes under `/api/export`. */
export function addExportRoutes(app: App, services: Services): void {
	app.get("/api/export/json", (context) => sendExport(context, services, jsonPieces));
	app.get("/api/export/otlp", (context) => sendExport(context, services, otlpPieces));
}

type Pieces = (reader: ExportReader, only: ExportTrace | undefined) => Generator<string>;

/**
 * Sends all traces, or the one of `?trace_id=`, as they are at this moment: a portion a turn of the event loop, and no faster
 * than the client reads.
 */
async function sendExport(context: AppContext, { store, logger }: Services, pieces: Pieces): Promise<Response> {
	const traceId = queryOf(context).get("trace_id") || undefined;
	if (traceId !== undefined) checkId(traceId, "trace");
	const { incoming, outgoing } = context.env;
	const snapshot = store.snapshot();
	try {
		const reader = new ExportReader(snapshot.database);
		const only = traceId === undefined ? undefined : reader.trace(traceId);
		if (traceId !== undefined && only === undefined) {
			throw new HttpError(404, "not_found", "query parameter trace_id: there is no such trace");
		}
		outgoing.writeHead(200, JSON_HEADERS);
		if (incoming.method === "HEAD") {
			outgoing.end();
			return RESPONSE_ALREADY_SENT;
		}
		let text = "";
		for (const piece of pieces(reader, only)) {
			text += piece;
			if (text.length < CHARS_PER_TURN) continue;
			const isFree = outgoing.write(text);
			text = "";
			await betweenPieces(outgoing, isFree);
			if (outgoing.destroyed) return RESPONSE_ALREADY_SENT;
		}
		outgoing.end(text);
	} catch (error) {
		if (!outgoing.headersSent) throw error;
		// Too late for another status: an answer that breaks off cannot be taken for a whole one.
		logger.error(`an export broke off: ${describeError(error)}`);
		outgoing.destroy();
	} finally {
		snapshot.close();
	}
	return RESPONSE_ALREADY_SENT;
}

function* tracesOf(reader: ExportReader, only: ExportTrace | undefined): Generator<readonly ExportTrace[]> {
	if (only !== undefined) yield [only];
	else yield* reader.traces();
}

/** `WireExport`: the records first, so that an import knows a trace before its spans. */
function* jsonPieces(reader: ExportReader, only: ExportTrace | undefined): Generator<string> {
	let separator = "";
	yield '{"records":{';
	for (const traces of tracesOf(reader, only)) {
		let text = "";
		for (const { id, record } of traces) {
			if (record === undefined) continue;
			text += `${separator}\n${JSON.stringify(id)}:${record.text}`;
			separator = ",";
		}
		yield text;
	}
	yield '},\n"traces":{';
	separator = "";
	for (const traces of tracesOf(reader, only)) {
		for (const trace of traces) {
			let head = `${separator}\n${JSON.stringify(trace.id)}:[`;
			separator = ",";
			for (const texts of reader.spans(trace.ref)) {
				yield `${head}\n${texts.join(",\n")}`;
				head = ",";
			}
			yield head === "," ? "]" : `${head}]`;
		}
	}
	yield "}}\n";
}

/** `ExportTraceServiceRequest`; spans that follow each other and have one resource and scope share their groups. */
function* otlpPieces(reader: ExportReader, only: ExportTrace | undefined): Generator<string> {
	yield '{"resourceSpans":[';
	let resource: string | undefined;
	let scope: string | undefined;
	for (const traces of tracesOf(reader, only)) {
		for (const trace of traces) {
			let first: ExportTrace | undefined = trace;
			for (const texts of reader.spans(trace.ref)) {
				let piece = "";
				for (const text of texts) {
					const span = exportedSpan(text, first);
					first = undefined;
					if (span.resource !== resource) {
						piece += `${resource === undefined ? "" : "]}]},"}\n{${span.resource},"scopeSpans":[{${span.scope},"spans":[`;
					} else if (span.scope !== scope) piece += `]},{${span.scope},"spans":[`;
					else piece += ",";
					piece += `\n${span.span}`;
					({ resource, scope } = span);
				}
				yield piece;
			}
		}
	}
	yield resource === undefined ? "]}\n" : "]}]}]}\n";
}
