import { formatCost, formatDuration } from "../base/quantity.ts";
import { differenceNs, parseTimestamp } from "../base/timestamp.ts";
import { estimateCostUsd, isEstimated, loadPrices } from "../model/prices.ts";
import { totalTokens } from "../model/span.ts";
import type { ConnectionState } from "../stream/connectionState.ts";
import { EventStream } from "../stream/eventStream.ts";
import { type Command, CommandError, parseInteger, parseOptions, printable } from "./arguments.ts";
import { defaultUrl } from "./dataDir.ts";
import { stderrLogger } from "./stderrLog.ts";
import { givenServer, readToken } from "./target.ts";

const help = `traceway-live tail - print live events as lines

Reconnects by itself and goes on behind the last event that it printed. Events go to standard output, what happens to
the connection to standard error.

Usage
  traceway-live tail [options]

Options
  --url U       base address of the server  [TRACEWAY_URL, else the running server, else http://127.0.0.1:3000]
  --since N     begin behind the event with this number; 0 prints everything that the server still has  [only new ones]
  --json        one JSON object a line: {"id":"57","event":{...}}; {"id","data"} for what is no JSON object
  --token T     bearer token                [TRACEWAY_TOKEN]
  --verbose     say each attempt to connect
  -h, --help    print this

Exit codes
  0  ended with Ctrl+C, or the reader of the output went away
  1  the server refuses for good: token, address, no event stream
  2  wrong command line
  4  Node.js is older than 22.16

Examples
  traceway-live tail
  traceway-live tail --since 0 --json | grep span_failed
`;

async function run(args: readonly string[]): Promise<number> {
	const values = parseOptions(args, {
		url: { type: "string" },
		since: { type: "string" },
		json: { type: "boolean", default: false },
		token: { type: "string" },
		verbose: { type: "boolean", default: false },
	});
	const since =
		values.since === undefined ? undefined : parseInteger(values.since, "--since", 0, Number.MAX_SAFE_INTEGER);
	const token = readToken(values.token, process.env);
	await loadPrices();
	const stop = new AbortController();
	process.once("SIGINT", () => stop.abort());
	process.once("SIGTERM", () => stop.abort());
	const url = givenServer(values.url, process.env) ?? (await defaultUrl(stop.signal));

	const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
	stop.signal.addEventListener("abort", () => end(), { once: true });
	const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
	const stream = new EventStream({
		url: () => `${url}/api/events`,
		headers: async () => headers,
		fetch,
		lastEventId: since === undefined ? undefined : String(since),
		logger: stderrLogger({ isVerbose: values.verbose }),
		onMessage: ({ id, data }) => {
			const event = parseEvent(data);
			const line = values.json ? jsonLine(id, data, event) : eventLine(id, data, event, new Date());
			// A slow reader slows the server down instead of filling this process. What has been read already still comes.
			if (!process.stdout.write(`${line}\n`)) stream.pause();
			stream.markApplied(id);
		},
	});
	process.stdout.on("drain", () => stream.resume());
	stream.onDidChangeState((state) => {
		if (state.name === "failed") fail(new CommandError(failureText(url, state.reason, state.message)));
		else if (state.name !== "disposed") process.stderr.write(`${stateText(url, state)}\n`);
	});
	try {
		if (!stop.signal.aborted) stream.connect();
		await ended;
		return 0;
	} finally {
		stream.dispose();
	}
}

function stateText(url: string, state: ConnectionState): string {
	switch (state.name) {
		case "connecting":
			return state.attempt > 1 ? `connecting to ${url} (attempt ${state.attempt})` : `connecting to ${url}`;
		case "open":
			return "live";
		case "waiting": {
			const seconds = Math.max(0, (state.retryAtMs - Date.now()) / 1000).toFixed(1);
			return `not connected: ${printable(state.message)}; next try in ${seconds} s`;
		}
		default:
			return state.name;
	}
}

