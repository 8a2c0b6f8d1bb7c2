import { randomBytes } from "node:crypto";
import { PbfWriter } from "pbf";

/** A span of its own trace that `doctor` sends, in the encodings of OTLP. */
export interface DoctorSpan {
	readonly traceId: string;
	readonly spanId: string;
	/** Nanoseconds since the epoch. */
	readonly startNs: bigint;
	readonly endNs: bigint;
}

export const DOCTOR_NAME = "traceway-live doctor";
const SERVICE_NAME = "traceway-live-doctor";

/** A span with ids that nobody else has. */
export function doctorSpan(nowMs: number): DoctorSpan {
	const startNs = BigInt(nowMs) * 1_000_000n;
	// All but impossible, and not allowed: ids of zeros only.
	const hex = (bytes: number) => `${randomBytes(bytes - 1).toString("hex")}01`;
	return { traceId: hex(16), spanId: hex(8), startNs, endNs: startNs + 1_234_567n };
}

/** `ExportTraceServiceRequest` in the JSON mapping of OTLP. */
export function otlpJson({ traceId, spanId, startNs, endNs }: DoctorSpan): Buffer {
	const span = {
		traceId,
		spanId,
		name: DOCTOR_NAME,
		kind: 1,
		startTimeUnixNano: String(startNs),
		endTimeUnixNano: String(endNs),
	};
	const resource = { attributes: [{ key: "service.name", value: { stringValue: SERVICE_NAME } }] };
	const scopeSpans = [{ scope: { name: DOCTOR_NAME }, spans: [span] }];
	return Buffer.from(JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] }));
}

/** The same as protocol buffers (opentelemetry-proto, trace.proto; field numbers from there). */
export function otlpProtobuf(span: DoctorSpan): Buffer {
	const writer = new PbfWriter();
	writer.writeMessage(1, writeResourceSpans, span);
	const bytes = writer.finish();
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function writeResourceSpans(span: DoctorSpan, writer: PbfWriter): void {
	writer.writeMessage(1, writeResource, SERVICE_NAME);
	writer.writeMessage(2, writeScopeSpans, span);
}

function writeResource(service: string, writer: PbfWriter): void {
	writer.writeMessage(1, writeServiceName, service);
}

function writeServiceName(service: string, writer: PbfWriter): void {
	writer.writeStringField(1, "service.name");
	writer.writeMessage(2, (value, inner) => inner.writeStringField(1, value), service);
}

function writeScopeSpans(span: DoctorSpan, writer: PbfWriter): void {
	writer.writeMessage(1, (name, inner) => inner.writeStringField(1, name), DOCTOR_NAME);
	writer.writeMessage(2, writeSpan, span);
}

function writeSpan(span: DoctorSpan, writer: PbfWriter): void {
	writer.writeBytesField(1, Buffer.from(span.traceId, "hex"));
	writer.writeBytesField(2, Buffer.from(span.spanId, "hex"));
	writer.writeStringField(5, DOCTOR_NAME);
	writer.writeVarintField(6, 1);
	writeFixed64(writer, 7, span.startNs);
	writeFixed64(writer, 8, span.endNs);
}

/** Nanoseconds do not fit into the number that the library's own method takes. */
function writeFixed64(writer: PbfWriter, field: number, value: bigint): void {
	writer.writeTag(field, 1);
	writer.writeFixed32(Number(value & 0xffffffffn));
	writer.writeFixed32(Number(value >> 32n));
}
