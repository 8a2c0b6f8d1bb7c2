import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WireSpan, WireSpanPage } from "../../src/protocol/rest.ts";
import { client, start } from "./support/testServer.ts";

/** A span as a test makes it; what the server shall find is computed from these alone. */
interface Seed {
	readonly id: string;
	readonly trace: string;
	readonly name: string;
	readonly kind: Readonly<Record<string, unknown>> & { readonly type: string };
	readonly startMs: number;
	readonly input: unknown;
	readonly output: unknown;
	readonly end: { readonly durationMs: number; readonly isFailed: boolean } | undefined;
}

const word = fc.constantFrom("alpha", "Beta", "gamma ray", "Ärger", 'say "hi"', "100%_\\x", "日本語");
const START = Date.parse("2026-03-06T09:00:00Z");

const kind = fc.oneof(
	fc.record({
		type: fc.constant("llm_call"),
		model: fc.constantFrom("home-1", "home-2"),
		provider: fc.constantFrom("p1", "p2"),
		input_tokens: fc.integer({ min: 0, max: 5 }),
		cost: fc.constantFrom(0, 0.5, 1),
	}),
	fc.record({ type: fc.constant("llm_call"), model: fc.constant("home-1"), output_tokens: fc.constant(3) }),
	fc.record({
		type: fc.constant("custom"),
		kind: fc.constantFrom("tool", "llm_call"),
		attributes: fc.constant({ a: "alpha" }),
	}),
	fc.record({
		type: fc.constant("fs_read"),
		path: fc.constantFrom("/src/a.ts", "/src/B.ts"),
		bytes_read: fc.constant(1),
	}),
	fc.record({ type: fc.constant("retrieval"), depth: fc.constant(2) }),
);

const seeds: fc.Arbitrary<readonly Seed[]> = fc
	.array(
		fc.record({
			trace: fc.constantFrom("t1", "t2", "t3"),
			name: word,
			kind,
			// Few starts, so that many spans have the same one.
			startMs: fc.integer({ min: 0, max: 6 }).map((step) => START + step * 1000),
			input: fc.option(fc.oneof(word, fc.record({ text: word })), { nil: undefined }),
			output: fc.option(word, { nil: undefined }),
			end: fc.option(
				fc.record({ durationMs: fc.integer({ min: 0, max: 4 }).map((n) => n * 10), isFailed: fc.boolean() }),
				{
					nil: undefined,
				},
			),
		}),
		{ minLength: 1, maxLength: 30 },
	)
	.map((list) => list.map((seed, index) => ({ ...seed, id: `s${index}` }) as Seed));

type Parameters = Readonly<Record<string, string>>;

const time = fc.integer({ min: 0, max: 6 }).map((step) => new Date(START + step * 1000).toISOString());
const search = fc.oneof(
	word,
	word.map((text) => text.toUpperCase()),
	fc.constantFrom("a", '"', "ÄRG", "%", "_", "\\", '{"text":', "absent"),
);

const parameters: fc.Arbitrary<Parameters> = fc
	.record(
		{
			trace_id: fc.constantFrom("t1", "t2", "none"),
			kind: fc.constantFrom("llm_call", "custom", "tool", "fs_read", "retrieval", "none"),
			model: fc.constantFrom("home-1", "home-2"),
			provider: fc.constantFrom("p1", "p2"),
			status: fc.constantFrom("running", "completed", "failed"),
			since: time,
			until: time,
			name_contains: search,
			text_contains: search,
			input_contains: search,
			output_contains: search,
			path: fc.constantFrom("/src/a.ts", "b.TS", "src"),
			duration_min: fc.constantFrom("0", "10", "1e1", "20.5"),
			duration_max: fc.constantFrom("0", "10", "30"),
			tokens_min: fc.constantFrom("0", "1", "3"),
			cost_min: fc.constantFrom("0", "0.5", "0.75"),
			sort_by: fc.constantFrom("started_at", "duration", "tokens", "cost", "name"),
			sort_order: fc.constantFrom("asc", "desc"),
		},
		{ requiredKeys: [] },
	)
	// All filters at once find nothing: keep four of them and the order.
	.chain((all) => {
		const names = Object.keys(all).filter((name) => !name.startsWith("sort_"));
		return fc.shuffledSubarray(names, { maxLength: 4 }).map((kept) => {
			const entries = Object.entries(all).filter(([name]) => kept.includes(name) || name.startsWith("sort_"));
			return Object.fromEntries(entries) as Parameters;
		});
	});

