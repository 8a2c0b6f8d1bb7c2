import { afterEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import type { HostToWaterfall } from "../../src/protocol/messages.ts";
import type { Source } from "../../src/sources/source.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { OpenSearch } from "../../src/ui/panels/traceTextSearch.ts";
import { TracewayPeer } from "../peers/tracewayPeer.ts";
import { client, start } from "./support/testServer.ts";

type Hits = Extract<HostToWaterfall, { readonly type: "search/hits" }>;

const ends: (() => unknown)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

/** The search of a panel that shows trace `t` of a server, and what it tells the page. */
function openSearch(url: string, maxRequests = Number.POSITIVE_INFINITY) {
	let requests = 0;
	const signals: AbortSignal[] = [];
	const source: Source = createTracewaySource({
		config: { id: "s", name: "test", type: "traceway", url },
		logger: silentLogger,
		fetch: (input, init) => {
			if (++requests > maxRequests) throw new TypeError("no more requests");
			if (init?.signal) signals.push(init.signal);
			return fetch(input, init);
		},
		getToken: async () => undefined,
	});
	const told: Hits[] = [];
	const search = new OpenSearch({
		search: (wanted, signal) => source.searchTrace("t", wanted, signal),
		// "span 7" has ordinal 7; others are not here.
		ordinalOf: (spanId) => (spanId.startsWith("span ") ? Number(spanId.slice(5)) : undefined),
		post: (hits) => told.push(hits),
		logger: silentLogger,
	});
	ends.push(
		() => source.dispose(),
		() => search.dispose(),
	);
	const done = (times = 1) =>
		vi.waitFor(() => expect(told.filter((hits) => hits.isDone)).toHaveLength(times), { timeout: 15_000, interval: 5 });
	const ordinals = () => [...new Set(told.flatMap((hits) => [...hits.ordinals]))].sort((a, b) => a - b);
	return { search, told, done, ordinals, signals };
}

describe("the search of a panel", () => {
	it("tells the ordinals of hits under the number of the question, and when it has come to the end", async () => {
		const server = await start();
		const api = client(server);
		const input = "x".repeat(6_000_000);
		for (let index = 0; index < 4; index++) await api.span({ id: `span ${index}`, input });
		await api.span({ id: "not here", input: "xx" });
		const { search, told, done, ordinals } = openSearch(server.url);
		search.begin(7, "XX", false);
		await done();
		expect(ordinals()).toEqual([0, 1, 2, 3]);
		expect(told.map((hits) => [hits.searchId, hits.problem])).toEqual(told.map(() => [7, undefined]));
		expect(told.at(-1)?.isDone).toBe(true);
	});

	it("ends the older question with a newer one, on the wire as well", async () => {
		const server = await start();
		const api = client(server);
		await api.span({ id: "span 1", input: "first" });
		await api.span({ id: "span 2", input: "second" });
		const { search, told, done, signals } = openSearch(server.url);
		search.begin(1, "first", false);
		await vi.waitFor(() => expect(signals).toHaveLength(1), { interval: 1 });
		search.begin(2, "second", false);
		expect(signals[0].aborted).toBe(true);
		await done();
		expect(told.map((hits) => hits.searchId)).toEqual(told.map(() => 2));
		expect(told.flatMap((hits) => [...hits.ordinals])).toEqual([2]);
		search.begin(3, "first", false);
		search.end();
		search.begin(4, "second", false);
		await done(2);
		expect(told.filter((hits) => hits.searchId === 3)).toEqual([]);
	});

	it("searches again after spans have changed, also while it searches", async () => {
		const server = await start();
		const api = client(server);
		await api.span({ id: "span 1", input: "needle" });
		const { search, told, done } = openSearch(server.url);
		search.begin(1, "needle", false);
		await done();
		await api.span({ id: "span 2" });
		await api.post("/spans/span%202/complete", { output: "needle" });
		search.handleChange();
		search.handleChange();
		await done(2);
		// Each hit once.
		expect(told.flatMap((hits) => [...hits.ordinals])).toEqual([1, 2]);
	});

	it.each([
		["R", "payloadsOnly"],
		["E", "unsupported"],
	] as const)("says what a server cannot search (%s)", async (dialect, expected) => {
		const peer = await TracewayPeer.start({ dialect });
		ends.push(() => peer.close());
		const { search, told, done } = openSearch(peer.url);
		search.begin(1, "needle", false);
		await done();
		expect(told.map(({ isDone, problem }) => ({ isDone, problem }))).toEqual([{ isDone: true, problem: expected }]);
	});

	it("says why a search failed, and tries again when spans change", async () => {
		const server = await start();
		await client(server).span({ id: "span 1", input: "needle" });
		const down = openSearch(server.url, 0);
		down.search.begin(1, "needle", false);
		await down.done();
		expect(down.told).toMatchObject([{ isDone: true, problem: "failed", message: expect.stringContaining("GET") }]);
		down.search.handleChange();
		await down.done(2);
	});
});
