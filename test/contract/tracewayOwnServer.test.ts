import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server/server.ts";
import type { Source } from "../../src/sources/source.ts";
import { createTracewaySource, type TracewaySourceOptions } from "../../src/sources/traceway/tracewaySource.ts";

const soon = { timeout: 15_000, interval: 10 };
const until = (check: () => void | Promise<void>) => vi.waitFor(check, soon);
const never = new AbortController().signal;
const ends: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
	const server = await startServer({ port: 0, version: "0.0.0", logger: silentLogger, ...options });
	ends.push(() => server.close());
	return server;
}

async function dataDir(): Promise<string> {
	const dir = await mkdtemp(join(tmpdir(), "traceway-source-"));
	ends.push(() => rm(dir, { recursive: true, force: true }));
	return dir;
}

function makeSource(url: string, options: Partial<TracewaySourceOptions> = {}): Source {
	const source = createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		minBackoffMs: 10,
		...options,
	});
	ends.push(() => source.dispose());
	return source;
}

async function loadedSource(url: string, options: Partial<TracewaySourceOptions> = {}): Promise<Source> {
	const source = makeSource(url, options);
	source.connect();
	await until(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }));
	return source;
}

async function send(url: string, method: string, path: string, body?: unknown): Promise<Record<string, string>> {
	const response = await fetch(`${url}/api${path}`, {
		method,
		...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
	});
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
	return (await response.json()) as Record<string, string>;
}

/** A trace with so many spans, every second one completed. */
async function addTrace(url: string, spans: number): Promise<string> {
	const { id } = await send(url, "POST", "/traces", { name: "run" });
	let parent: string | null = null;
	for (let index = 0; index < spans; index++) {
		const kind = { type: "llm_call", model: "gpt-4o-mini", input_tokens: index, output_tokens: 1 };
		const span: Record<string, string> = await send(url, "POST", "/spans", {
			trace_id: id,
			parent_id: parent,
			name: `step ${index}`,
			kind,
			input: { index },
		});
		parent ??= span.id;
		if (index % 2 === 1) await send(url, "POST", `/spans/${span.id}/complete`, { output: "ok" });
	}
	return id;
}

interface WireItem {
	readonly id: string;
	readonly trace_id: string;
	readonly name: string;
	readonly parent_id: string | null;
	readonly status: unknown;
	readonly ended_at: string | null;
}

async function readAll(url: string, list: string): Promise<WireItem[]> {
	const items: WireItem[] = [];
	let cursor: string | null = null;
	do {
		const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
		const response = await fetch(`${url}/api/${list}?limit=1000${query}`);
		const page = (await response.json()) as { items: WireItem[]; next_cursor: string | null };
		items.push(...page.items);
		cursor = page.next_cursor;
	} while (cursor !== null);
	return items;
}

/** Source and server, span by span: what only one of them has, or both have differently. */
async function differences(source: Source, url: string): Promise<string[]> {
	const shown = new Set<string>();
	for (const entry of source.store.entries()) {
		shown.add(`trace ${entry.traceId}`);
		for (const row of entry.rows) {
			const { spanId, parentSpanId, name, state, end } = source.store.spanAt(row);
			shown.add([entry.traceId, spanId, parentSpanId, name, state, end?.ms].join(" "));
		}
	}
	const [traces, spans] = [await readAll(url, "traces"), await readAll(url, "spans")];
	const wanted = new Set([
		...traces.map((trace) => `trace ${trace.id}`),
		...spans.map((span) => {
			const endMs = span.ended_at === null ? undefined : Date.parse(span.ended_at);
			const state = typeof span.status === "string" ? span.status : "failed";
			return [span.trace_id, span.id, span.parent_id, span.name, state, endMs].join(" ");
		}),
	]);
	return [
		...[...shown].filter((line) => !wanted.has(line)).map((line) => `only here: ${line}`),
		...[...wanted].filter((line) => !shown.has(line)).map((line) => `only there: ${line}`),
	].slice(0, 10);
}

const agree = (source: Source, url: string) => until(async () => expect(await differences(source, url)).toEqual([]));

