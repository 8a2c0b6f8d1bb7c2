import { type Command, parseBaseUrl, parseOptions } from "./arguments.ts";
import { defaultDataDir, findServer } from "./dataDir.ts";
import { DoctorChecks } from "./doctorChecks.ts";
import { type DoctorSettings, type Finding, readDoctorSettings } from "./doctorSettings.ts";
import { readToken } from "./target.ts";
import { version } from "./version.ts";

const help = `traceway-live doctor - find out why spans do not arrive

Reads the environment variables by which programs that are started from this terminal find the server, sends one span
by Traceway's REST API, by OTLP as JSON, as protobuf and, where it is on, by gRPC to where those variables lead, reads
each one back and deletes it again. Says for each what happened, and how to mend it.

Usage
  traceway-live doctor [options]

Options
  --url U      server to read the spans back from  [TRACEWAY_URL, else the running server, else http://127.0.0.1:3000]
  --token T    its bearer token                    [TRACEWAY_TOKEN, else TRACEWAY_API_KEY]
  --json       print one line of JSON: {"ok":...,"version":...,"url":...,"findings":[{"name","state","text","mend"?}]}
               with state ok, warning, failed or skipped
  -h, --help   print this

Environment
  TRACEWAY_URL, TRACEWAY_API_KEY
  OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL  [http/protobuf]
  OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_TRACES_HEADERS    never printed
  OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER, OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG, OTEL_CONFIG_FILE
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT
  HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, GRPC_PROXY, NO_PROXY

Exit codes
  0  everything works; there may be warnings
  1  something failed
  2  wrong command line
  4  Node.js is older than 22.16
  130  stopped with Ctrl+C

Examples
  traceway-live doctor
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 traceway-live doctor --json
`;

async function run(args: readonly string[]): Promise<number> {
	const values = parseOptions(args, {
		url: { type: "string" },
		token: { type: "string" },
		json: { type: "boolean", default: false },
	});
	const { env } = process;
	const given = values.url === undefined ? undefined : parseBaseUrl(values.url, "--url");
	const token = readToken(values.token, env) ?? (env.TRACEWAY_API_KEY || undefined);
	const stop = new AbortController();
	process.once("SIGINT", () => stop.abort());
	process.once("SIGTERM", () => stop.abort());
	const print = (text: string) => {
		if (!values.json) process.stdout.write(`${text}\n`);
	};
	try {
		const settings = readDoctorSettings(env);
		const running = await findServer(defaultDataDir(), stop.signal);
		const url = given ?? settings.serverUrl ?? running?.url ?? "http://127.0.0.1:3000";
		const urlFrom = given === undefined && settings.serverUrl !== undefined ? "TRACEWAY_URL" : undefined;
		const findings: Finding[] = [...settings.findings, ...adviseUrl(settings, url)];
		print(`traceway-live doctor ${version}\n\nEnvironment`);
		for (const line of describeSettings(settings)) print(`  ${line}`);
		for (const finding of findings) print(findingText(finding));
		print("\nChecks");
		const checks = new DoctorChecks({ url, urlFrom, running, otlp: settings.otlp, token, signal: stop.signal });
		for await (const finding of checks.run()) {
			if (stop.signal.aborted) return 130;
			findings.push(finding);
			print(findingText(finding));
		}
		const failed = findings.filter(({ state }) => state === "failed").length;
		if (values.json) {
			process.stdout.write(`${JSON.stringify({ ok: failed === 0, version, url, findings })}\n`);
		} else print(`\n${failed === 0 ? "Everything works." : `${failed} of ${findings.length} failed.`}`);
		return failed === 0 ? 0 : 1;
	} catch (error) {
		if (stop.signal.aborted) return 130;
		throw error;
	}
}

/** Where programs with this environment send, in words. */
function describeSettings({ otlp, serverUrl }: DoctorSettings): readonly string[] {
	const from = otlp.urlFrom === undefined ? "the default" : `from ${otlp.urlFrom}`;
	const headers = Object.keys(otlp.headers);
	const withHeaders = headers.length === 0 ? "" : `, with header ${headers.join(", ")}`;
	const rest =
		serverUrl === undefined
			? "Traceway's SDKs send to their defaults: http://localhost:3000 (TypeScript), http://localhost:4000 (Python)"
			: `Traceway's SDKs send to ${serverUrl} (from TRACEWAY_URL)`;
	return [rest, `OpenTelemetry's SDKs send by ${otlp.protocol} to ${otlp.url} (${from})${withHeaders}`];
}

/** Without TRACEWAY_URL, Traceway's SDKs find a server at their own defaults only. */
function adviseUrl({ serverUrl }: DoctorSettings, url: string): readonly Finding[] {
	if (serverUrl !== undefined || /^http:\/\/(localhost|127\.0\.0\.1|\[::1\]):3000$/.test(url)) return [];
	const text = `is not set, and the server is at ${url}, where Traceway's SDKs do not look`;
	return [{ name: "TRACEWAY_URL", state: "warning", text, mend: `export TRACEWAY_URL=${url}` }];
}

const STATES: Readonly<Record<Finding["state"], string>> = {
	ok: "ok     ",
	warning: "warning",
	failed: "FAILED ",
	skipped: "skipped",
};

function findingText({ name, state, text, mend }: Finding): string {
	const first = `  ${STATES[state]}  ${name.padEnd(13)}  ${text}`;
	return mend === undefined ? first : `${first}\n           mend: ${mend}`;
}

export const doctorCommand: Command = { help, run };
