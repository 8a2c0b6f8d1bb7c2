/**
 * Reads the JSON of a stream event without its payload, where that is possible. A live span carries its whole `input` and
 * `output`, of which the store keeps nothing: on 10 kB events, parsing them is a quarter of all the work of a source.
 *
 * Inside a JSON string every quote is escaped, so `,"input":` in a JSON text is always the name of a member. When the text
 * before it becomes valid JSON by closing two objects, it is a member of the span, and what comes before it is whole. Whatever
 * looks different in any way is parsed in full. Not looked at, and so not checked, is the payload itself.
 */

/** Below this length parsing everything is faster. */
const MIN_LENGTH = 1500;
const START = '{"type":"span_';
/**
 * Members that may come after the payload and that the store has a use for. Only our own server sends more than the first, and
 * in this order, so that the first one found has the others behind it.
 */
const TAIL_MEMBERS = ["metadata", "session_id", "resource"] as const;
/** What has to come before the payload; else it may come after it. */
const HEAD_MEMBERS = ["id", "trace_id", "parent_id", "name", "kind", "status", "started_at", "ended_at"] as const;

/** The event's value, of a span perhaps without `input` and `output`; undefined for a text that is no JSON. */
export function parseEvent(data: string): unknown {
	return parseHead(data) ?? parseJson(data);
}

function parseHead(data: string): unknown {
	if (data.length < MIN_LENGTH || !data.startsWith(START) || !data.endsWith("}}")) return undefined;
	const payloadAt = payloadStart(data);
	if (payloadAt < 0) return undefined;
	const event = parseJson(`${data.slice(0, payloadAt)}}}`) as { span?: unknown } | undefined;
	const span = event?.span as Record<string, unknown> | null | undefined;
	if (typeof span !== "object" || span === null) return undefined;
	for (const member of HEAD_MEMBERS) if (span[member] === undefined) return undefined;
	const tail = parseTail(data, payloadAt);
	if (tail === undefined) return undefined;
	for (const member of TAIL_MEMBERS) if (Object.hasOwn(tail, member)) span[member] = tail[member];
	return event;
}

/** What comes after the payload from the first of the members on; undefined when that cannot be told. */
function parseTail(data: string, payloadAt: number): Readonly<Record<string, unknown>> | undefined {
	for (const member of TAIL_MEMBERS) {
		const at = data.indexOf(`,"${member}":`, payloadAt);
		// Up to the end of the span. In an object or a list within the payload this has a bracket too many.
		if (at >= 0) return parseJson(`{${data.slice(at + 1, -1)}`) as Readonly<Record<string, unknown>> | undefined;
	}
	return {};
}

function payloadStart(data: string): number {
	const inputAt = data.indexOf(',"input":');
	const outputAt = inputAt < 0 ? data.indexOf(',"output":') : data.lastIndexOf(',"output":', inputAt);
	return outputAt < 0 ? inputAt : outputAt;
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		// No JSON: an expected outcome, for which there is a way on.
		return undefined;
	}
}
