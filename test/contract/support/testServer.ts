import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Logger, silentLogger } from "../../../src/base/logger.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../../src/server/server.ts";

export interface Answer {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly text: string;
	/** The body as JSON; throws when it is none. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
	readonly json: any;
}

/** A directory that is gone when the test is over. */
export function temporaryDir(): string {
	const dir = mkdtempSync(join(tmpdir(), "traceway-server-"));
	onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
	return dir;
}

/** A real server on a free port, in memory unless told otherwise, closed when the test is over. */
export async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
	const server = await startServer({ port: 0, version: "1.2.3", logger: silentLogger, ...options });
	onTestFinished(() => server.close());
	return server;
}

/** A logger that keeps its lines. */
export function recordingLogger(): Logger & { readonly lines: string[] } {
	const lines: string[] = [];
	const keep = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
	return { lines, error: keep("error"), warn: keep("warn"), info: keep("info"), debug: keep("debug") };
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** One request with full say over its headers, Host and Origin included. Bodies that are no text or bytes go as JSON. */
export function send(
	method: string,
	url: string,
	body?: unknown,
	headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
	const isRaw = typeof body === "string" || Buffer.isBuffer(body);
	const payload = body === undefined ? undefined : isRaw ? body : JSON.stringify(body);
	const type: Record<string, string> = payload === undefined ? {} : { "Content-Type": "application/json" };
	return new Promise((resolve, reject) => {
		const sent = request(url, { method, agent, headers: { ...type, ...headers } }, (response) => {
			const chunks: Buffer[] = [];
			response.on("data", (chunk: Buffer) => chunks.push(chunk));
			response.on("error", reject);
			response.on("end", () => {
				const text = Buffer.concat(chunks).toString("utf8");
				resolve({
					status: response.statusCode ?? 0,
					headers: response.headers,
					text,
					get json() {
						return JSON.parse(text);
					},
				});
			});
		});
		sent.on("error", reject);
		sent.end(payload);
	});
}

/** The calls that most tests make, on the API of one server. */
export function client(server: RunningServer) {
	const api = `${server.url}/api`;
	return {
		get: (path: string, headers?: Record<string, string>) => send("GET", api + path, undefined, headers),
		post: (path: string, body?: unknown, headers?: Record<string, string>) => send("POST", api + path, body, headers),
		put: (path: string, body: unknown) => send("PUT", api + path, body),
		delete: (path: string) => send("DELETE", api + path),
		async trace(body: object = {}): Promise<string> {
			const answer = await send("POST", `${api}/traces`, body);
			if (answer.status !== 201) throw new Error(answer.text);
			return answer.json.id;
		},
		async span(body: object): Promise<string> {
			const answer = await send("POST", `${api}/spans`, { trace_id: "t", name: "span", ...body });
			if (answer.status !== 201) throw new Error(answer.text);
			return answer.json.id;
		},
	};
}

/** Waits for a state; fails with `what` after 25 seconds. */
export async function eventually<T>(what: string, look: () => T | undefined | false): Promise<T> {
	const deadline = Date.now() + 25_000;
	for (;;) {
		const found = look();
		if (found !== undefined && found !== false) return found;
		if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}
