import { buildSchema, GraphQLError, type GraphQLSchema } from "graphql";

/** `new` has times in nanoseconds and the name of the operation, `old` lacks both (reference, section 2). */
export type CloudgridAge = "new" | "old";

/** The part of CloudGrid's public schema that is about traces. */
export function cloudgridSchema(age: CloudgridAge): GraphQLSchema {
	const isNew = age === "new";
	return buildSchema(`
		scalar DateTime
		scalar JSON
		enum TraceStatus { ok error unset }
		enum TraceSort { startedAt_desc startedAt_asc duration_desc duration_asc errorFirst }
		enum LiveTraceEventType { snapshot added updated heartbeat }
		enum AttributeFilterOperator { eq neq contains exists gt gte lt lte in not_in }
		enum SpanMatchReason { selected search filter error criticalPath }
		enum LinkDirection { forward backward unknown }
		enum LogCorrelation { trace span contextual none }

		type Query {
			traces(input: TraceSearchInput = {}): TraceSearchResult!
			trace(id: ID!, input: TraceDetailInput = {}): TraceDetail
		}
		type Subscription { liveTraces(input: LiveTraceInput = {}): LiveTraceEvent! }

		input AttributeFilterInput { key: String! operator: AttributeFilterOperator! value: JSON }
		input TraceSearchInput {
			service: String services: [String!] query: String ${isNew ? "operationName: String" : ""} spanName: String
			from: DateTime to: DateTime status: TraceStatus minDurationMs: Float maxDurationMs: Float
			attributes: [AttributeFilterInput!] sort: TraceSort = startedAt_desc limit: Int = 50 cursor: String
		}
		input LiveTraceInput {
			service: String services: [String!] query: String ${isNew ? "operationName: String" : ""} spanName: String
			from: DateTime status: TraceStatus minDurationMs: Float maxDurationMs: Float
			attributes: [AttributeFilterInput!] limit: Int = 100
		}
		input TraceDetailInput {
			selectedSpanId: ID spanQuery: String spanService: String spanName: String spanStatus: TraceStatus
			minSpanDurationMs: Float maxSpanDurationMs: Float attributes: [AttributeFilterInput!]
			showMatchesOnly: Boolean = false relatedLogLimit: Int = 50 logSearch: String
		}

		type LiveTraceEvent { type: LiveTraceEventType! seq: Int! receivedAt: DateTime! trace: TraceSummary }
		type TraceSearchResult { items: [TraceSummary!]! nextCursor: String }
		type TraceSummary {
			id: ID! serviceName: String ${isNew ? "operationName: String" : ""} rootSpanId: String
			startedAt: DateTime! endedAt: DateTime
			${isNew ? "startedAtUnixNano: String! endedAtUnixNano: String durationNano: String" : ""}
			durationMs: Float status: TraceStatus attributes: JSON!
			spanCount: Int! errorSpanCount: Int! logCount: Int! serviceCount: Int!
		}
		type Trace {
			id: ID! serviceName: String rootSpanId: ID startedAt: DateTime! endedAt: DateTime
			${isNew ? "startedAtUnixNano: String! endedAtUnixNano: String durationNano: String" : ""}
			durationMs: Float status: TraceStatus attributes: JSON!
		}
		type TraceDetail {
			trace: Trace! structure: TraceStructure! spans: [Span!]! selectedSpan: Span
			spanMatches: [SpanMatch!]! logs: [LogEvent!]! relatedLogs: [LogEvent!]! warnings: [TraceWarning!]!
		}
		type TraceStructure {
			rootSpanIds: [ID!]! orphanSpanIds: [ID!]! criticalPathSpanIds: [ID!]! maxDepth: Int!
			serviceBreakdown: [ServiceBreakdown!]!
		}
		type ServiceBreakdown {
			serviceName: String! spanCount: Int! errorSpanCount: Int! durationMs: Float! percentOfTraceDuration: Float!
		}
		type Span {
			id: ID! traceId: ID! parentSpanId: ID name: String! kind: String serviceName: String
			startedAt: DateTime! endedAt: DateTime
			${isNew ? "startedAtUnixNano: String! endedAtUnixNano: String startOffsetNano: String! durationNano: String" : ""}
			durationMs: Float status: TraceStatus attributes: JSON!
			depth: Int! childCount: Int! hasError: Boolean! isCriticalPath: Boolean! isOrphan: Boolean! isServiceEntry: Boolean!
			exceptionCount: Int! events: [SpanEvent!]! links: [SpanLink!]! exceptions: [SpanException!]!
		}
		type SpanEvent {
			name: String! timestamp: DateTime! ${isNew ? "timestampUnixNano: String!" : ""} attributes: JSON!
		}
		type SpanLink { traceId: ID! spanId: ID! traceState: String attributes: JSON! direction: LinkDirection! }
		type SpanException { type: String message: String stacktrace: String }
		type SpanMatch { spanId: ID! reason: SpanMatchReason! fields: [String!]! }
		type LogEvent {
			id: ID! traceId: ID spanId: ID serviceName: String severityText: String severityNumber: Int body: JSON
			timestamp: DateTime! observedTimestamp: DateTime attributes: JSON! correlation: LogCorrelation!
		}
		type TraceWarning { code: String! message: String! spanId: ID }
	`);
}

/** Id → code, HTTP status, whether the same may be tried again (reference, section 7). */
const PROBLEMS = {
	"ERR-001": ["VALIDATION_FAILED", 400, false],
	"ERR-002": ["UNSUPPORTED_MEDIA_TYPE", 415, false],
	"ERR-003": ["INVALID_CURSOR", 400, false],
	"ERR-004": ["TRACE_NOT_FOUND", 404, false],
	"ERR-005": ["METHOD_NOT_ALLOWED", 405, false],
	"ERR-006": ["STORAGE_UNAVAILABLE", 503, true],
	"ERR-012": ["REQUEST_TIMEOUT", 504, true],
	"ERR-013": ["MESSAGE_BRIDGE_UNAVAILABLE", 503, true],
	"ERR-014": ["MESSAGE_BRIDGE_TIMEOUT", 504, true],
	"ERR-015": ["UNAUTHENTICATED", 401, false],
	"ERR-016": ["FORBIDDEN", 403, false],
	"ERR-017": ["SUBSCRIPTION_LIMIT_EXCEEDED", 429, true],
	"ERR-023": ["RESPONSE_CONTRACT_INVALID", 500, false],
} as const;

export type ProblemId = keyof typeof PROBLEMS;

export function problemStatus(id: ProblemId): number {
	return PROBLEMS[id][1];
}

/** A GraphQL error as CloudGrid words it, with its problem document. */
export function problemError(id: ProblemId, detail: string, path?: readonly (string | number)[]): GraphQLError {
	const [code, status, retryable] = PROBLEMS[id];
	const words = code.toLowerCase().replaceAll("_", "-");
	return new GraphQLError(detail, {
		path,
		extensions: {
			code,
			problem: {
				type: `https://cloudgrid.dev/problems/${words}`,
				title: words.replaceAll("-", " "),
				status,
				detail,
				instance: "/graphql/request/r-17",
				id,
				code,
				retryable,
			},
		},
	});
}
