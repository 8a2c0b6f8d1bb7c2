import { performance } from "node:perf_hooks";
import { sleep } from "../base/abort.ts";
import type { ServerInfo } from "../protocol/serverInfo.ts";
import { printable } from "./arguments.ts";
import { type Circumstances, type Diagnosis, diagnose, exchange, type Outcome, objectOf } from "./doctorExchange.ts";
import type { GrpcOutcome } from "./doctorGrpc.ts";
import type { Finding, OtlpSettings } from "./doctorSettings.ts";
import { DOCTOR_NAME, type DoctorSpan, doctorSpan, otlpJson, otlpProtobuf } from "./doctorSpan.ts";
import { tokenHeaders } from "./target.ts";

export interface DoctorOptions {
	/** Base address of the Traceway server where spans are read back. */
	readonly url: string;
	/** What named it; undefined when nothing did. */
	readonly urlFrom: string | undefined;
	/** Address of the running mini-server of this user, if there is one. */
	readonly running: Pick<ServerInfo, "url" | "grpcUrl"> | undefined;
	readonly otlp: OtlpSettings;
	readonly token: string | undefined;
	readonly signal: AbortSignal;
}

/** Time that a span may take from an answered export to where it can be read: collectors between hold it for a moment. */
const READ_BACK_MS = 3000;
const READ_BACK_EVERY_MS = 100;

const GRPC_TIMEOUT_MS = 10_000;

const JSON_TYPE = { "content-type": "application/json" } as const;

/** Sends one span on each way, reads it back, and deletes it again. */
export class DoctorChecks {
	readonly #options: DoctorOptions;
	/** Set when the server of `url` has proved to be one. */
	#server: string | undefined;

	constructor(options: DoctorOptions) {
		this.#options = options;
	}

	/** Yields one finding for each check, in the order in which they are made. */
	async *run(): AsyncGenerator<Finding> {
		yield await this.#checkServer();
		yield await this.#checkRest();
		const { otlp, url } = this.#options;
		const isGrpc = otlp.protocol === "grpc";
		const http = isGrpc ? { url: `${url}/v1/traces`, from: undefined } : { url: otlp.url, from: otlp.urlFrom };
		yield await this.#checkHttp("OTLP JSON", http, "application/json", otlpJson);
		yield await this.#checkHttp("OTLP protobuf", http, "application/x-protobuf", otlpProtobuf);
		yield await this.#checkGrpc();
	}

	async #checkServer(): Promise<Finding> {
		const { url, urlFrom, running } = this.#options;
		const name = "server";
		const outcome = await exchange({ method: "GET", url: `${url}/api/health` });
		const health = objectOf(outcome);
		if (outcome.type === "answer" && outcome.status === 200 && health?.storage !== undefined) {
			this.#server = url;
			const product = typeof health.instance_id === "string" ? "Traceway Live" : "Traceway";
			return { name, state: "ok", text: `${url}: ${product} ${printable(String(health.version ?? ""), 40)}` };
		}
		// Another address of the same kind, at which somebody does answer, is the best advice.
		this.#server = running !== undefined && running.url !== url ? running.url : undefined;
		const where: Circumstances = { url: `${url}/api/health`, from: urlFrom, way: "REST", server: this.#server };
		return failed(name, url, diagnose(outcome, where));
	}

