import { afterEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { parseQuery } from "../../src/model/query.ts";
import type { LiveRow } from "../../src/protocol/liveMessages.ts";
import { startServer } from "../../src/server/server.ts";
import type { Source } from "../../src/sources/source.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { LiveTraces } from "../../src/ui/live/liveTraces.ts";
import { PromptPreviews, promptOf } from "../../src/ui/live/promptPreviews.ts";

const ends: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 10 });

interface Live {
	readonly url: string;
	readonly source: Source;
	readonly traces: LiveTraces;
	/** The page's rows, by what it was told. */
	readonly rows: Map<string, LiveRow>;
	/** Brings the page up to date. */
	send(): void;
}

/** A server with a source that is live, and what a page of the live panel is told. */
async function live(filter = ""): Promise<Live> {
	const server = await startServer({ port: 0, version: "0.0.0", logger: silentLogger });
	ends.push(() => server.close());
	const source = createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url: server.url },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
	});
	ends.push(() => source.dispose());
	source.connect();
	await until(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }));
	const parsed = parseQuery(filter);
	const query = parsed.ok && filter !== "" ? parsed.query : undefined;
	const traces = new LiveTraces(source.store, () => Date.now() + source.status.clockOffsetMs, query);
	const changes = source.store.onDidChange((change) => traces.apply(change, source.status.isLoaded));
	ends.push(() => changes.dispose());
	const rows = new Map<string, LiveRow>();
	const send = () => {
		for (let part = traces.take(50); ; part = traces.take(50)) {
			for (const traceId of part.removed) rows.delete(traceId);
			for (const row of part.rows) rows.set(row.traceId, row);
			if (!part.hasMore) return;
		}
	};
	return { url: server.url, source, traces, rows, send };
}

async function call(url: string, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
	const response = await fetch(`${url}/api${path}`, {
		method,
		...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
	});
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
	return (await response.json()) as Record<string, unknown>;
}

async function addTrace(url: string, input: unknown): Promise<string> {
	const { id } = await call(url, "POST", "/traces", { name: "run" });
	await call(url, "POST", "/spans", { trace_id: id, name: "call", kind: { type: "llm_call", model: "gpt-4o" }, input });
	return String(id);
}

describe("rows and sums of the live panel", () => {
	it("agree with each other, with the server's analytics and with a recount, after all kinds of events", async () => {
		const { url, source, traces, rows, send } = await live();
		const spanIds: string[] = [];
		const traceIds: string[] = [];
		for (let index = 0; index < 30; index++) {
			const { id } = await call(url, "POST", "/traces", { name: `run ${index}` });
			traceIds.push(String(id));
			for (let step = 0; step <= index % 3; step++) {
				const span = await call(url, "POST", "/spans", {
					trace_id: id,
					name: "call",
					kind: { type: "custom", kind: "x" },
				});
				spanIds.push(String(span.id));
			}
			if (index % 7 === 0) send();
		}
		for (const [index, spanId] of spanIds.entries()) {
			if (index % 11 === 0) continue;
			if (index % 5 === 0) await call(url, "POST", `/spans/${spanId}/fail`, { error: "no" });
			else {
				const kind = { type: "llm_call", model: "gpt-4o-mini", input_tokens: index * 13, output_tokens: index * 3 + 1 };
				await call(url, "POST", `/spans/${spanId}/complete`, { kind });
			}
			if (index % 13 === 0) send();
		}
		await call(url, "DELETE", `/traces/${traceIds[4]}`);
		await call(url, "DELETE", `/spans/${spanIds[20]}`);
		const stats = await call(url, "GET", "/stats");
		const summary = await call(url, "GET", "/analytics/summary");
		await until(() =>
			expect(source.store).toMatchObject({ traceCount: stats.trace_count, spanCount: stats.span_count }),
		);
		source.store.flush();
		send();
		const shown = traces.stats;
		expect(shown.traces).toBe(29);
		expect(shown.tokens).toBe(summary.total_tokens);
		expect(shown.costUsd).toBeCloseTo(Number(summary.total_cost), 9);
		const all = [...rows.values()];
		const sum = (of: (row: LiveRow) => number | undefined) => all.reduce((total, row) => total + (of(row) ?? 0), 0);
		expect(all).toHaveLength(29);
		expect(sum(({ inputTokens }) => inputTokens) + sum(({ outputTokens }) => outputTokens)).toBe(shown.tokens);
		expect(sum(({ costUsd }) => costUsd)).toBeCloseTo(shown.costUsd ?? Number.NaN, 9);
		expect(all.filter(({ state }) => state === "running")).toHaveLength(shown.running);
		expect(all.filter(({ state }) => state === "failed")).toHaveLength(shown.failed);
		expect(sum(({ spanCount }) => spanCount)).toBe(stats.span_count);
		// A panel that is opened only now shows the same.
		const fresh = new LiveTraces(source.store, () => Date.now());
		expect(fresh.stats).toEqual(shown);
	});
});

