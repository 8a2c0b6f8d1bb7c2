import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { silentLogger } from "../../src/base/logger.ts";
import { type RunningServer, startServer } from "../../src/server/server.ts";
import { databaseFile } from "../../src/server/storage/database.ts";
import type { Store } from "../../src/server/storage/store.ts";
import { type BenchRow, interleave, median, ratioRow } from "./bench.mts";

export const name = "waterfall-search-payloads";

/** Of one trace, 5 kB of input each: 50 MB. */
const SPANS = 10_000;
const INPUT_CHARS = 5_000;
const BATCH = 100;
const ROUNDS = 5;
const WORDS = "the quick brown fox jumps over lazy dogs while agents call tools and models answer at length".split(" ");
const NEEDLE = "a needle that stands once";

/** The same texts each time. */
function payload(span: number): string {
	let text = span === SPANS - 7 ? `${NEEDLE} ` : "";
	for (let at = span; text.length < INPUT_CHARS; at = (at * 31 + 7) % 9973) text += `${WORDS[at % WORDS.length]}${at} `;
	return text;
}

async function fill(server: RunningServer): Promise<void> {
	for (let from = 0; from < SPANS; from += BATCH) {
		const posts = Array.from({ length: BATCH }, async (_, index) => {
			const span = from + index;
			const body = JSON.stringify({ id: `s${span}`, trace_id: "t", name: "call", input: { text: payload(span) } });
			const headers = { "content-type": "application/json" };
			const answer = await fetch(`${server.url}/api/spans`, { method: "POST", headers, body });
			if (!answer.ok) throw new Error(await answer.text());
			await answer.arrayBuffer();
		});
		await Promise.all(posts);
	}
}

/** To the last page, as the extension reads them, milliseconds. */
async function search(server: RunningServer, text: string, expected: number): Promise<number> {
	const before = performance.now();
	let hits = 0;
	for (let cursor: string | null = ""; cursor !== null; ) {
		const query = new URLSearchParams({ text, cursor });
		const answer = await fetch(`${server.url}/api/traces/t/search?${query}`);
		const page = (await answer.json()) as { readonly span_ids: readonly string[]; readonly next_cursor: string | null };
		hits += page.span_ids.length;
		cursor = page.next_cursor;
	}
	if (hits !== expected) throw new Error(`"${text}": ${hits} hits, not ${expected}`);
	return performance.now() - before;
}

/** Search in the 50 MB of payload of a trace on the mini-server, over HTTP: a text that stands once, and one that nearly every span has; beside LIKE. */
export async function run(): Promise<BenchRow[]> {
	const dataDir = mkdtempSync(join(tmpdir(), "traceway-payloads-"));
	let store: Store | undefined;
	const server = await startServer({
		port: 0,
		version: "0.0.0",
		logger: silentLogger,
		dataDir,
		extraRoutes: (_app, services) => {
			store = services.store;
		},
	});
	try {
		await fill(server);
		while (store?.search.step() === true);
		const database = new DatabaseSync(databaseFile(dataDir), { readOnly: true });
		const like = database.prepare("SELECT seq FROM payloads WHERE input LIKE ?");
		const scan = (text: string): number => {
			const before = performance.now();
			like.all(`%${text}%`);
			return performance.now() - before;
		};
		const taken = await interleave(ROUNDS, {
			once: () => search(server, NEEDLE, 1),
			everywhere: () => search(server, "FOX", like.all("%FOX%").length),
			likeOnce: () => scan(NEEDLE),
			likeEverywhere: () => scan("FOX"),
		});
		database.close();
		return [
			ratioRow(`${name}-once`, median(taken.once), median(taken.likeOnce), "ms", "<= 0.25 ratio"),
			ratioRow(`${name}-everywhere`, median(taken.everywhere), median(taken.likeEverywhere), "ms", ""),
		];
	} finally {
		await server.close();
		rmSync(dataDir, { recursive: true, force: true });
	}
}