describe("against our own server, the Traceway source", () => {
	it("shows history and follows every change", async () => {
		const { url } = await start();
		const old = await addTrace(url, 6);
		const source = await loadedSource(url);
		await agree(source, url);
		const id = await addTrace(url, 4);
		await agree(source, url);
		const spans = await readAll(url, "spans");
		const running = spans.find((span) => span.trace_id === id && span.status === "running");
		await send(url, "POST", `/spans/${running?.id}/fail`, { error: "boom" });
		await agree(source, url);
		expect(source.store.span(id, running?.id ?? "")?.error).toBe("boom");
		await send(url, "DELETE", `/spans/${running?.id}`);
		await send(url, "DELETE", `/traces/${old}`);
		await agree(source, url);
		await send(url, "DELETE", "/traces");
		await until(() => expect(source.store.traceCount).toBe(0));
		expect(source.status).toMatchObject({ undecodable: 0, unknownEvents: 0, recovered: 0, clockOffsetMs: 0 });
	});

	it("catches up from the log alone after a lost connection", async () => {
		const { url } = await start();
		await addTrace(url, 2);
		const source = await loadedSource(url);
		await addTrace(url, 2);
		await agree(source, url);
		source.disconnect();
		for (let index = 0; index < 5; index++) await addTrace(url, 10);
		await send(url, "DELETE", `/traces/${(await readAll(url, "traces")).at(-1)?.id}`);
		source.connect();
		await agree(source, url);
		expect(source.status.replayed).toBe(5 * 16 + 1);
		expect(source.status.recovered).toBe(0);
	});

	it("agrees span by span after the server went down and up again while spans arrive", async () => {
		const dir = await dataDir();
		let server = await startServer({ port: 0, version: "0", logger: silentLogger, dataDir: dir });
		const { url } = server;
		const port = Number(new URL(url).port);
		const source = await loadedSource(url, { maxSnapshotSpans: 100_000 });
		let isSending = true;
		const sender = (async () => {
			while (isSending) await addTrace(url, 5).catch(() => new Promise((resolve) => setTimeout(resolve, 5)));
		})();
		for (let round = 0; round < 3; round++) {
			await until(() => expect(source.status.state.name).toBe("open"));
			const before = source.status.received;
			await until(() => expect(source.status.received).toBeGreaterThan(before + 20));
			await server.close();
			await until(() => expect(source.status.state.name).not.toBe("open"));
			server = await startServer({ port, version: "0", logger: silentLogger, dataDir: dir });
		}
		ends.push(() => server.close());
		await until(() => expect(source.status.state.name).toBe("open"));
		isSending = false;
		await sender;
		await agree(source, url);
		expect(source.status.recovered).toBe(0);
	});

	it("takes a snapshot when its position was pruned", async () => {
		const { url } = await start({ eventRetentionMs: 50 });
		const source = await loadedSource(url);
		const first = await addTrace(url, 3);
		await agree(source, url);
		source.disconnect();
		await addTrace(url, 3);
		await send(url, "DELETE", `/traces/${first}`);
		// Pruning is the server's own matter; it is done once a reader from our position is told so.
		await until(async () => {
			const abort = new AbortController();
			const response = await fetch(`${url}/api/events?since=${source.status.lastEventId}`, { signal: abort.signal });
			const { value } = (await response.body?.getReader().read()) ?? {};
			abort.abort();
			expect(new TextDecoder().decode(value)).toContain('"reset"');
		});
		source.connect();
		await agree(source, url);
		await until(() => expect(source.status.recovered).toBeGreaterThan(0));
		await addTrace(url, 3);
		await agree(source, url);
	});

	it("is not fooled by a server that lost all its data", async () => {
		const first = await startServer({ port: 0, version: "0", logger: silentLogger });
		const { url } = first;
		const source = await loadedSource(url);
		for (let index = 0; index < 5; index++) await addTrace(url, 5);
		await agree(source, url);
		await first.close();
		// Its end must have reached this test's own connections, or the next request goes out on one of them.
		await expect(fetch(`${url}/api/health`)).rejects.toThrow();
		const second = await start({ port: Number(new URL(url).port) });
		await addTrace(second.url, 2);
		await agree(source, url);
		await addTrace(second.url, 2);
		await agree(source, url);
	});

	it("is not fooled by a successor whose event ids have passed its position", async () => {
		const first = await start();
		await addTrace(first.url, 4);
		const source = await loadedSource(first.url);
		const dir = await dataDir();
		const other = await start({ dataDir: dir });
		const id = await addTrace(other.url, 20);
		await other.close();
		await first.close();
		const second = await start({ port: Number(new URL(first.url).port), dataDir: dir });
		await agree(source, second.url);
		expect([...source.store.entries()].map(({ traceId }) => traceId)).toEqual([id]);
	});

	it("needs the token, and works with it", async () => {
		const { url } = await start({ token: "tw_sk_test" });
		let token: string | undefined;
		const source = makeSource(url, { getToken: async () => token });
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "unauthorized" }));
		token = "tw_sk_test";
		source.reconnect();
		await until(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }));
	});

	it("pages through thousands of spans and loads one trace whole", async () => {
		const { url } = await start();
		const big = await addTrace(url, 1200);
		for (let index = 0; index < 6; index++) await addTrace(url, 2);
		const source = await loadedSource(url, { snapshotTraces: 3, maxSnapshotSpans: 5 });
		expect(source.store.entry(big)).toBeUndefined();
		while (await source.loadMore(never));
		expect(source.store.entry(big)?.isWhole).toBe(false);
		await source.loadTrace(big, never);
		expect(source.store.entry(big)?.isWhole).toBe(true);
		expect(source.store.entry(big)?.rows).toHaveLength(1200);
	});

	it("searches, shows and deletes by request", async () => {
		const { url } = await start();
		const id = await addTrace(url, 3);
		await addTrace(url, 1);
		const source = await loadedSource(url);
		const spanId = (await readAll(url, "spans")).find((span) => span.name === "step 2")?.id ?? "";
		expect(await source.searchTraces({ text: "step 2" }, never)).toEqual(new Set([id]));
		expect(await source.searchTraces({ output: "nothing like it" }, never)).toEqual(new Set());
		expect(await source.loadSpan(id, spanId, never)).toMatchObject({ input: { index: 2 }, raw: { id: spanId } });
		await source.deleteSpan(id, spanId, never);
		await source.deleteTrace(id, never);
		await source.deleteTrace(id, never);
		await agree(source, url);
		await source.clearAll(never);
		expect(source.store.traceCount).toBe(0);
		expect(await readAll(url, "traces")).toEqual([]);
	});

	it("searches in the texts of one trace, page by page, until nobody wants more", async () => {
		const { url } = await start();
		const id = await addTrace(url, 3);
		await addTrace(url, 1);
		// More than the server looks through for one page.
		const input = "x".repeat(9_000_000);
		for (const spanId of ["big 1", "big 2"])
			await send(url, "POST", "/spans", { id: spanId, trace_id: id, name: "b", input });
		const source = await loadedSource(url);
		const search = async (text: string, isCaseSensitive = false): Promise<string[]> => {
			const found: string[] = [];
			for await (const hits of source.searchTrace(id, { text, isCaseSensitive }, never)) found.push(...hits.spanIds);
			return found;
		};
		const spans = await readAll(url, "spans");
		const second = spans.find((span) => span.name === "step 2")?.id;
		expect(await search('"INDEX":2')).toEqual([second]);
		expect(await search('"INDEX":2', true)).toEqual([]);
		expect(await search("xxx")).toEqual(["big 1", "big 2"]);
		const abort = new AbortController();
		const pages = source.searchTrace(id, { text: "xxx", isCaseSensitive: false }, abort.signal)[Symbol.asyncIterator]();
		expect((await pages.next()).value).toEqual({ spanIds: ["big 1"], isEverywhere: true });
		abort.abort();
		await expect(pages.next()).rejects.toMatchObject({ name: "AbortError" });
	});

	it("lets the server filter, and shows only what matches", async () => {
		const { url } = await start();
		const source = makeSource(url);
		source.dispose();
		const filtered = createTracewaySource({
			config: { id: "s", name: "own", type: "traceway", url, filter: { kind: "search" } },
			logger: silentLogger,
			fetch: globalThis.fetch,
			getToken: async () => undefined,
		});
		ends.push(() => filtered.dispose());
		await addTrace(url, 3);
		filtered.connect();
		await until(() => expect(filtered.status.isLoaded).toBe(true));
		expect(filtered.store.traceCount).toBe(0);
		const { id } = await send(url, "POST", "/traces", { name: "wanted" });
		await addTrace(url, 3);
		await send(url, "POST", "/spans", { trace_id: id, name: "x", kind: { type: "custom", kind: "search" } });
		await until(() => expect(filtered.store.spanCount).toBe(1));
		expect(filtered.store.entry(id)?.name).toBe("wanted");
		expect(filtered.store.traceCount).toBe(1);
	});
});
