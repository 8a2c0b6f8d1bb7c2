import { PbfReader } from "pbf";
import { nanosOf, type Timestamp } from "../../src/base/timestamp.ts";
import { attributeKey } from "../../src/otlp/attributeKey.ts";
import { RawAttributes, RawBytes, RawList, type RawValue, rawDouble, type SpanSink } from "../../src/otlp/rawSpan.ts";
import { RawText } from "../../src/otlp/rawText.ts";
import { exportRequest } from "../peers/otlpProto.ts";

/** Numbers of 64 bits as protobufjs has them. */
interface Long {
	readonly high: number;
	readonly low: number;
	toNumber(): number;
}

/** What general decoders make of a request. Numbers of 64 bits are `Long` or `Timestamp`. */
interface PeerRequest {
	readonly resourceSpans: readonly {
		readonly resource?: { readonly attributes?: readonly PeerKeyValue[] };
		readonly scopeSpans: readonly {
			readonly scope?: { readonly name?: string; readonly version?: string };
			readonly spans: readonly PeerSpan[];
		}[];
	}[];
}

interface PeerSpan {
	readonly traceId: Buffer;
	readonly spanId: Buffer;
	readonly parentSpanId: Buffer;
	readonly name: string;
	readonly kind: number;
	readonly startTimeUnixNano: Long | Timestamp;
	readonly endTimeUnixNano: Long | Timestamp;
	readonly attributes: readonly PeerKeyValue[];
	readonly status?: { readonly code?: number; readonly message?: string } | undefined;
}

interface PeerKeyValue {
	readonly key: string;
	readonly value: PeerValue;
}

interface PeerValue {
	stringValue?: string;
	boolValue?: boolean;
	intValue?: Long | number;
	doubleValue?: number;
	arrayValue?: { readonly values: readonly PeerValue[] };
	kvlistValue?: { readonly values: readonly PeerKeyValue[] };
	bytesValue?: Buffer;
}

/** protobufjs, its decoders generated from the definition. */
export function decodeWithProtobufjs(bytes: Buffer, sink: SpanSink): void {
	handOver(exportRequest.decode(bytes) as unknown as PeerRequest, sink, valueOfProtobufjs);
}

/** pbf, with readers as its compiler writes them, but for times, which it would round to doubles. */
export function decodeWithPbf(bytes: Buffer, sink: SpanSink): void {
	const pbf = new PbfReader(bytes);
	handOver(readRequest(pbf, pbf.length), sink, valueOfPbf);
}

function handOver(request: PeerRequest, sink: SpanSink, readValueOf: ValueReader): void {
	for (const group of request.resourceSpans) {
		const resource = {
			attributes: attributesOf(group.resource?.attributes ?? [], readValueOf),
			droppedAttributes: 0,
			schemaUrl: "",
		};
		for (const { scope: given, spans } of group.scopeSpans) {
			const scope = {
				name: given?.name ?? "",
				version: given?.version ?? "",
				attributes: attributesOf([], readValueOf),
				droppedAttributes: 0,
				schemaUrl: "",
			};
			for (const span of spans) {
				const { status } = span;
				sink.take(
					{
						traceId: span.traceId.toString("hex"),
						spanId: span.spanId.toString("hex"),
						parentSpanId: span.parentSpanId.length === 0 ? null : span.parentSpanId.toString("hex"),
						traceState: "",
						flags: 0,
						name: span.name,
						kind: span.kind,
						start: timeOf(span.startTimeUnixNano),
						end: timeOf(span.endTimeUnixNano),
						attributes: attributesOf(span.attributes, readValueOf),
						droppedAttributes: 0,
						events: [],
						droppedEvents: 0,
						links: [],
						droppedLinks: 0,
						statusCode: status?.code ?? 0,
						statusMessage: status?.message ?? "",
					},
					resource,
					scope,
				);
			}
		}
	}
}

function timeOf(time: Long | Timestamp): Timestamp {
	return "subNs" in time ? time : nanosOf(time.high >>> 0, time.low >>> 0);
}

type ValueReader = (value: PeerValue) => RawValue;

function attributesOf(list: readonly PeerKeyValue[], readValueOf: ValueReader): RawAttributes {
	const attributes = new RawAttributes();
	for (const { key, value } of list) attributes.add(attributeKey(key), readValueOf(value));
	return attributes.finish();
}

function valueOfPbf(value: PeerValue): RawValue {
	if (value.stringValue !== undefined) return new RawText(value.stringValue);
	if (value.intValue !== undefined) return value.intValue as number;
	if (value.doubleValue !== undefined) return rawDouble(value.doubleValue);
	return value.boolValue ?? otherValue(value, valueOfPbf);
}

/** Members that were not sent have a default on the prototype. */
function valueOfProtobufjs(value: PeerValue): RawValue {
	if (Object.hasOwn(value, "stringValue")) return new RawText(value.stringValue);
	if (Object.hasOwn(value, "intValue")) return (value.intValue as Long).toNumber();
	if (Object.hasOwn(value, "doubleValue")) return rawDouble(value.doubleValue ?? 0);
	return Object.hasOwn(value, "boolValue") ? (value.boolValue ?? null) : otherValue(value, valueOfProtobufjs);
}

