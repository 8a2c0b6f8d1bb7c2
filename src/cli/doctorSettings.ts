import { isLoopbackHost } from "../server/http/guard.ts";
import { parseBaseUrl, printable, UsageError } from "./arguments.ts";

/**
 * What the environment tells OpenTelemetry's SDKs and Traceway's, read by the rules of the specification
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and …/configuration/sdk-environment-variables/), and what in
 * it keeps spans from arriving. Nothing is sent here. Values of headers and passwords of proxies are never shown.
 */
export interface DoctorSettings {
	/** The Traceway server that `TRACEWAY_URL` names; undefined leaves it to the running one. */
	readonly serverUrl: string | undefined;
	readonly otlp: OtlpSettings;
	/** What is wrong or worth knowing, most important first. */
	readonly findings: readonly Finding[];
}

/** Where an OpenTelemetry program with this environment sends its spans, and how. */
export interface OtlpSettings {
	readonly protocol: OtlpProtocol;
	/** The whole address of an HTTP exporter, path included; the base address of a gRPC one. */
	readonly url: string;
	/** The variable that names the address; undefined when it is the default. */
	readonly urlFrom: string | undefined;
	/** Names in lower case. */
	readonly headers: Readonly<Record<string, string>>;
}

export type OtlpProtocol = "grpc" | "http/protobuf" | "http/json";

