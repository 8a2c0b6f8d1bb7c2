import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { printable } from "./arguments.ts";
import type { OtlpProtocol } from "./doctorSettings.ts";

/** What came back for one request: an answer, or why there was none. */
export type Outcome =
	| {
			readonly type: "answer";
			readonly status: number;
			readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
			/** The body's first 64 KiB as text. */
			readonly text: string;
	  }
	| { readonly type: "failure"; readonly code: string; readonly message: string; readonly speaks: ForeignProtocol };

/** What the first bytes of the other side are, when they are no HTTP/1. */
export type ForeignProtocol = "http2" | "tls" | undefined;

export interface Exchange {
	readonly method: "GET" | "POST" | "DELETE";
	readonly url: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: Buffer | undefined;
}

const TIMEOUT_MS = 10_000;

const MAX_TEXT_BYTES = 64 * 1024;

/**
 * One request on a connection of its own, with the system's own word for what goes wrong: `fetch` would follow redirects and
 * hides which bytes came instead of HTTP. Through no proxy. Never rejects.
 */
export function exchange({ method, url, headers = {}, body }: Exchange): Promise<Outcome> {
	const target = new URL(url);
	const request = target.protocol === "https:" ? httpsRequest : httpRequest;
	return new Promise((resolve) => {
		const fail = (error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer }) => {
			const message = error.message || String(error);
			resolve({ type: "failure", code: error.code ?? "", message, speaks: foreignProtocol(error.rawPacket) });
		};
		const length: Record<string, string> = body === undefined ? {} : { "content-length": String(body.length) };
		const sent = request(target, {
			method,
			agent: false,
			headers: { ...headers, ...length },
			signal: AbortSignal.timeout(TIMEOUT_MS),
		});
		sent.on("error", fail);
		sent.on("response", (response) => {
			const chunks: Buffer[] = [];
			let bytes = 0;
			response.on("data", (chunk: Buffer) => {
				if (bytes < MAX_TEXT_BYTES) chunks.push(chunk);
				bytes += chunk.length;
			});
			response.on("error", fail);
			response.on("end", () => {
				const text = Buffer.concat(chunks).toString("utf8").slice(0, MAX_TEXT_BYTES);
				resolve({ type: "answer", status: response.statusCode ?? 0, headers: response.headers, text });
			});
		});
		sent.end(body);
	});
}

/** A SETTINGS frame begins every HTTP/2 connection (RFC 9113, 3.4), an alert record answers what is no TLS (RFC 8446, 5.1). */
function foreignProtocol(bytes: Buffer | undefined): ForeignProtocol {
	if (bytes === undefined || bytes.length < 5) return undefined;
	if (bytes[0] === 0 && bytes[3] === 4) return "http2";
	if (bytes[0] === 0x15 && bytes[1] === 3) return "tls";
	return undefined;
}

/** JSON of an answer that is an object; undefined for everything else. */
export function objectOf(outcome: Outcome): Readonly<Record<string, unknown>> | undefined {
	if (outcome.type !== "answer") return undefined;
	try {
		const value: unknown = JSON.parse(outcome.text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		// Whoever answers something else is not the server that was asked for.
		return undefined;
	}
}

/** What is known when something went wrong. */
export interface Circumstances {
	/** Address that was asked. */
	readonly url: string;
	/** The variable that named it; undefined for a default or an address that we found. */
	readonly from: string | undefined;
	/** What was sent. */
	readonly way: "REST" | "OTLP";
	/** A Traceway server that answers, where this would have worked; undefined when there is none. */
	readonly server: string | undefined;
	/** The protocol to try when the server does not read the encoding of this one. */
	readonly otherProtocol?: OtlpProtocol | undefined;
}

/** What went wrong and what to do about it, one line each. */
export interface Diagnosis {
	readonly text: string;
	readonly mend: string;
}

/** Explains an outcome that is not the wished-for one. */
export function diagnose(outcome: Outcome, circumstances: Circumstances): Diagnosis {
	return outcome.type === "failure" ? diagnoseFailure(outcome, circumstances) : diagnoseAnswer(outcome, circumstances);
}

const START = 'start one with "traceway-live serve"';

/** A line for a shell that leads to the server that does answer. */
function otherAddress({ way, from, server }: Circumstances): string {
	if (server === undefined) return START;
	const variable = way === "REST" ? "TRACEWAY_URL" : "OTEL_EXPORTER_OTLP_ENDPOINT";
	const first = from === undefined || from === variable ? "" : `unset ${from}; `;
	return `${first}export ${variable}=${server}`;
}

function diagnoseFailure(outcome: Outcome & { readonly type: "failure" }, where: Circumstances): Diagnosis {
	const { host, hostname, protocol } = new URL(where.url);
	const { code, speaks } = outcome;
	if (speaks === "http2") {
		return {
			text: `${host} speaks gRPC (HTTP/2), and was sent HTTP/1`,
			mend:
				where.way === "REST"
					? otherAddress(where)
					: `export OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or use the port for HTTP: ${otherAddress(where)}`,
		};
	}
	if (speaks === "tls") return { text: `${host} speaks TLS`, mend: `write https://${host} instead of http://` };
	if (code === "ECONNREFUSED") return { text: `nothing listens on ${host} (${code})`, mend: otherAddress(where) };
	if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
		return { text: `the name ${hostname} leads to no address (${code})`, mend: otherAddress(where) };
	}
	if (code === "EPROTO" || code.startsWith("ERR_SSL")) {
		return {
			text: `https is spoken to ${host}, which speaks no TLS`,
			mend: `write http://${host} instead of https://`,
		};
	}
	if (/CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code)) {
		return {
			text: `the certificate of ${host} is not trusted (${code})`,
			mend: "export NODE_EXTRA_CA_CERTS=<file> for Node.js, OTEL_EXPORTER_OTLP_CERTIFICATE=<file> for exporters",
		};
	}
	if (/^(ABORT_ERR|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/.test(code)) {
		const why = code === "ABORT_ERR" ? `no answer within ${TIMEOUT_MS / 1000} s` : code;
		return {
			text: `${host} cannot be reached (${why}); a firewall, or no such machine`,
			mend: otherAddress(where),
		};
	}
	if (code.startsWith("HPE_")) return { text: `${host} speaks no HTTP`, mend: otherAddress(where) };
	const spoken = protocol === "https:" ? "https" : "http";
	return {
		text: `${host} ended the connection without an answer (${printable(code || outcome.message, 100)})`,
		mend: `is it a server for ${spoken}? ${otherAddress(where)}`,
	};
}