function otherValue(value: PeerValue, readValueOf: ValueReader): RawValue {
	if (value.arrayValue) {
		const list = new RawList();
		for (const item of value.arrayValue.values) list.values.push(readValueOf(item));
		return list;
	}
	if (value.kvlistValue) return attributesOf(value.kvlistValue.values, readValueOf);
	return value.bytesValue && value.bytesValue.length > 0 ? new RawBytes(value.bytesValue.toString("base64")) : null;
}

function readRequest(pbf: PbfReader, end: number): PeerRequest {
	const request = { resourceSpans: [] as PeerRequest["resourceSpans"][number][] };
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 1) request.resourceSpans.push(readResourceSpans(pbf, pbf.readVarint() + pbf.pos));
	}
	return request;
}

function readResourceSpans(pbf: PbfReader, end: number): PeerRequest["resourceSpans"][number] {
	const group = {
		resource: { attributes: [] as PeerKeyValue[] },
		scopeSpans: [] as PeerRequest["resourceSpans"][number]["scopeSpans"][number][],
	};
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 1) group.resource = { attributes: readKeyValues(pbf, pbf.readVarint() + pbf.pos) };
		else if (field === 2) group.scopeSpans.push(readScopeSpans(pbf, pbf.readVarint() + pbf.pos));
	}
	return group;
}

/** `Resource`, `KeyValueList`: key-value pairs as field 1. */
function readKeyValues(pbf: PbfReader, end: number): PeerKeyValue[] {
	const list: PeerKeyValue[] = [];
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 1) list.push(readKeyValue(pbf, pbf.readVarint() + pbf.pos));
	}
	return list;
}

function readScopeSpans(pbf: PbfReader, end: number): PeerRequest["resourceSpans"][number]["scopeSpans"][number] {
	const group = { scope: { name: "", version: "" }, spans: [] as PeerSpan[] };
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 1) {
			const scopeEnd = pbf.readVarint() + pbf.pos;
			for (let field = pbf.nextField(scopeEnd); field; field = pbf.nextField(scopeEnd)) {
				if (field === 1) group.scope.name = pbf.readString();
				else if (field === 2) group.scope.version = pbf.readString();
			}
		} else if (field === 2) group.spans.push(readSpan(pbf, pbf.readVarint() + pbf.pos));
	}
	return group;
}

const EMPTY: Buffer = Buffer.alloc(0);
const EPOCH: Timestamp = { ms: 0, subNs: 0 };

function readSpan(pbf: PbfReader, end: number): PeerSpan {
	const span = {
		traceId: EMPTY,
		spanId: EMPTY,
		traceState: "",
		parentSpanId: EMPTY,
		name: "",
		kind: 0,
		startTimeUnixNano: EPOCH,
		endTimeUnixNano: EPOCH,
		attributes: [] as PeerKeyValue[],
		status: undefined as { code: number; message: string } | undefined,
	};
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 1) span.traceId = pbf.readBytes() as Buffer;
		else if (field === 2) span.spanId = pbf.readBytes() as Buffer;
		else if (field === 3) span.traceState = pbf.readString();
		else if (field === 4) span.parentSpanId = pbf.readBytes() as Buffer;
		else if (field === 5) span.name = pbf.readString();
		else if (field === 6) span.kind = pbf.readVarint();
		else if (field === 7) span.startTimeUnixNano = readTime(pbf);
		else if (field === 8) span.endTimeUnixNano = readTime(pbf);
		else if (field === 9) span.attributes.push(readKeyValue(pbf, pbf.readVarint() + pbf.pos));
		else if (field === 15) span.status = readStatus(pbf, pbf.readVarint() + pbf.pos);
	}
	return span;
}

function readTime(pbf: PbfReader): Timestamp {
	const low = pbf.readFixed32();
	return nanosOf(pbf.readFixed32(), low);
}

function readStatus(pbf: PbfReader, end: number): { code: number; message: string } {
	const status = { code: 0, message: "" };
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 2) status.message = pbf.readString();
		else if (field === 3) status.code = pbf.readVarint();
	}
	return status;
}

function readKeyValue(pbf: PbfReader, end: number): PeerKeyValue {
	const entry: { key: string; value: PeerValue } = { key: "", value: {} };
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 1) entry.key = pbf.readString();
		else if (field === 2) entry.value = readValue(pbf, pbf.readVarint() + pbf.pos);
	}
	return entry;
}

function readValue(pbf: PbfReader, end: number): PeerValue {
	const value: PeerValue = {};
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 1) value.stringValue = pbf.readString();
		else if (field === 2) value.boolValue = pbf.readBoolean();
		else if (field === 3) value.intValue = pbf.readVarint(true);
		else if (field === 4) value.doubleValue = pbf.readDouble();
		else if (field === 5) value.arrayValue = { values: readValues(pbf, pbf.readVarint() + pbf.pos) };
		else if (field === 6) value.kvlistValue = { values: readKeyValues(pbf, pbf.readVarint() + pbf.pos) };
		else if (field === 7) value.bytesValue = pbf.readBytes() as Buffer;
	}
	return value;
}

function readValues(pbf: PbfReader, end: number): PeerValue[] {
	const values: PeerValue[] = [];
	for (let field = pbf.nextField(end); field; field = pbf.nextField(end)) {
		if (field === 1) values.push(readValue(pbf, pbf.readVarint() + pbf.pos));
	}
	return values;
}