/** The filter of the reference, section 3, over plain objects. */
function matches(seed: Seed, wanted: Parameters): boolean {
	const { kind: own, end } = seed;
	const contains = (text: unknown, part: string) =>
		typeof text === "string" && text.toLowerCase().includes(part.toLowerCase());
	const json = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value));
	const inJson = (value: unknown, part: string) =>
		contains(json(value), part) || contains(json(value), JSON.stringify(part).slice(1, -1));
	const state = end === undefined ? "running" : end.isFailed ? "failed" : "completed";
	const output = end?.isFailed === false ? seed.output : undefined;
	const checks: Readonly<Record<string, (value: string) => boolean>> = {
		trace_id: (value) => seed.trace === value,
		kind: (value) => own.type === value || (own.type === "custom" && own.kind === value),
		model: (value) => own.model === value,
		provider: (value) => own.provider === value,
		status: (value) => state === value,
		since: (value) => seed.startMs >= Date.parse(value),
		until: (value) => seed.startMs <= Date.parse(value),
		name_contains: (value) => contains(seed.name, value),
		text_contains: (value) => contains(seed.name, value) || inJson(seed.input, value) || inJson(output, value),
		input_contains: (value) => inJson(seed.input, value),
		output_contains: (value) => inJson(output, value),
		path: (value) => contains(own.path, value),
		duration_min: (value) => end !== undefined && end.durationMs >= Number(value),
		duration_max: (value) => end !== undefined && end.durationMs <= Number(value),
		tokens_min: (value) => tokens(seed) >= Number(value),
		cost_min: (value) => cost(seed) >= Number(value),
	};
	return Object.entries(wanted).every(([name, value]) => checks[name]?.(value) ?? true);
}

function tokens({ kind: own }: Seed): number {
	return Number(own.input_tokens ?? 0) + Number(own.output_tokens ?? 0);
}

function cost({ kind: own }: Seed): number {
	return Number(own.cost ?? 0);
}

function sortValue(seed: Seed, sortBy: string): number | string {
	if (sortBy === "duration") return seed.end?.durationMs ?? 0;
	if (sortBy === "tokens") return tokens(seed);
	if (sortBy === "cost") return cost(seed);
	// SQLite compares the bytes of UTF-8.
	return sortBy === "name" ? Buffer.from(seed.name).toString("hex") : seed.startMs;
}

async function fill({ post, span }: ReturnType<typeof client>, list: readonly Seed[]): Promise<void> {
	for (const { id, trace, name, kind: own, startMs, input, output, end } of list) {
		const started_at = new Date(startMs).toISOString();
		await span({ id, trace_id: trace, name, kind: own, started_at, input });
		if (end === undefined) continue;
		const ended_at = new Date(startMs + end.durationMs).toISOString();
		if (end.isFailed) await post(`/spans/${id}/fail`, { error: "x", ended_at });
		else await post(`/spans/${id}/complete`, { output, ended_at });
	}
}

async function followAll({ get }: ReturnType<typeof client>, wanted: Parameters, limit: number) {
	const spans: WireSpan[] = [];
	const totals: number[] = [];
	let cursor: string | null = null;
	do {
		const query = new URLSearchParams({ ...wanted, limit: String(limit) });
		if (cursor !== null) query.set("cursor", cursor);
		const json: WireSpanPage = (await get(`/spans?${query}`)).json;
		expect(json.items).toEqual(json.spans);
		expect(json.items.length).toBeLessThanOrEqual(limit);
		spans.push(...json.items);
		totals.push(json.total);
		expect(json.count).toBe(json.total);
		cursor = json.next_cursor;
		expect(json.has_more).toBe(cursor !== null);
	} while (cursor !== null);
	return { spans, totals };
}