describe("prompts of rows", () => {
	/** Collects what is told, as a page does. */
	function previews({ source, traces }: Live): {
		readonly load: PromptPreviews;
		readonly known: Map<string, string | null>;
	} {
		const known = new Map<string, string | null>();
		const load = new PromptPreviews({
			source: () => source,
			spanOf: (traceId) => traces.promptSpan(traceId),
			onKnown: (prompts) => {
				for (const [traceId, prompt] of prompts) known.set(traceId, prompt);
			},
			logger: silentLogger,
		});
		ends.push(() => load.dispose());
		return { load, known };
	}

	it("are what the user said last, none where nobody said anything, and none of a span that is too large", async () => {
		const subject = await live();
		const { url, source } = subject;
		const messages = [
			{ role: "system", content: "Be brief." },
			{ role: "user", content: "Hello" },
			{ role: "assistant", content: "Hi" },
			{ role: "user", content: "What is\n\n a heat pump?" },
		];
		const [talk, nothing, large] = [
			await addTrace(url, messages),
			await addTrace(url, undefined),
			await addTrace(url, "x".repeat(300_000)),
		];
		await until(() => expect(source.store.spanCount).toBe(3));
		const { load, known } = previews(subject);
		load.load([talk, nothing, large, "nobody"]);
		await until(() => expect(known.size).toBe(3));
		expect(Object.fromEntries(known)).toEqual({ [talk]: "What is a heat pump?", [nothing]: null, [large]: null });
		// A large span is no trouble of the server.
		expect(source.status.requestError).toBeUndefined();
		known.clear();
		load.load([talk, large]);
		expect(known.size).toBe(2);
	});

	it("are read for the rows that were asked for last, and not for those that were passed by", async () => {
		const subject = await live();
		const { url, source } = subject;
		const ids: string[] = [];
		for (let index = 0; index < 12; index++) ids.push(await addTrace(url, `prompt ${index}`));
		await until(() => expect(source.store.spanCount).toBe(12));
		const { load, known } = previews(subject);
		load.load(ids.slice(0, 8));
		load.load(ids.slice(10));
		await until(() => expect([...known.keys()]).toEqual(expect.arrayContaining(ids.slice(10))));
		// Three were under way when the question changed; the others of the first one never are.
		expect(known.size).toBeLessThanOrEqual(5);
		expect(known.get(ids[11])).toBe("prompt 11");
	});

	it("are one line of bounded length, safe to show", () => {
		expect(promptOf({ question: "why" })).toBe('{"question":"why"}');
		expect(promptOf("a\u202eb\tc  d")).toBe("a�b c d");
		expect(promptOf(" \n ")).toBeNull();
		expect(promptOf("long ".repeat(1_000_000))?.length).toBeLessThanOrEqual(160);
	});
});
