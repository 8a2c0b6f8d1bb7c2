import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { silentLogger } from "../../src/base/logger.ts";
import { overviewOfStore } from "../../src/model/overviewOfStore.ts";
import { loadPrices } from "../../src/model/prices.ts";
import { TraceStore } from "../../src/model/traceStore.ts";
import type { HostToOverview, OverviewToHost } from "../../src/protocol/overviewMessages.ts";
import type { Source } from "../../src/sources/source.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { startHarness } from "../webview/harness.ts";
import { type BenchRow, median, runChild, valueRow } from "./bench.mts";
import type { MadeSpans } from "./children/millionSpans.mts";
import { SpanSource } from "./storedSpans.mts";

export const name = "overview-open";

const SPANS = 100_000;
const ROUNDS = 7;

/**
 * Milliseconds from the beginning of the page to the frame with the first numbers, over all spans of a server, in a page that
 * was just made: its own loading, the question to the server over HTTP and its answer, the message, drawing. The first one
 * apart: then the server reads the texts of the newest calls. Then what counting takes where the source does not count.
 */
export async function run(): Promise<BenchRow[]> {
	const directory = mkdtempSync(join(tmpdir(), "traceway-overview-"));
	try {
		(await runChild(new URL("children/millionSpans.mts", import.meta.url), {
			arguments: [directory, String(SPANS)],
		})) as MadeSpans;
		const script = fileURLToPath(new URL("serverIngestChild.mts", import.meta.url));
		const child = spawn(process.execPath, [script, "server", directory], { stdio: ["pipe", "pipe", "inherit"] });
		const [port] = await once(createInterface({ input: child.stdout }), "line");
		const source = createTracewaySource({
			config: { id: "s", name: "Mini-Server", type: "traceway", url: `http://127.0.0.1:${port}` },
			logger: silentLogger,
			fetch: globalThis.fetch,
			getToken: async () => undefined,
		});
		const harness = await startHarness(["overview"]);
		const opens: number[] = [];
		const asks: number[] = [];
		for (let round = 0; round < ROUNDS; round++) {
			const opened = await harness.open<OverviewToHost, HostToOverview>("overview", { width: 1280, height: 800 });
			await opened.waitForPost("page/ready");
			const loadedMs = await opened.page.evaluate(() => {
				const [navigation] = performance.getEntriesByType("navigation");
				return (navigation as PerformanceNavigationTiming).domContentLoadedEventEnd;
			});
			const before = performance.now();
			const message = await valueMessage(source);
			asks.push(performance.now() - before);
			await opened.send({ type: "overview/loading", range: "all", sourceId: "s" }, message);
			const shown = performance.now() - before;
			const cards = await opened.page.locator(".cards").innerText();
			if (!cards.includes(message.overview.usage.calls.toLocaleString("en-US"))) throw new Error(`shown is: ${cards}`);
			opens.push(loadedMs + shown);
			await opened.close();
		}
		await harness.dispose();
		source.dispose();
		child.stdin.end();
		await once(child, "exit");
		return [
			valueRow(`${name}-first`, opens[0], "ms", ""),
			valueRow(name, median(opens.slice(1)), "ms", "<= 500 ms"),
			valueRow(`${name}-server`, median(asks.slice(1)), "ms", ""),
			...(await countedHere()),
		];
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

async function valueMessage(source: Source) {
	const overview = await source.loadOverview("all", new AbortController().signal);
	if (overview.spans !== SPANS) throw new Error(`${overview.spans} spans were counted`);
	const origin = { sourceId: "s", sourceName: "Mini-Server", isWhole: true, loadedTraces: 0, isPart: false };
	return { type: "overview/value", overview, origin, clockOffsetMs: 0 } as const;
}

/** The same from a store, the first time and as it is asked again while few traces change. */
async function countedHere(): Promise<readonly BenchRow[]> {
	await loadPrices();
	const store = new TraceStore();
	const spans = new SpanSource(2, Date.UTC(2026, 2, 6));
	for (let count = 0; count < SPANS; count++) {
		const { span } = spans.next();
		store.upsertSpan({
			spanId: span.id,
			traceId: span.traceId,
			parentSpanId: span.parentId,
			name: span.name,
			kindType: span.kind.type,
			kindName: span.kind.name,
			model: span.kind.model ?? undefined,
			provider: span.kind.provider ?? undefined,
			inputTokens: span.kind.tokens.input ?? undefined,
			outputTokens: span.kind.tokens.output ?? undefined,
			state: span.error === null ? "completed" : "failed",
			start: span.start,
			end: span.end,
		});
	}
	const times: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const before = performance.now();
		const nowMs = Date.UTC(2026, 2, 7);
		const { signal } = new AbortController();
		await overviewOfStore({ store, range: "all", nowMs, turn: () => nextTurn(), signal });
		times.push(performance.now() - before);
	}
	store.dispose();
	return [
		valueRow(`${name}-store-first`, times[0], "ms", ""),
		valueRow(`${name}-store`, median(times.slice(1)), "ms", ""),
	];
}
