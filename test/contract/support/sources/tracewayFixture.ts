import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../../src/base/logger.ts";
import { type RunningServer, startServer } from "../../../../src/server/server.ts";
import type { AddedTrace, ExpectedSpan, ExpectedTrace, SourceFixture, SourcePeer } from "../sourceFixture.ts";
import { send } from "../testServer.ts";

/** Our own server with a database of its own. */
export const tracewayFixture: SourceFixture = {
	type: "traceway",
	label: "Traceway",
	hasTextSearch: true,
	hasTraceSearch: true,
	start: () => TracewayServerPeer.start(),
};

interface Span {
	readonly id: string;
	readonly trace_id: string;
	readonly parent_id: string | null;
	readonly name: string;
	readonly kind: { readonly type: string };
	readonly status: string | object;
}

class TracewayServerPeer implements SourcePeer {
	readonly url: string;
	readonly #dataDir: string;
	#server: RunningServer | undefined;
	#token: string | undefined;
	#count = 0;
	#clockOffsetMs = 0;

	private constructor(server: RunningServer, dataDir: string) {
		this.#server = server;
		this.url = server.url;
		this.#dataDir = dataDir;
	}

	static async start(): Promise<TracewayServerPeer> {
		const dataDir = await mkdtemp(join(tmpdir(), "traceway-source-"));
		return new TracewayServerPeer(await listen(dataDir, 0, undefined), dataDir);
	}

	async kill(): Promise<void> {
		await this.#server?.close();
		this.#server = undefined;
	}

	async revive(): Promise<void> {
		this.#server = await listen(this.#dataDir, Number(new URL(this.url).port), this.#token);
	}

	async close(): Promise<void> {
		await this.kill();
		await rm(this.#dataDir, { recursive: true, force: true });
	}

	async setToken(token: string | undefined): Promise<void> {
		await this.kill();
		this.#token = token;
		await this.revive();
	}

	setClock(offsetMs: number): void {
		this.#clockOffsetMs = offsetMs;
	}

	/** What its clock shows, for programs that run on the same machine; undefined for the real time. */
	get #now(): string | undefined {
		return this.#clockOffsetMs === 0 ? undefined : new Date(Date.now() + this.#clockOffsetMs).toISOString();
	}

	async traces(): Promise<readonly ExpectedTrace[]> {
		const spans = await this.#spans();
		const { traces } = (await this.#call("GET", "/traces?limit=1000")) as { traces: { id: string }[] };
		return traces.map(({ id }) => ({
			traceId: id,
			spans: spans.filter((span) => span.trace_id === id).map(expectedSpan),
		}));
	}

	async addTrace({ name, sessionId }: { name: string; sessionId?: string }): Promise<AddedTrace> {
		const number = ++this.#count;
		const traceId = `trace-${number}`;
		const payload = `payload of ${name} `.repeat(100);
		const tags = sessionId === undefined ? [] : [`session:${sessionId}`];
		const root = `${traceId}-root`;
		const started_at = this.#now;
		await this.#call("POST", "/traces", { id: traceId, name, tags, started_at });
		await this.#call("POST", "/spans", { id: root, trace_id: traceId, name: "agent", started_at });
		const kind = { type: "llm_call", model: "gpt-4o", input_tokens: 3, output_tokens: 2 };
		const call = { id: `${traceId}-call`, trace_id: traceId, parent_id: root, name: "draft", kind, input: { payload } };
		await this.#call("POST", "/spans", { ...call, started_at });
		await this.endSpan(traceId, call.id);
		await this.endSpan(traceId, root);
		return { traceId, spanId: call.id, payload };
	}

	async addSpan(traceId: string): Promise<string> {
		const spanId = await this.startSpan(traceId);
		await this.endSpan(traceId, spanId);
		return spanId;
	}

	async startSpan(traceId: string): Promise<string> {
		const id = `${traceId}-step-${++this.#count}`;
		await this.#call("POST", "/spans", { id, trace_id: traceId, parent_id: `${traceId}-root`, name: "step" });
		return id;
	}

	async endSpan(_traceId: string, spanId: string): Promise<void> {
		await this.#call("POST", `/spans/${spanId}/complete`, { ended_at: this.#now });
	}

	async removeTrace(traceId: string): Promise<void> {
		await this.#call("DELETE", `/traces/${traceId}`);
	}

	async callCount(): Promise<number> {
		return (await this.#spans()).filter(({ kind }) => kind.type === "llm_call").length;
	}

	async #spans(): Promise<readonly Span[]> {
		return ((await this.#call("GET", "/spans?limit=1000")) as { spans: Span[] }).spans;
	}

	/** While it is dead another server has its data, so that what is missed is written the way everything is. */
	async #call(method: string, path: string, body?: unknown): Promise<unknown> {
		const server = this.#server ?? (await listen(this.#dataDir, 0, undefined));
		try {
			const headers: Record<string, string> =
				this.#token === undefined || this.#server === undefined ? {} : { authorization: `Bearer ${this.#token}` };
			const answer = await send(method, `${server.url}/api${path}`, body, headers);
			if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
			return answer.json;
		} finally {
			if (server !== this.#server) await server.close();
		}
	}
}

async function listen(dataDir: string, port: number, token: string | undefined): Promise<RunningServer> {
	return await startServer({ port, dataDir, token, heartbeatMs: 300, version: "1.2.3", logger: silentLogger });
}

function expectedSpan(span: Span): ExpectedSpan {
	const state = typeof span.status === "string" ? (span.status as "running" | "completed") : "failed";
	return { spanId: span.id, parentSpanId: span.parent_id, name: span.name, state };
}
