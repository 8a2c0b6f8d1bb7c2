import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { CommandError } from "../../src/cli/arguments.ts";
import { type DemoOptions, runDemo } from "../../src/cli/demo.ts";
import { type RunningServer, startServer } from "../../src/server/server.ts";

interface Span {
	readonly id: string;
	readonly trace_id: string;
	readonly parent_id: string | null;
	readonly name: string;
	readonly kind: { readonly type: string };
	readonly status: string | { readonly failed: { readonly error: string } };
}

interface Trace {
	readonly id: string;
	readonly name: string;
	readonly tags: readonly string[];
}

let server: RunningServer;
let directory: string;

beforeEach(async () => {
	directory = mkdtempSync(join(tmpdir(), "traceway-demo-"));
	server = await start();
});

afterEach(async () => {
	await server.close();
	rmSync(directory, { recursive: true, force: true });
});

function start(token?: string): Promise<RunningServer> {
	return startServer({ port: 0, token, version: "1.0.0", logger: silentLogger });
}

function demo(options: Partial<DemoOptions> = {}) {
	return runDemo({ url: server.url, signal: new AbortController().signal, ...options });
}

async function all<T>(path: string, url = server.url): Promise<T[]> {
	const items: T[] = [];
	let cursor: string | null = null;
	do {
		const query = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
		const page = (await (await fetch(`${url}${path}?limit=1000${query}`)).json()) as {
			items: T[];
			next_cursor: string | null;
		};
		items.push(...page.items);
		cursor = page.next_cursor;
	} while (cursor !== null);
	return items;
}

/** What does not depend on ids, times and order. */
async function shape(url = server.url) {
	const traces = await all<Trace>("/api/traces", url);
	const spans = await all<Span>("/api/spans", url);
	const names = new Map(spans.map(({ id, name }) => [id, name]));
	return {
		traces: traces.map(({ name, tags }) => `${name} ${tags.join()}`).sort(),
		spans: spans
			.map(({ name, kind, status, parent_id }) =>
				JSON.stringify([name, kind, status, parent_id && names.get(parent_id)]),
			)
			.sort(),
	};
}

describe("the demo", () => {
	it("sends as many traces as asked for, and each of their spans ends", async () => {
		const lines: string[] = [];
		const result = await demo({ traces: 12, onTrace: (line) => lines.push(line) });
		expect(result.traces).toBe(12);
		expect(lines).toHaveLength(12);
		const spans = await all<Span>("/api/spans");
		expect(await all("/api/traces")).toHaveLength(12);
		expect(spans).toHaveLength(result.spans);
		expect(spans.filter(({ status }) => status === "running")).toEqual([]);
		expect(spans.filter(({ status }) => typeof status === "object")).toHaveLength(result.failedSpans);
	});

	it("sends trees: every parent is a span of the same trace", async () => {
		await demo({ traces: 5 });
		const spans = await all<Span>("/api/spans");
		const traceOf = new Map(spans.map((span) => [span.id, span.trace_id]));
		for (const span of spans) {
			if (span.parent_id !== null) expect(traceOf.get(span.parent_id)).toBe(span.trace_id);
		}
		expect(spans.filter(({ parent_id }) => parent_id === null)).toHaveLength(5);
	});

	it("sends the same for the same seed, and something else for another one", async () => {
		await demo({ traces: 6, seed: 5 });
		const first = await shape();
		for (const [seed, isSame] of [
			[5, true],
			[6, false],
		] as const) {
			const other = await start();
			try {
				await demo({ url: other.url, traces: 6, seed });
				const second = await shape(other.url);
				if (isSame) expect(second).toEqual(first);
				else expect(second).not.toEqual(first);
			} finally {
				await other.close();
			}
		}
	});

	it("plays two minutes of live traffic in a moment, with no trace less", async () => {
		// At the speed of life this would take longer than a test may.
		const result = await demo({ isLive: true, speed: 500, traces: 60 });
		expect(result.traces).toBe(60);
		expect(await all("/api/traces")).toHaveLength(60);
		expect(await all("/api/spans")).toHaveLength(result.spans);
	});

	it("goes on when live until it is stopped, and leaves no span running then", async () => {
		const stop = new AbortController();
		const running = demo({ isLive: true, rate: 50, signal: stop.signal });
		let count = 0;
		while (count < 10) {
			const stats = (await (await fetch(`${server.url}/api/stats`)).json()) as { span_count: number };
			count = stats.span_count;
		}
		stop.abort();
		const result = await running;
		const spans = await all<Span>("/api/spans");
		expect(spans).toHaveLength(result.spans);
		expect(spans.filter(({ status }) => status === "running")).toEqual([]);
		const cancelled = spans.filter(
			({ status }) => typeof status === "object" && /^Cancelled/.test(status.failed.error),
		);
		expect(cancelled.length).toBeGreaterThan(0);
	});

	it("goes on when somebody clears the server meanwhile", async () => {
		let isCleared = false;
		const result = await demo({
			traces: 20,
			onTrace: () => {
				if (isCleared) return;
				isCleared = true;
				void fetch(`${server.url}/api/traces`, { method: "DELETE" });
			},
		});
		expect(result.traces).toBe(20);
	});

	it("says how to reach a server when there is none", async () => {
		const gone = await start();
		await gone.close();
		const error = await demo({ url: gone.url }).catch((reason: unknown) => reason);
		expect(error).toBeInstanceOf(CommandError);
		expect((error as Error).message).toMatch(/^cannot reach http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\);.*serve/);
	});

	it("says how to give the token, and works with it", async () => {
		const guarded = await start("s3cret");
		try {
			await expect(demo({ url: guarded.url })).rejects.toThrow(/refused.*TRACEWAY_TOKEN/);
			expect((await demo({ url: guarded.url, traces: 1, token: "s3cret" })).traces).toBe(1);
		} finally {
			await guarded.close();
		}
	});
});
