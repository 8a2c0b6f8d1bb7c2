import type { IncomingMessage } from "node:http";
import { HttpError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import type { PostHandler } from "../http/postRoutes.ts";
import type { Answer } from "../http/respond.ts";
import type { App, Services } from "../services.ts";
import { type Encoding, OtlpIngest } from "./ingest.ts";

/**
 * Adds the paths where OpenTelemetry's exporters send: `/v1/traces`, and the base path for those that were given the whole
 * address of the endpoint; `/v1/logs` and `/v1/metrics` take what nobody here shows.
 */
export function addOtlpRoutes(_app: App, { store, counters, posts }: Services): void {
	const ingest = new OtlpIngest(store, counters);
	const add = (path: string, take: (message: Buffer, encoding: Encoding) => Buffer | Promise<Buffer>) => {
		const handler: PostHandler = async (request) => {
			const encoding = encodingOf(request);
			return answer(await take(await readBody(request), encoding), encoding);
		};
		posts.add(path, handler);
	};
	add("/v1/traces", (message, encoding) => ingest.traces(message, encoding));
	add("/", (message, encoding) => ingest.traces(message, encoding));
	add("/v1/logs", (message, encoding) => ingest.drop("logs", message, encoding));
	add("/v1/metrics", (message, encoding) => ingest.drop("metrics", message, encoding));
}

const TYPES: Readonly<Record<Encoding, string>> = { json: "application/json", protobuf: "application/x-protobuf" };

/** "The server MUST use the same Content-Type in the response as it received in the request" (OTLP specification). */
function answer(message: Buffer, encoding: Encoding): Answer {
	return { status: 200, body: message, type: TYPES[encoding] };
}

function encodingOf(request: IncomingMessage): Encoding {
	const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
	if (type === "application/x-protobuf" || type === "application/protobuf") return "protobuf";
	if (type === "application/json") return "json";
	const got = type === undefined ? "no Content-Type" : `Content-Type ${type.slice(0, 100)}`;
	throw new HttpError(
		415,
		"unsupported_media_type",
		`header Content-Type: must be application/x-protobuf or application/json, got ${got}; set ` +
			"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf or http/json in the program that sends",
	);
}
