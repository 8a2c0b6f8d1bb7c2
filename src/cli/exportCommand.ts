import { FileProblem } from "../sources/files/fileProblem.ts";
import { type Sink, wholeFile } from "../sources/files/wholeFile.ts";
import { type Command, CommandError, parseOptions, printable, UsageError } from "./arguments.ts";
import { defaultUrl } from "./dataDir.ts";
import { givenServer, readToken, refused, tokenHeaders, unreachable } from "./target.ts";

const help = `traceway-live export - write traces as JSON

Streams what a server has stored, one trace or all of them, to standard output or to a file. The file appears when it is
whole: an export that breaks off leaves what was there before.

Usage
  traceway-live export [options]

Options
  --url U        base address of the server  [TRACEWAY_URL, else the running server, else http://127.0.0.1:3000]
  --trace ID     only this trace             [all]
  --format NAME  traceway: Traceway's JSON, {"traces":{"<trace id>":[span, ...]}}
                 otlp: OpenTelemetry's JSON (ExportTraceServiceRequest), for other backends  [traceway]
  --out FILE     file to write; - is standard output  [-]
  --token T      bearer token                [TRACEWAY_TOKEN]
  -h, --help     print this

Exit codes
  0  everything was written, or the reader of the output went away
  1  the server cannot be reached, refused, broke off, or has no such trace; or the file cannot be written
  2  wrong command line
  4  Node.js is older than 22.16
  130  stopped with Ctrl+C; no file was written

Examples
  traceway-live export --out traces.json
  traceway-live export --trace 0af7651916cd43dd8448eb211c80319c | jq .
  traceway-live export --format otlp | gzip > traces.otlp.json.gz
`;

/** Time until the answer begins; the rest may take as long as it flows. */
const ANSWER_TIMEOUT_MS = 30_000;

const PATHS: Readonly<Record<string, string>> = { traceway: "/api/export/json", otlp: "/api/export/otlp" };

async function run(args: readonly string[]): Promise<number> {
	const values = parseOptions(args, {
		url: { type: "string" },
		trace: { type: "string" },
		format: { type: "string", default: "traceway" },
		out: { type: "string", default: "-" },
		token: { type: "string" },
	});
	const path = Object.hasOwn(PATHS, values.format) ? PATHS[values.format] : undefined;
	if (path === undefined) {
		throw new UsageError(`--format: "${printable(values.format)}" is neither traceway nor otlp`);
	}
	if (values.out === "") throw new UsageError("--out: the path is empty");
	if (values.trace === "") throw new UsageError("--trace: the id is empty");
	const givenUrl = givenServer(values.url, process.env);
	const token = readToken(values.token, process.env);
	const stop = new AbortController();
	process.once("SIGINT", () => stop.abort());
	process.once("SIGTERM", () => stop.abort());
	const query = values.trace === undefined ? "" : `?trace_id=${encodeURIComponent(values.trace)}`;
	try {
		const url = givenUrl ?? (await defaultUrl(stop.signal));
		const body = await ask(url, path + query, token, values.trace, stop.signal);
		const sink = values.out === "-" ? standardOutput() : await wholeFile(values.out, printable(values.out, 1000));
		let bytes = 0;
		try {
			for await (const chunk of parts(url, body)) {
				bytes += chunk.length;
				await sink.write(chunk);
			}
			await sink.finish();
		} catch (error) {
			await sink.abandon();
			throw error;
		}
		if (values.out !== "-") process.stderr.write(`${bytes} bytes written to ${printable(values.out, 1000)}\n`);
		return 0;
	} catch (error) {
		if (stop.signal.aborted) return 130;
		throw error instanceof FileProblem ? new CommandError(error.message, 1, { cause: error }) : error;
	}
}

async function ask(
	url: string,
	path: string,
	token: string | undefined,
	trace: string | undefined,
	signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
	let response: Response;
	const patience = new AbortController();
	const timer = setTimeout(() => patience.abort(new DOMException("late", "TimeoutError")), ANSWER_TIMEOUT_MS);
	try {
		response = await fetch(url + path, {
			headers: tokenHeaders(token),
			signal: AbortSignal.any([signal, patience.signal]),
		});
	} catch (error) {
		throw new CommandError(unreachable(url, error, ANSWER_TIMEOUT_MS), 1, { cause: error });
	} finally {
		clearTimeout(timer);
	}
	if (response.ok && isJson(response) && response.body !== null) return response.body;
	const text = (await response.text().catch(() => "")).slice(0, 4096);
	if (response.ok) throw new CommandError(`${url} answered GET ${path} without JSON; is it a Traceway server?`);
	if (response.status === 404 && trace !== undefined && /"code":"not_found"/.test(text)) {
		throw new CommandError(`${url} has no trace "${printable(trace)}"`);
	}
	throw new CommandError(refused(url, `GET ${path}`, response.status, text));
}

function isJson(response: Response): boolean {
	return response.headers.get("content-type")?.startsWith("application/json") ?? false;
}

async function* parts(url: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	try {
		yield* body;
	} catch (error) {
		throw new CommandError(`${url} broke off in the middle of its answer; nothing is complete, try again`, 1, {
			cause: error,
		});
	}
}

function standardOutput(): Sink {
	const { stdout } = process;
	return {
		async write(bytes) {
			if (!stdout.write(bytes)) await new Promise<void>((resolve) => stdout.once("drain", () => resolve()));
		},
		// The process ends when everything that was written is out.
		async finish() {},
		async abandon() {},
	};
}

export const exportCommand: Command = { help, run };