function failureText(url: string, reason: string, message: string): string {
	const said = `${url} refused the event stream: ${printable(message)}`;
	if (reason === "unauthorized" || reason === "forbidden") {
		return `${said}; set the token with TRACEWAY_TOKEN or --token`;
	}
	return `${said}; is it a Traceway server? Give the right address with --url`;
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseEvent(data: string): JsonObject | undefined {
	try {
		const value: unknown = JSON.parse(data);
		return isObject(value) ? value : undefined;
	} catch {
		// Not JSON: printed as it came.
		return undefined;
	}
}

/** One event as JSON in one line. JSON leaves DEL, the C1 controls and line separators as they are; a terminal would obey some. */
export function jsonLine(id: string | undefined, data: string, event: JsonObject | undefined): string {
	return JSON.stringify(event === undefined ? { id, data } : { id, event }).replace(
		/[\u007f-\u009f\u2028\u2029]/g,
		(mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

/** One event for people: time, number, type, and what its object says in short. */
export function eventLine(id: string | undefined, data: string, event: JsonObject | undefined, now: Date): string {
	const clock = `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, "0")}`;
	const parts = [clock, (id ?? "-").padStart(6)];
	if (event === undefined) parts.push("(no JSON)", data);
	else {
		const type = typeof event.type === "string" ? event.type : "(no type)";
		parts.push(type.padEnd(14), ...describe(event));
	}
	return parts.map((part) => printable(part)).join("  ");
}

function describe(event: JsonObject): string[] {
	if (isObject(event.span)) return describeSpan(event.span);
	if (isObject(event.trace)) {
		const { id, name, tags } = event.trace;
		const tagText = Array.isArray(tags) && tags.length > 0 ? [`[${tags.map(String).join(", ")}]`] : [];
		return [...(typeof name === "string" ? [name] : []), ...tagText, `trace ${text(id)}`];
	}
	return Object.entries(event)
		.filter(([key]) => key !== "type")
		.map(([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`);
}

function describeSpan(span: JsonObject): string[] {
	const kind = isObject(span.kind) ? span.kind : {};
	const parts = [text(span.name), kindText(kind)];
	const start = typeof span.started_at === "string" ? parseTimestamp(span.started_at) : undefined;
	const end = typeof span.ended_at === "string" ? parseTimestamp(span.ended_at) : undefined;
	if (start !== undefined && end !== undefined) parts.push(formatDuration(differenceNs(end, start)));
	const inputTokens = count(kind.input_tokens);
	const outputTokens = count(kind.output_tokens);
	const tokens = totalTokens(inputTokens, outputTokens);
	if (tokens !== undefined) parts.push(`${tokens} tokens`);
	const cost = count(kind.cost) ?? estimateOf(kind, start?.ms);
	if (cost !== undefined) parts.push(formatCost(cost, count(kind.cost) === undefined));
	const failed = isObject(span.status) && isObject(span.status.failed) ? span.status.failed : undefined;
	if (failed !== undefined) parts.push(`error: ${text(failed.error).split("\n", 1)[0]}`);
	parts.push(`trace ${text(span.trace_id)}`);
	return parts;
}

/** What the server would say, had it priced the call. */
function estimateOf(kind: JsonObject, atMs: number | undefined): number | undefined {
	if (!isEstimated(text(kind.type), kind.usage_scope === "subtree")) return undefined;
	return estimateCostUsd({
		model: typeof kind.model === "string" ? kind.model : undefined,
		provider: typeof kind.provider === "string" ? kind.provider : undefined,
		inputTokens: count(kind.input_tokens),
		outputTokens: count(kind.output_tokens),
		cacheReadTokens: count(kind.cache_read_tokens),
		cacheWriteTokens: count(kind.cache_write_tokens),
		reasoningTokens: count(kind.reasoning_tokens),
		atMs,
	});
}

function kindText(kind: JsonObject): string {
	const inner = kind.type === "custom" ? kind.kind : (kind.model ?? kind.path);
	if (kind.type === "custom" && typeof inner === "string") return inner;
	return [kind.type, inner].filter((part) => typeof part === "string").join(" ");
}

function text(value: unknown): string {
	return typeof value === "string" ? value : "-";
}

function count(value: unknown): number | undefined {
	return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

export const tailCommand: Command = { help, run };
