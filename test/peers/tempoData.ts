import { encodeRequest } from "./otlpProto.ts";

/** The spans that a `TempoPeer` holds, and their forms on the wire. */

export type PeerValue = string | number | bigint | boolean | readonly PeerValue[] | { readonly double: number };

/** A span as it was ingested: spans come when they end, so each has both times. */
export interface TempoSpan {
	/** 16 hex digits. */
	readonly spanId: string;
	/** Undefined or "" for a root. */
	readonly parentSpanId?: string | undefined;
	readonly name: string;
	/** Default "assistant". */
	readonly service?: string;
	/** Nanoseconds since the epoch. */
	readonly startNs: bigint;
	readonly endNs: bigint;
	/** `SPAN_KIND_…`, default 1, internal. */
	readonly kind?: number;
	/** Text of a failed span. */
	readonly error?: string;
	readonly attributes?: Readonly<Record<string, PeerValue>>;
	readonly events?: readonly {
		readonly name: string;
		readonly timeNs: bigint;
		readonly attributes?: Readonly<Record<string, PeerValue>>;
	}[];
	readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

/** What stands where the root's names would, until the root has come. */
export const NO_ROOT_YET = "<root span not yet received>";

const SPAN_KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

function wireValue(value: PeerValue): unknown {
	if (typeof value === "string") return { stringValue: value };
	if (typeof value === "boolean") return { boolValue: value };
	if (typeof value === "bigint") return { intValue: String(value) };
	if (typeof value === "number") {
		// Integers are texts in the JSON mapping of protocol buffers.
		return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
	}
	if ("double" in value) return { doubleValue: value.double };
	return { arrayValue: { values: value.map(wireValue) } };
}

function wireAttributes(attributes: Readonly<Record<string, PeerValue>> = {}): unknown[] {
	return Object.entries(attributes).map(([key, value]) => ({ key, value: wireValue(value) }));
}

interface WireStyle {
	readonly id: (hex: string) => string;
	/** Enums by name, as Tempo's JSON has them, or by number. */
	readonly hasEnumNames: boolean;
}

function wireSpan(traceId: string, span: TempoSpan, { id, hasEnumNames }: WireStyle) {
	const kind = span.kind ?? 1;
	return {
		traceId: id(traceId),
		spanId: id(span.spanId),
		...(span.parentSpanId ? { parentSpanId: id(span.parentSpanId) } : {}),
		name: span.name,
		kind: hasEnumNames ? `SPAN_KIND_${SPAN_KINDS[kind]}` : kind,
		startTimeUnixNano: String(span.startNs),
		endTimeUnixNano: String(span.endNs),
		attributes: wireAttributes(span.attributes),
		...(span.events === undefined
			? {}
			: {
					events: span.events.map((event) => ({
						timeUnixNano: String(event.timeNs),
						name: event.name,
						attributes: wireAttributes(event.attributes),
					})),
				}),
		...(span.links === undefined
			? {}
			: { links: span.links.map((link) => ({ traceId: id(link.traceId), spanId: id(link.spanId) })) }),
		status: span.error === undefined ? {} : { code: hasEnumNames ? "STATUS_CODE_ERROR" : 2, message: span.error },
	};
}

/** One element for each service, with its spans as they came. */
function resourceSpans(traceId: string, spans: readonly TempoSpan[], style: WireStyle) {
	const services = Map.groupBy(spans, (span) => span.service ?? "assistant");
	return Array.from(services, ([service, own]) => ({
		resource: { attributes: wireAttributes({ "service.name": service }) },
		scopeSpans: [{ scope: { name: "peer" }, spans: own.map((span) => wireSpan(traceId, span, style)) }],
	}));
}

/** Forms of a trace in JSON: of the API as the reference tells it, of other versions, and of the second version of the API. */
export type TraceShape = "batches" | "resourceSpans" | "v2";

export function traceJson(
	traceId: string,
	spans: readonly TempoSpan[],
	shape: TraceShape,
	ids: "base64" | "hex",
): unknown {
	const id = (hex: string) => (ids === "hex" ? hex : Buffer.from(hex, "hex").toString("base64"));
	const list = resourceSpans(traceId, spans, { id, hasEnumNames: true });
	if (shape === "batches") return { batches: list };
	return shape === "v2" ? { trace: { resourceSpans: list } } : { resourceSpans: list };
}

/** `Trace` has its spans in the same field as an export request. The second version of the API wraps it in field 1. */
export function traceProtobuf(traceId: string, spans: readonly TempoSpan[], isWrapped = false): Buffer {
	const style: WireStyle = { id: (hex) => hex, hasEnumNames: false };
	const trace = encodeRequest({ resourceSpans: resourceSpans(traceId, spans, style) });
	return isWrapped ? Buffer.concat([Buffer.from([0x0a]), varint(trace.length), trace]) : trace;
}

function varint(value: number): Buffer {
	const bytes: number[] = [];
	let rest = value;
	for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
	return Buffer.from([...bytes, rest]);
}

/** One trace as `/api/search` lists it. Tempo writes ids as numbers: zeros at their beginning are missing. */
export function searchRow(
	traceId: string,
	spans: readonly TempoSpan[],
	matched: readonly TempoSpan[],
	options: { readonly spss: number; readonly select: readonly string[]; readonly hasServiceStats: boolean },
) {
	const startNs = spans.reduce((least, { startNs }) => (startNs < least ? startNs : least), spans[0].startNs);
	const endNs = spans.reduce((most, { endNs }) => (endNs > most ? endNs : most), spans[0].endNs);
	const root = spans.find(({ parentSpanId }) => !parentSpanId);
	const spanSet = {
		spans: matched.slice(0, options.spss).map((span) => ({
			spanID: span.spanId,
			startTimeUnixNano: String(span.startNs),
			durationNanos: String(span.endNs - span.startNs),
			attributes: wireAttributes(
				Object.fromEntries(
					options.select.flatMap((name) => {
						const value = span.attributes?.[name];
						return value === undefined ? [] : [[name, value]];
					}),
				),
			),
		})),
		matched: matched.length,
	};
	const services: Record<string, { spanCount: number; errorCount?: number }> = {};
	for (const span of spans) {
		services[span.service ?? "assistant"] ??= { spanCount: 0 };
		const service = services[span.service ?? "assistant"];
		service.spanCount++;
		if (span.error !== undefined) service.errorCount = (service.errorCount ?? 0) + 1;
	}
	const durationMs = Number((endNs - startNs) / 1_000_000n);
	return {
		traceID: traceId.replace(/^0+/, ""),
		rootServiceName: root === undefined ? NO_ROOT_YET : (root.service ?? "assistant"),
		rootTraceName: root === undefined ? NO_ROOT_YET : root.name,
		startTimeUnixNano: String(startNs),
		...(durationMs === 0 ? {} : { durationMs }),
		spanSet,
		spanSets: [spanSet],
		...(options.hasServiceStats ? { serviceStats: services } : {}),
	};
}
