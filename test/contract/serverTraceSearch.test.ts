import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { databaseFile } from "../../src/server/storage/database.ts";
import type { Store } from "../../src/server/storage/store.ts";
import { client, start, temporaryDir } from "./support/testServer.ts";

describe("GET /api/traces/:id/search", () => {
	it("finds spans by any of their texts, in the order in which they came", async () => {
		const api = client(await start());
		const asked = await api.span({ id: "asked", input: { question: "Why is the sky blue?" } });
		const told = await api.span({ id: "told", name: "teller" });
		await api.post(`/spans/${told}/complete`, { output: "Because of the SKY." });
		const failed = await api.span({ id: "failed" });
		await api.post(`/spans/${failed}/fail`, { error: "no sky in sight" });
		await api.span({ id: "known", kind: { type: "custom", kind: "tool", attributes: { "sky.colour": "blue" } } });
		await api.span({ id: "elsewhere", trace_id: "other", input: "sky" });
		await api.span({ id: "nothing" });
		const ids = async (query: string) => (await api.get(`/traces/t/search?${query}`)).json;
		expect(await ids("text=sky")).toEqual({ span_ids: [asked, told, failed, "known"], next_cursor: null });
		expect(await ids("text=SKY&case=match")).toEqual({ span_ids: [told], next_cursor: null });
		expect((await ids("text=teller")).span_ids).toEqual([told]);
		expect((await ids("text=tool")).span_ids).toEqual(["known"]);
		expect((await api.get("/traces/none/search?text=sky")).json).toEqual({ span_ids: [], next_cursor: null });
	});

	it("tells long searches in pages, each hit once", async () => {
		const api = client(await start());
		// Three quarters of a page of text each.
		const text = "x".repeat(6_000_000);
		for (let index = 0; index < 4; index++) await api.span({ id: `s${index}`, input: `${text}needle` });
		const found: string[] = [];
		let pages = 0;
		for (let cursor: string | null = ""; cursor !== null; pages++) {
			const { json } = await api.get(`/traces/t/search?text=needle&cursor=${cursor}`);
			found.push(...json.span_ids);
			cursor = json.next_cursor;
		}
		expect(found).toEqual(["s0", "s1", "s2", "s3"]);
		expect(pages).toBeGreaterThan(1);
	});

	it.each([
		["", "text"],
		["text=", "text"],
		[`text=${"x".repeat(5000)}`, "text"],
		["text=a&case=no", "case"],
		["text=a&cursor=-1", "cursor"],
		["text=a&cursor=1e3", "cursor"],
	])("refuses %.30s and names the parameter", async (query, parameter) => {
		const answer = await client(await start()).get(`/traces/t/search?${query}`);
		expect(answer.status).toBe(400);
		expect(answer.json.error).toContain(parameter);
	});

	it("indexes anew what an earlier version indexed without attributes", async () => {
		const dataDir = temporaryDir();
		const stores: Store[] = [];
		const open = () =>
			start({
				dataDir,
				extraRoutes: (_app, { store }) => {
					stores.push(store);
				},
			});
		const first = await open();
		const api = client(first);
		for (let index = 0; index < 64; index++) {
			const attributes = { colour: index === 3 ? "ultramarine" : "grey" };
			await api.span({ id: `s${index}`, kind: { type: "custom", kind: "tool", attributes } });
		}
		while (stores[0].search.step());
		await first.close();
		// As the earlier version left it: another name of the place, and no gram of an attribute.
		const database = new DatabaseSync(databaseFile(dataDir));
		database.exec(`UPDATE meta SET key = 'search_seq' WHERE key = 'search_all_seq';
			DELETE FROM search WHERE rowid = 1; INSERT INTO search (rowid, grams) VALUES (1, 'aaaa')`);
		database.close();
		const again = client(await open());
		expect((await again.get("/traces/t/search?text=ultramarine")).json.span_ids).toEqual(["s3"]);
		while (stores[1].search.step());
		expect(stores[1].search.waiting).toBe(0);
		expect((await again.get("/traces/t/search?text=ultramarine")).json.span_ids).toEqual(["s3"]);
	});
});