describe("the list of spans", () => {
	it("finds what a plain filter finds, in order, each once over all pages, for any filter, order and page size", async () => {
		const server = await start();
		const api = client(server);
		const queries = fc.array(fc.record({ wanted: parameters, limit: fc.integer({ min: 1, max: 12 }) }), {
			minLength: 1,
			maxLength: 8,
		});
		await fc.assert(
			fc.asyncProperty(seeds, queries, async (list, asked) => {
				await api.delete("/traces");
				await fill(api, list);
				for (const { wanted, limit } of asked) {
					const { spans, totals } = await followAll(api, wanted, limit);
					const expected = list.filter((seed) => matches(seed, wanted));
					expect(spans.map(({ id }) => id).toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
					for (const total of totals) expect(total).toBe(expected.length);
					const byId = new Map(list.map((seed) => [seed.id, seed]));
					const values = spans.map(({ id }) => sortValue(byId.get(id)!, wanted.sort_by ?? "started_at"));
					const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
					expect(values).toEqual(wanted.sort_order === "asc" ? sorted : sorted.toReversed());
				}
			}),
			{ numRuns: 40 },
		);
	});

	it("yields each span that was there once, also while others arrive", async () => {
		const api = client(await start());
		const ids = await Promise.all(Array.from({ length: 120 }, (_, index) => api.span({ name: `n${index % 7}` })));
		const orders: readonly Parameters[] = [
			{},
			{ sort_order: "asc" },
			{ sort_by: "name" },
			{ trace_id: "t", sort_by: "started_at" },
		];
		for (const wanted of orders) {
			const seen: string[] = [];
			let cursor: string | null = "";
			while (cursor !== null) {
				const query = new URLSearchParams({ ...wanted, limit: "10", cursor });
				const { json } = await api.get(`/spans?${query}`);
				seen.push(...json.items.map((span: WireSpan) => span.id));
				cursor = json.next_cursor;
				if (seen.length < 60) await Promise.all(["n0", "n3", "z"].map((name) => api.span({ name })));
			}
			expect(new Set(seen).size).toBe(seen.length);
			expect(ids.filter((id) => !seen.includes(id))).toEqual([]);
		}
	});

	it("is newest first, 50 to a page, and caps a greater limit at 1000", async () => {
		const api = client(await start());
		await Promise.all(Array.from({ length: 1100 }, () => api.span({})));
		const first = (await api.get("/spans")).json;
		expect(first.items).toHaveLength(50);
		expect(first).toMatchObject({ total: 1100, count: 1100, has_more: true });
		const starts = first.items.map((span: WireSpan) => span.started_at);
		expect(starts).toEqual(starts.toSorted().toReversed());
		expect((await api.get("/spans?limit=5000")).json.items).toHaveLength(1000);
	});

	it("tells times apart to the nanosecond", async () => {
		const api = client(await start());
		for (const digits of ["000000001", "000000002", "0000000"]) {
			await api.span({ name: digits, started_at: `2026-03-06T09:00:00.${digits}Z` });
		}
		const names = async (query: string) =>
			(await api.get(`/spans?${query}`)).json.items.map((span: WireSpan) => span.name);
		expect(await names("sort_order=asc")).toEqual(["0000000", "000000001", "000000002"]);
		expect(await names("since=2026-03-06T09:00:00.000000002Z")).toEqual(["000000002"]);
		expect(await names("until=2026-03-06T10:00:00.000000001%2B01:00")).toEqual(["000000001", "0000000"]);
	});

	it("finds payload texts however they were written", async () => {
		const api = client(await start());
		const body = '{"trace_id":"t","name":"n","input":{ "text" : "\\u00c4rger \\/ \\"quoted\\"" }}';
		expect((await api.post("/spans", body)).status).toBe(201);
		for (const text of ["ärger", '{"text":"ärger / ', 'say? no: "quoted"'.slice(9), '\\"quoted\\"']) {
			const { json } = await api.get(`/spans?input_contains=${encodeURIComponent(text)}`);
			expect([text, json.total]).toEqual([text, 1]);
		}
	});
});