export interface Finding {
	/** What was looked at: a variable, or a way to send. */
	readonly name: string;
	readonly state: "ok" | "warning" | "failed" | "skipped";
	/** One line. */
	readonly text: string;
	/** What to do about it, one line; where that helps, a line for a shell. */
	readonly mend?: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads the environment of a person's terminal. */
export function readDoctorSettings(env: Env): DoctorSettings {
	const findings: Finding[] = [];
	const otlp = readOtlp(env, findings);
	checkSdk(env, findings);
	checkProxies(env, otlp, findings);
	return { serverUrl: readServerUrl(env, findings), otlp, findings };
}

/** "The SDK MUST interpret an empty value of an environment variable the same way as when the variable is unset." */
function variable(env: Env, name: string): string | undefined {
	const value = env[name]?.trim();
	return value === "" ? undefined : value;
}

function readServerUrl(env: Env, findings: Finding[]): string | undefined {
	const text = variable(env, "TRACEWAY_URL");
	if (text === undefined) return undefined;
	try {
		return parseBaseUrl(text, "TRACEWAY_URL");
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		findings.push({ name: "TRACEWAY_URL", state: "failed", text: error.message.replace(/^TRACEWAY_URL: /, "") });
		return undefined;
	}
}

const PROTOCOLS: readonly OtlpProtocol[] = ["grpc", "http/protobuf", "http/json"];

function readOtlp(env: Env, findings: Finding[]): OtlpSettings {
	const protocol = readProtocol(env, findings);
	const specific = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
	const general = "OTEL_EXPORTER_OTLP_ENDPOINT";
	const urlFrom =
		variable(env, specific) !== undefined ? specific : variable(env, general) !== undefined ? general : undefined;
	const fallback = protocol === "grpc" ? "http://localhost:4317" : "http://localhost:4318";
	const base = readEndpoint(env, urlFrom, protocol, findings) ?? fallback;
	return { protocol, url: urlOf(base, urlFrom === specific, protocol), urlFrom, headers: readHeaders(env, findings) };
}

function readProtocol(env: Env, findings: Finding[]): OtlpProtocol {
	for (const name of ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
		const text = variable(env, name);
		if (text === undefined) continue;
		const known = PROTOCOLS.find((protocol) => protocol === text);
		if (known !== undefined) return known;
		findings.push({
			name,
			state: "failed",
			text: `"${printable(text, 60)}" is no protocol of OTLP`,
			mend: `export ${name}=http/protobuf`,
		});
		break;
	}
	// "The default transport SHOULD be http/protobuf".
	return "http/protobuf";
}

function readEndpoint(
	env: Env,
	name: string | undefined,
	protocol: OtlpProtocol,
	findings: Finding[],
): string | undefined {
	if (name === undefined) return undefined;
	const text = variable(env, name)!;
	const isUrl = /^https?:\/\//i.test(text) && URL.canParse(text);
	// gRPC exporters also take "host:port".
	const isTarget = protocol === "grpc" && !text.includes("://") && URL.canParse(`http://${text}`);
	if (!isUrl && !isTarget) {
		const mend = `export ${name}=http://127.0.0.1:${protocol === "grpc" ? "4317" : "4318"}`;
		findings.push({ name, state: "failed", text: `"${printable(text, 100)}" is no address`, mend });
		return undefined;
	}
	if (isTarget) return `${variable(env, "OTEL_EXPORTER_OTLP_INSECURE") === "true" ? "http" : "https"}://${text}`;
	if (
		name === "OTEL_EXPORTER_OTLP_ENDPOINT" &&
		protocol !== "grpc" &&
		/\/v1\/traces\/?$/.test(new URL(text).pathname)
	) {
		findings.push({
			name,
			state: "failed",
			text: "ends in /v1/traces, but exporters add that themselves, and send to …/v1/traces/v1/traces",
			mend: `export ${name}=${new URL(text).origin}`,
		});
	}
	return text;
}

/** "the per-signal endpoint … is used as-is"; to the general one, v1/traces is added "relative to" it. */
function urlOf(base: string, isWhole: boolean, protocol: OtlpProtocol): string {
	const url = new URL(base);
	if (protocol === "grpc") return url.origin;
	if (!isWhole) url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/traces`;
	return url.href;
}

/** `key=value,key=value`, values percent-encoded (W3C Baggage without its properties). */
function readHeaders(env: Env, findings: Finding[]): Record<string, string> {
	const headers: Record<string, string> = {};
	for (const name of ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"]) {
		for (const pair of variable(env, name)?.split(",") ?? []) {
			if (pair.trim() === "") continue;
			const at = pair.indexOf("=");
			const key = pair.slice(0, Math.max(0, at)).trim().toLowerCase();
			const value = decoded(pair.slice(at + 1).trim());
			if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(key) || value === undefined || !/^[\t\x20-\x7e]*$/.test(value)) {
				findings.push({
					name,
					state: "failed",
					text: "cannot be read; exporters leave out what they cannot read",
					mend: `export ${name}="authorization=Bearer%20<token>" (pairs of key=value with commas between them)`,
				});
				break;
			}
			headers[key] = value;
		}
	}
	return headers;
}

function decoded(text: string): string | undefined {
	try {
		return decodeURIComponent(text);
	} catch {
		// A lone percent sign: the caller says what is wrong.
		return undefined;
	}
}

/** Variables by which an SDK sends nothing, or not everything. */
function checkSdk(env: Env, findings: Finding[]): void {
	const add = (name: string, state: Finding["state"], text: string, mend = `unset ${name}`) =>
		findings.push({ name, state, text, mend });
	if (variable(env, "OTEL_SDK_DISABLED")?.toLowerCase() === "true") {
		add("OTEL_SDK_DISABLED", "failed", "is true: OpenTelemetry's SDKs make no spans at all");
	}
	const exporters = variable(env, "OTEL_TRACES_EXPORTER");
	if (exporters !== undefined && !exporters.split(",").some((one) => /^otlp/.test(one.trim()))) {
		const text = `is "${printable(exporters, 60)}": spans are not sent by OTLP`;
		add("OTEL_TRACES_EXPORTER", "failed", text, "export OTEL_TRACES_EXPORTER=otlp");
	}
	const sampler = variable(env, "OTEL_TRACES_SAMPLER");
	if (sampler !== undefined && /(^|_)always_off$/.test(sampler)) {
		add("OTEL_TRACES_SAMPLER", "failed", `is ${sampler}: no span is recorded`);
	} else if (sampler !== undefined && /(^|_)traceidratio$/.test(sampler)) {
		const share = Number(variable(env, "OTEL_TRACES_SAMPLER_ARG") ?? "1");
		if (share === 0) add("OTEL_TRACES_SAMPLER_ARG", "failed", "is 0: no span is recorded");
		else if (share < 1) {
			add("OTEL_TRACES_SAMPLER_ARG", "warning", `is ${share}: other traces than this share are not recorded`);
		}
	}
	for (const name of ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"]) {
		if (variable(env, name) === undefined) continue;
		add(name, "warning", "SDKs that read this file ignore the variables that are looked at here");
	}
	for (const name of ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"]) {
		const limit = Number(variable(env, name) ?? Number.NaN);
		if (limit < 10_000) add(name, "warning", `is ${limit}: longer prompts and answers are cut before they are sent`);
	}
}

/** Python, gRPC and curl send through a proxy also what goes to this machine, unless NO_PROXY says otherwise. */
function checkProxies(env: Env, otlp: OtlpSettings, findings: Finding[]): void {
	const { hostname, protocol } = new URL(otlp.url);
	const names = protocol === "https:" ? ["https_proxy", "all_proxy"] : ["http_proxy", "all_proxy"];
	if (otlp.protocol === "grpc") names.unshift("grpc_proxy");
	const name = names.flatMap((one) => [one, one.toUpperCase()]).find((one) => variable(env, one) !== undefined);
	if (name === undefined) return;
	const exempt = variable(env, "no_proxy") ?? variable(env, "NO_PROXY") ?? "";
	if (isExempt(hostname, exempt)) return;
	const where = isLoopbackHost(hostname) ? `${hostname}, which is this machine` : hostname;
	const list = [...exempt.split(",").filter((one) => one.trim() !== ""), "localhost", "127.0.0.1", "::1"];
	if (!isLoopbackHost(hostname)) list.push(hostname);
	findings.push({
		name,
		state: "warning",
		text: `programs that follow it (in Python, those with gRPC, curl) send through a proxy what is for ${where}`,
		mend: `export NO_PROXY=${[...new Set(list)].map((one) => printable(one.trim(), 100)).join(",")}`,
	});
}

/** By the rules that curl, Python and Go share: names with all below them, addresses as they are, `*` for everything. */
export function isExempt(hostname: string, list: string): boolean {
	const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
	return list.split(",").some((entry) => {
		const name = entry
			.trim()
			.toLowerCase()
			.replace(/^\[(.*)\]$/, "$1")
			.replace(/^\*?\./, "");
		return name === "*" || (name !== "" && (host === name || host.endsWith(`.${name}`)));
	});
}