	async #checkRest(): Promise<Finding> {
		const name = "REST";
		const began = performance.now();
		const created = await this.#api("POST", "/api/traces", { name: DOCTOR_NAME, tags: ["doctor"] });
		const traceId = objectOf(created)?.id;
		if (!isSuccess(created) || typeof traceId !== "string") return this.#restFailed(name, created);
		try {
			const begun = await this.#api("POST", "/api/spans", { trace_id: traceId, name: DOCTOR_NAME });
			const spanId = objectOf(begun)?.id;
			if (!isSuccess(begun) || typeof spanId !== "string") return this.#restFailed(name, begun);
			const path = `/api/spans/${encodeURIComponent(spanId)}`;
			const ended = await this.#api("POST", `${path}/complete`, { output: "ok" });
			if (!isSuccess(ended)) return this.#restFailed(name, ended);
			const read = await this.#api("GET", path);
			const span = objectOf(read);
			if (!isSuccess(read)) return this.#restFailed(name, read);
			if (span?.status !== "completed" || span.output !== "ok") {
				const text = `${this.#options.url}: the span came back as another than it was sent`;
				return { name, state: "failed", text, mend: "is something between here and the server? Ask it directly" };
			}
		} finally {
			await this.#delete(traceId);
		}
		return { name, state: "ok", text: doneText(this.#options.url, began) };
	}

	async #checkHttp(
		name: string,
		target: { readonly url: string; readonly from: string | undefined },
		contentType: string,
		encode: (span: DoctorSpan) => Buffer,
	): Promise<Finding> {
		const began = performance.now();
		const span = doctorSpan(Date.now());
		const headers = { ...this.#otlpHeaders(), "content-type": contentType };
		const outcome = await exchange({ method: "POST", url: target.url, headers, body: encode(span) });
		if (isSuccess(outcome)) return this.#readBack(name, target.url, span, began);
		const otherProtocol = contentType === "application/json" ? "http/protobuf" : "http/json";
		return failed(name, target.url, diagnose(outcome, { ...target, way: "OTLP", server: this.#server, otherProtocol }));
	}

	async #checkGrpc(): Promise<Finding> {
		const name = "OTLP gRPC";
		const { otlp, running } = this.#options;
		const isAsked = otlp.protocol === "grpc";
		const url = isAsked ? otlp.url : running?.grpcUrl;
		if (url === undefined) {
			return { name, state: "skipped", text: 'off; "traceway-live serve --grpc-port 4317" turns it on' };
		}
		const { sendGrpc } = await import("./doctorGrpc.ts");
		const began = performance.now();
		const span = doctorSpan(Date.now());
		const outcome = await sendGrpc(url, otlpProtobuf(span), this.#otlpHeaders(), GRPC_TIMEOUT_MS);
		if (outcome.code === "OK") return this.#readBack(name, url, span, began);
		return failed(name, url, await this.#diagnoseGrpc(url, outcome));
	}

	/** The library says little more than "unavailable"; what listens there is asked in HTTP/1. */
	async #diagnoseGrpc(url: string, { code, details }: GrpcOutcome): Promise<Diagnosis> {
		const { host } = new URL(url);
		const said = printable(details, 200);
		const overHttp = `export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT=${this.#server ?? "http://127.0.0.1:4318"}`;
		switch (code) {
			case "UNAUTHENTICATED":
				return {
					text: `${code}: ${said}`,
					mend: 'export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20<token of the server>"',
				};
			case "PERMISSION_DENIED":
				return { text: `${code}: ${said}`, mend: "use 127.0.0.1 or localhost in the address" };
			case "UNIMPLEMENTED":
				return { text: `${host} speaks gRPC, but takes no OTLP (${code})`, mend: overHttp };
			default:
		}
		const probe = await exchange({ method: "GET", url: `http://${host}/` });
		if (probe.type === "answer" && probe.status !== 0) {
			return { text: `${host} speaks HTTP/1, and was sent gRPC`, mend: overHttp };
		}
		if (probe.type === "failure" && probe.code === "ECONNREFUSED") {
			return {
				text: `nothing listens on ${host} (ECONNREFUSED)`,
				mend: `"traceway-live serve --grpc-port 4317" turns gRPC on; or ${overHttp}`,
			};
		}
		const isTls = url.startsWith("https:");
		if (probe.type === "failure" && probe.speaks === "http2" && isTls) {
			return { text: `TLS is spoken to ${host}, which speaks none`, mend: `write http://${host} instead of https://` };
		}
		if (probe.type === "failure" && probe.speaks === "tls" && !isTls) {
			return { text: `${host} speaks TLS`, mend: `write https://${host} instead of http://` };
		}
		return { text: `${code}: ${said}`, mend: overHttp };
	}

	/** Looks for a span whose export was answered well, and deletes its trace. */
	async #readBack(name: string, target: string, span: DoctorSpan, began: number): Promise<Finding> {
		const { url } = this.#options;
		if (this.#server !== url) {
			const text = `${target}: taken, but not read back, because the server at ${url} does not answer`;
			return { name, state: "warning", text };
		}
		const deadline = Date.now() + READ_BACK_MS;
		for (;;) {
			const read = await this.#api("GET", `/api/spans/${span.spanId}`);
			if (isSuccess(read) && objectOf(read)?.trace_id === span.traceId) {
				await this.#delete(span.traceId);
				return { name, state: "ok", text: doneText(target, began) };
			}
			if (read.type === "answer" && read.status === 401) return this.#restFailed(name, read);
			if (Date.now() > deadline) break;
			await sleep(READ_BACK_EVERY_MS, this.#options.signal);
		}
		return {
			name,
			state: "failed",
			text: `${target}: took the span, but it is not at ${url}: they are two servers`,
			mend: `export OTEL_EXPORTER_OTLP_ENDPOINT=${url}, or TRACEWAY_URL=<address of the other one>`,
		};
	}

	/** A token that is only ours, not the exporters', would hide that theirs is missing. */
	#otlpHeaders(): Record<string, string> {
		return { ...this.#options.otlp.headers };
	}

	#api(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<Outcome> {
		return exchange({
			method,
			url: this.#options.url + path,
			headers: { ...tokenHeaders(this.#options.token), ...(body === undefined ? {} : JSON_TYPE) },
			body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
		});
	}

	/** What could not be deleted is a trace of one span with our name; nothing that a person must act upon. */
	async #delete(traceId: string): Promise<void> {
		await this.#api("DELETE", `/api/traces/${encodeURIComponent(traceId)}`);
	}

	#restFailed(name: string, outcome: Outcome): Finding {
		const { url, urlFrom } = this.#options;
		const server = this.#server === url ? undefined : this.#server;
		return failed(name, url, diagnose(outcome, { url: `${url}/api`, from: urlFrom, way: "REST", server }));
	}
}

function isSuccess(outcome: Outcome): boolean {
	return outcome.type === "answer" && outcome.status >= 200 && outcome.status < 300;
}

function failed(name: string, target: string, { text, mend }: Diagnosis): Finding {
	return { name, state: "failed", text: `${printable(target)}: ${text}`, mend };
}

function doneText(target: string, began: number): string {
	return `${printable(target)}: sent, read back and deleted (${Math.round(performance.now() - began)} ms)`;
}
