import type { Timestamp } from "../base/timestamp.ts";

/**
 * Token counts of one model call, in whole tokens; null is unknown, never 0. `input` counts everything that was sent, `cacheRead`
 * and `cacheWrite` are parts of it; `output` counts everything that came back, `reasoning` is a part of it.
 */
export interface TokenCounts {
	readonly input: number | null;
	readonly output: number | null;
	readonly cacheRead: number | null;
	readonly cacheWrite: number | null;
	readonly reasoning: number | null;
}

/** A span's kind, taken apart for the tables. */
export interface SpanKindRecord {
	/** Discriminator on the wire: `llm_call`, `custom`, `fs_read`, … */
	readonly type: string;
	/** The word that `?kind=` also matches: the inner kind of a custom span (`tool_call`, `agent`, …), else the type. */
	readonly name: string;
	readonly model: string | null;
	readonly provider: string | null;
	/** File of `fs_read` and `fs_write`. */
	readonly path: string | null;
	readonly tokens: TokenCounts;
	/** US dollars, the caller's or estimated. */
	readonly cost: number | null;
	/**
	 * True when tokens and cost are those of everything below the span and its own (`usage_scope: "subtree"` on the wire), as
	 * agents and the outer spans of the Vercel AI SDK report them. They then count only where nothing below reports any.
	 */
	readonly isRollup: boolean;
	/** Tool that a `tool_call` span ran, agent that it belongs to. */
	readonly toolName: string | null;
	readonly agentName: string | null;
	/**
	 * The wire object as compact JSON, of a custom span without its attributes unless there are none. Null when it is what
	 * `kindText` makes of the other members.
	 */
	readonly kindJson: string | null;
	/** Own attributes of a custom span that came by REST; those from OpenTelemetry are in `OtelPart`. */
	readonly attributesJson: string | null;
	/** Name of the service that the span came from, which skeletons keep. */
	readonly serviceName: string | null;
}

/**
 * What OpenTelemetry tells of a span beyond Traceway's fields, so that nothing of it is thrown away. Texts named `…Json` are
 * compact JSON in the shapes of `protocol/rest.ts`; null is "unset".
 */
export interface OtelPart {
	/** Object of key → plain JSON, without the attributes named by `inputKey` and `outputKey`. */
	readonly attributesJson: string | null;
	/** `input` (`output`) is the value of this attribute, which is therefore not in `attributesJson` as well. */
	readonly inputKey: MovedAttribute | null;
	readonly outputKey: MovedAttribute | null;
	/** Array of `WireSpanEvent`. */
	readonly eventsJson: string | null;
	/** Array of `WireSpanLink`. */
	readonly linksJson: string | null;
	/** `WireResource`; the same text for many spans. */
	readonly resourceJson: string | null;
	/** `WireScope`; the same text for many spans. */
	readonly scopeJson: string | null;
	/** `WireOtel`: kind, trace state, flags, status, counts of dropped things, and hints of types that JSON does not have. */
	readonly otelJson: string | null;
}

export interface MovedAttribute {
	readonly key: string;
	/** True when the attribute is a string that holds the JSON text; false when it is the value itself. */
	readonly isJsonText: boolean;
}

/** A span that begins. Texts named `…Json` are compact JSON, null is "unset". */
export interface NewSpan {
	/** Undefined lets the server make a ULID. */
	readonly id: string | undefined;
	readonly traceId: string;
	readonly parentId: string | null;
	/** Well-formed text. */
	readonly name: string;
	readonly kind: SpanKindRecord;
	/** Id of the session that the span itself names; null leaves it to the tags of its trace. */
	readonly sessionId: string | null;
	readonly inputJson: string | null;
	readonly metadataJson: string | null;
	/** Undefined is now. */
	readonly start: Timestamp | undefined;
	/** Undefined for a span that did not come from OpenTelemetry. */
	readonly otel: OtelPart | undefined;
}

/** A span that arrives as a whole: from OpenTelemetry or an import. */
export interface WholeSpan extends NewSpan {
	readonly id: string;
	readonly start: Timestamp;
	/** Undefined while it runs. */
	readonly end: Timestamp | undefined;
	readonly outputJson: string | null;
	/** Text of a failed span, null of any other. */
	readonly error: string | null;
}

/** What a batch of spans tells of a trace. */
export interface SeenTrace {
	readonly id: string;
	/** Well-formed text. */
	readonly name: string;
	/** False when only a service or nothing gave the name, and a root span's would be better. */
	readonly isNameFinal: boolean;
	/** JSON array of strings. */
	readonly tagsJson: string;
	readonly start: Timestamp;
}

/** Spans and traces of one request, ready to be stored, and what could not be taken. */
export interface IngestBatch {
	readonly spans: readonly WholeSpan[];
	readonly traces: readonly SeenTrace[];
	readonly rejectedSpans: number;
	/** Why the first rejected span was left out, with its place. */
	readonly firstProblem: string | undefined;
}
