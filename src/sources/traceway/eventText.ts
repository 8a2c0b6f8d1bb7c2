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
const METADATA = ',"metadata":';
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
	const metadataAt = data.indexOf(METADATA, payloadAt);
	if (metadataAt >= 0) {
		const metadata = parseJson(data.slice(metadataAt + METADATA.length, -2));
		if (metadata === undefined) return undefined;
		span.metadata = metadata;
	}
	return event;
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