function diagnoseAnswer(outcome: Outcome & { readonly type: "answer" }, where: Circumstances): Diagnosis {
	const { status, headers } = outcome;
	const { host, pathname } = new URL(where.url);
	const said = objectOf(outcome);
	const isOurs = typeof said?.error === "string" && typeof said.code === "string";
	const words = isOurs ? `: ${printable(String(said.error), 300)}` : "";
	const proxy = headers.via !== undefined || headers["proxy-authenticate"] !== undefined || status === 407;
	if (!isOurs && (proxy || status === 502 || status === 504)) {
		const mend = `take the proxy out of the way, or ${otherAddress(where)}`;
		return { text: `a proxy or gateway answered for ${host} with ${status}`, mend };
	}
	if (status === 400 && /https port/i.test(outcome.text)) {
		return { text: `${host} speaks TLS`, mend: `write https://${host} instead of http://` };
	}
	switch (status) {
		case 401: {
			const mend =
				where.way === "REST"
					? "export TRACEWAY_TOKEN=<token of the server>"
					: 'export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20<token of the server>"';
			return { text: `401${words || ": a token is needed"}`, mend };
		}
		case 403: {
			const isHost = said?.code === "host_refused";
			const mend = isHost ? "use 127.0.0.1 or localhost in the address" : otherAddress(where);
			return { text: `403${words || ": forbidden"}`, mend };
		}
		case 404:
		case 405:
			return { text: `${status} on path ${printable(pathname, 200)}${words}`, mend: pathMend(where, isOurs) };
		case 415:
			return {
				text: `415${words || ": this server does not read this encoding"}`,
				mend: where.otherProtocol ? `export OTEL_EXPORTER_OTLP_PROTOCOL=${where.otherProtocol}` : otherAddress(where),
			};
		case 429:
		case 503:
			return { text: `${status}${words || ": the server is busy"}`, mend: "wait and ask again" };
		case 507:
			return { text: `507${words}`, mend: "look at the server's log, and whether its disk is full" };
		default:
	}
	if (status >= 300 && status < 400) {
		const to = typeof headers.location === "string" ? ` to ${printable(headers.location, 200)}` : "";
		return { text: `${status}, redirected${to}; exporters do not follow`, mend: "give the address that it leads to" };
	}
	if (isOurs) return { text: `${status}${words}`, mend: "look at the server's log" };
	return { text: `${host} answered ${status}, but is no Traceway server`, mend: otherAddress(where) };
}

function pathMend(where: Circumstances, isOurs: boolean): string {
	if (where.way === "OTLP" && where.from === "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
		const { origin } = new URL(where.url);
		return `that variable is used as it is: export ${where.from}=${origin}/v1/traces`;
	}
	if (where.way === "OTLP" && where.from !== undefined && isOurs) {
		return `exporters add /v1/traces to it: export ${where.from}=${new URL(where.url).origin}`;
	}
	return otherAddress(where);
}
