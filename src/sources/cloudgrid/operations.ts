import type { CloudgridProblem } from "./problem.ts";

/** Fields that older servers do not have: asked for until a server says so. */
const YOUNG_FIELDS = [
	"operationName",
	"startedAtUnixNano",
	"endedAtUnixNano",
	"durationNano",
	"timestampUnixNano",
] as const;

const TIMES = "startedAt startedAtUnixNano endedAt endedAtUnixNano durationNano durationMs";
const TRACE = `id serviceName rootSpanId status attributes ${TIMES}`;
const SUMMARY = `${TRACE} operationName spanCount errorSpanCount serviceCount`;
const SPAN = `id traceId parentSpanId name kind serviceName status attributes ${TIMES}`;
const SPAN_PARTS = `events { name timestamp timestampUnixNano attributes }
	links { traceId spanId traceState attributes direction } exceptions { type message stacktrace }`;
const LOG = "spanId severityText body timestamp attributes";

/**
 * The documents, under the names that CloudGrid's own page gives them, and which young fields this server has. A server that
 * refuses a field is asked without it from then on.
 */
export class Operations {
	#missing = new Set<string>();
	/** What was known to be missing before all young fields were left out on suspicion. */
	#beforeGuess: Set<string> | undefined;

	get live(): string {
		return this.#fit(
			`subscription LiveTrace($input: LiveTraceInput) { liveTraces(input: $input) { type seq receivedAt trace { ${SUMMARY} } } }`,
		);
	}

	get search(): string {
		return this.#fit(
			`query TraceSearch($input: TraceSearchInput) { traces(input: $input) { items { ${SUMMARY} } nextCursor } }`,
		);
	}

	/** Ids only, for a search that finds traces which are here or come by other ways. */
	get searchIds(): string {
		return "query TraceSearch($input: TraceSearchInput) { traces(input: $input) { items { id } nextCursor } }";
	}

	get trace(): string {
		return this.#fit(
			`query TraceDetail($id: ID!, $input: TraceDetailInput) { trace(id: $id, input: $input) {
				trace { ${TRACE} } spans { ${SPAN} } warnings { code message spanId } } }`,
		);
	}

	get span(): string {
		return this.#fit(
			`query TraceDetail($id: ID!, $input: TraceDetailInput) { trace(id: $id, input: $input) {
				selectedSpan { ${SPAN} ${SPAN_PARTS} } relatedLogs { ${LOG} } } }`,
		);
	}

	get spanMatches(): string {
		return "query TraceDetail($id: ID!, $input: TraceDetailInput) { trace(id: $id, input: $input) { spanMatches { spanId reason } } }";
	}

	/**
	 * True when something less is asked for now, so that asking again makes sense. Of a server that hides what exactly it does not
	 * like, all young fields are left out once, and asked for again when that was not it.
	 */
	learn(problem: CloudgridProblem): boolean {
		const { unknownFields } = problem;
		if (unknownFields.length === 0 && problem.id !== "ERR-001") return false;
		const known = [...this.#missing];
		if (unknownFields.length === 0 && this.#beforeGuess !== undefined) {
			this.#missing = this.#beforeGuess;
			return false;
		}
		const named = YOUNG_FIELDS.filter((field) => unknownFields.includes(field));
		for (const field of unknownFields.length > 0 ? named : YOUNG_FIELDS) this.#missing.add(field);
		if (unknownFields.length === 0) this.#beforeGuess = new Set(known);
		return this.#missing.size > known.length;
	}

	#fit(document: string): string {
		let fitting = document;
		for (const field of this.#missing) fitting = fitting.replace(new RegExp(`\\b${field}\\b`, "g"), "");
		return fitting.replace(/\s+/g, " ");
	}
}
