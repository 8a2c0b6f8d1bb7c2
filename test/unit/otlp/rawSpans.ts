import { decodeJson } from "../../../src/otlp/jsonDecode.ts";
import { decodeProtobuf } from "../../../src/otlp/protobufDecode.ts";
import {
	type DecodeResult,
	RawAttributes,
	RawBytes,
	RawList,
	RawNumber,
	type RawValue,
	type SpanSink,
} from "../../../src/otlp/rawSpan.ts";
import { RawText } from "../../../src/otlp/rawText.ts";

export interface PlainBatch extends DecodeResult {
	/** Every span with its resource and scope, as plain objects that say the type of each value. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into spans of many shapes
	readonly spans: readonly any[];
}

export function plainJson(body: unknown): PlainBatch {
	return collect((sink) => decodeJson(body, sink));
}

export function plainProtobuf(bytes: Buffer): PlainBatch {
	return collect((sink) => decodeProtobuf(bytes, sink));
}

function collect(decode: (sink: SpanSink) => DecodeResult): PlainBatch {
	const spans: unknown[] = [];
	const result = decode({
		take: (span, resource, scope) => void spans.push(plain({ ...span, resource, scope })),
	});
	return { ...result, spans };
}

function plain(value: unknown): unknown {
	if (value instanceof RawAttributes) {
		return value.keys.map((key, index) => [key.name, plainValue(value.values[index]!)]);
	}
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

function plainValue(value: RawValue): unknown {
	if (value instanceof RawText) return { text: value.text };
	if (value instanceof RawBytes) return { bytes: value.base64 };
	if (value instanceof RawNumber) return { [value.type]: value.text };
	if (value instanceof RawList) return { list: value.values.map(plainValue) };
	if (value instanceof RawAttributes) return { members: plain(value) };
	return typeof value === "number" ? { [Number.isInteger(value) ? "int" : "double"]: String(value) } : value;
}
