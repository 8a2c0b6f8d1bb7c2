import { JsonCursor, JsonProblem, parsePiece } from "../base/jsonCursor.ts";
import { OtlpError } from "./otlpError.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** What `decodeJson` reads: one resource, one scope, some spans. */
export interface JsonPiece {
	readonly resourceSpans: readonly [JsonObject];
}

/** Names under which answers hold their spans by resource: OTLP's, and Tempo's first. */
const LIST_NAMES = new Set(["resourceSpans", "batches"]);

/**
 * Cuts a trace or an export request in JSON between its spans into pieces for `decodeJson`, so that a large one can be read in as
 * many turns of the event loop as it needs. Takes `{"resourceSpans":[…]}`, Tempo's `{"batches":[…]}` and either of them under
 * `trace`; ids are made hex where protobuf's own JSON mapping wrote them as base64.
 *
 * @param pieceChars characters of spans in one piece, about.
 * @throws OtlpError `malformed` for what is no JSON of such a shape.
 */
export function* jsonPieces(text: string, pieceChars: number): Generator<JsonPiece> {
	try {
		const cursor = new JsonCursor(text);
		const found = yield* piecesOfBody(cursor, pieceChars, true);
		cursor.end();
		if (!found) throw new OtlpError("malformed", "body: has neither resourceSpans nor batches");
	} catch (error) {
		if (error instanceof JsonProblem) throw new OtlpError("malformed", `body: ${error.message}`);
		throw error;
	}
}

/** Returns whether there was a list of spans, also an empty one. */
function* piecesOfBody(cursor: JsonCursor, pieceChars: number, isOuter: boolean): Generator<JsonPiece, boolean> {
	expect(cursor, "{", "the body");
	let found = false;
	for (const key of cursor.keys()) {
		const next = cursor.peek();
		if (isOuter && key === "trace" && next === "{") {
			// An empty trace has no list at all.
			yield* piecesOfBody(cursor, pieceChars, false);
			found = true;
		} else if (LIST_NAMES.has(key) && next !== "n") {
			found = true;
			expect(cursor, "[", key);
			for (const index of cursor.elements()) yield* piecesOfResource(cursor, pieceChars, `${key}[${index}]`);
		} else parsePiece(cursor.value());
	}
	return found;
}

function* piecesOfResource(cursor: JsonCursor, pieceChars: number, path: string): Generator<JsonPiece> {
	expect(cursor, "{", path);
	const group: Record<string, unknown> = {};
	let waiting: string | undefined;
	for (const key of cursor.keys()) {
		if (key === "scopeSpans" && cursor.peek() === "[") {
			// What all spans share is needed before them; nobody writes it behind them, but it is allowed.
			if (group.resource === undefined) waiting = cursor.value();
			else yield* piecesOfScopes(cursor, group, pieceChars, path);
		} else group[key] = parsePiece(cursor.value());
	}
	if (waiting !== undefined) yield* piecesOfScopes(new JsonCursor(waiting), group, pieceChars, path);
}

function* piecesOfScopes(
	cursor: JsonCursor,
	group: JsonObject,
	pieceChars: number,
	path: string,
): Generator<JsonPiece> {
	for (const index of cursor.elements()) {
		const scopePath = `${path}.scopeSpans[${index}]`;
		expect(cursor, "{", scopePath);
		const scope: Record<string, unknown> = {};
		let waiting: string | undefined;
		for (const key of cursor.keys()) {
			if (key === "spans" && cursor.peek() === "[") {
				if (scope.scope === undefined) waiting = cursor.value();
				else yield* piecesOfSpans(cursor, group, scope, pieceChars);
			} else scope[key] = parsePiece(cursor.value());
		}
		if (waiting !== undefined) yield* piecesOfSpans(new JsonCursor(waiting), group, scope, pieceChars);
	}
}

function* piecesOfSpans(
	cursor: JsonCursor,
	group: JsonObject,
	scope: JsonObject,
	pieceChars: number,
): Generator<JsonPiece> {
	const piece = (spans: readonly unknown[]): JsonPiece => ({
		resourceSpans: [{ ...group, scopeSpans: [{ ...scope, spans }] }],
	});
	let spans: unknown[] = [];
	let chars = 0;
	for (const _ of cursor.elements()) {
		const text = cursor.value();
		spans.push(withHexIds(parsePiece(text)));
		chars += text.length;
		if (chars < pieceChars) continue;
		yield piece(spans);
		spans = [];
		chars = 0;
	}
	if (spans.length > 0) yield piece(spans);
}

function expect(cursor: JsonCursor, mark: "{" | "[", path: string): void {
	if (cursor.peek() === mark) return;
	throw new OtlpError("malformed", `${path} must be ${mark === "{" ? "an object" : "an array"}`);
}

const BASE64_BYTES = { traceId: 16, spanId: 8, parentSpanId: 8 } as const;

/** The parsed span, whose ids become hex where they are base64; what is neither stays and is judged by the decoder. */
function withHexIds(span: unknown): unknown {
	if (!isObject(span)) return span;
	for (const [name, bytes] of Object.entries(BASE64_BYTES)) {
		if (name in span) span[name] = hexId(span[name], bytes);
	}
	if (Array.isArray(span.links)) {
		for (const link of span.links as unknown[]) {
			if (!isObject(link)) continue;
			link.traceId = hexId(link.traceId, 16);
			link.spanId = hexId(link.spanId, 8);
		}
	}
	return span;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * An id in hex. Both spellings are told apart by their length, which they never share: 16 bytes are 32 hex digits, or 22 to 24
 * characters of base64; 8 bytes are 16 digits, or 11 to 12 characters.
 */
export function hexId(value: unknown, bytes: 8 | 16): unknown {
	if (typeof value !== "string" || value.length >= 2 * bytes || !BASE64[bytes].test(value)) return value;
	return Buffer.from(value, "base64").toString("hex");
}

const BASE64 = { 8: /^[A-Za-z0-9+/_-]{11}=?$/, 16: /^[A-Za-z0-9+/_-]{22}(==)?$/ } as const;
