import { readFileSync } from "node:fs";
import protobuf from "protobufjs";

/** The export messages as protobufjs has them, from the same definition that exporters are generated from. */
const root = protobuf.parse(readFileSync(new URL("../fixtures/otlp/trace.proto", import.meta.url), "utf8")).root;

export const exportRequest = root.lookupType("ExportTraceServiceRequest");
export const exportResponse = root.lookupType("ExportTraceServiceResponse");

type Json = Record<string, unknown>;

/** An export request in OTLP/JSON as protobuf, encoded by protobufjs. */
export function encodeRequest(body: unknown): Buffer {
	return Buffer.from(exportRequest.encode(exportRequest.fromObject(withBytes(body) as Json)).finish());
}

const ID_NAMES = new Set(["traceId", "spanId", "parentSpanId"]);

/** The same request with its ids as bytes, which OTLP/JSON writes in hex and protobuf's own JSON mapping in base64. */
function withBytes(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withBytes);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value).map(([name, member]) => [
			name,
			ID_NAMES.has(name) && typeof member === "string" ? Buffer.from(member, "hex") : withBytes(member),
		]),
	);
}
