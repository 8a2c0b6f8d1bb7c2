import { describe, expect, it } from "vitest";
import { client, start, temporaryDir } from "./support/testServer.ts";

/** A server with one dataset. */
async function withDataset() {
	const server = await start();
	const api = client(server);
	const made = await api.post("/datasets", { name: "golden", description: "those that must stay right" });
	expect(made.status).toBe(201);
	return { server, ...api, dataset: made.json as { id: string }, made: made.json };
}

async function upload(url: string, name: string, text: string): Promise<{ status: number; json: unknown }> {
	const form = new FormData();
	form.set("file", new Blob([text]), name);
	const response = await fetch(url, { method: "POST", body: form });
	return { status: response.status, json: await response.json() };
}

describe("datasets", () => {
	it("are made, listed with their sizes, changed and deleted", async () => {
		const { get, post, put, delete: remove, dataset, made } = await withDataset();
		expect(made).toEqual({
			id: expect.any(String),
			name: "golden",
			description: "those that must stay right",
			created_at: expect.any(String),
			updated_at: expect.any(String),
		});
		await post(`/datasets/${dataset.id}/datapoints`, { kind: { type: "generic", input: 1 } });
		const list = (await get("/datasets")).json;
		expect(list).toMatchObject({ count: 1, total: 1, has_more: false, next_cursor: null });
		expect(list.datasets).toEqual([{ ...made, datapoint_count: 1 }]);
		expect(list.items).toEqual(list.datasets);
		expect((await put(`/datasets/${dataset.id}`, { name: "silver" })).json).toMatchObject({
			name: "silver",
			description: "those that must stay right",
		});
		expect((await remove(`/datasets/${dataset.id}`)).status).toBe(200);
		for (const path of ["", "/datapoints", "/queue"]) {
			expect((await get(`/datasets/${dataset.id}${path}`)).status).toBe(404);
		}
		expect((await remove(`/datasets/${dataset.id}`)).status).toBe(404);
		expect((await post("/datasets", { name: "" })).status).toBe(422);
	});

	it("give datapoints back as they were sent, page by page, also after a restart and after all traces were cleared", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		const { post, delete: remove } = client(server);
		const { id } = (await post("/datasets", { name: "d" })).json;
		const kinds = [
			{ Generic: { input: { a: [1.5] } } },
			{ type: "llm_conversation", messages: [] },
			{ type: "generic" },
		];
		for (const kind of kinds) expect((await post(`/datasets/${id}/datapoints`, { kind })).status).toBe(201);
		await remove("/traces");
		await server.close();
		const { get } = client(await start({ dataDir }));
		const found: { kind: unknown }[] = [];
		for (let cursor: string | null = ""; cursor !== null; ) {
			const { json } = await get(`/datasets/${id}/datapoints?limit=2&cursor=${cursor}`);
			expect(json.total).toBe(3);
			found.push(...json.datapoints);
			cursor = json.next_cursor;
		}
		expect(found.map(({ kind }) => kind)).toEqual(kinds);
		expect((await get(`/datasets/${id}/datapoints?cursor=%21`)).status).toBe(400);
	});

	it("refuse what is nested too deeply to be written, and say which field", async () => {
		const { post, dataset } = await withDataset();
		const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
		const answer = await post(`/datasets/${dataset.id}/datapoints`, `{"kind":{"a":${deep}}}`);
		expect([answer.status, answer.json.error]).toEqual([422, "kind: is nested too deeply"]);
	});

	it("take spans over, and rows of files", async () => {
		const { server, span, post, get, dataset } = await withDataset();
		const spanId = await span({ input: { q: 1 } });
		await post(`/spans/${spanId}/complete`, { output: "yes" });
		expect((await post(`/datasets/${dataset.id}/export-span`, { span_id: spanId })).json).toMatchObject({
			dataset_id: dataset.id,
			source: "span_export",
			source_span_id: spanId,
			kind: { type: "generic", input: { q: 1 }, expected_output: "yes" },
		});
		expect((await post(`/datasets/${dataset.id}/export-span`, { span_id: "none" })).status).toBe(404);
		const url = `${server.url}/api/datasets/${dataset.id}/import`;
		const files = [
			["a.csv", 'input,expected_output\n"one, ""1""\nline",two\r\nthree,\n'],
			["b.jsonl", '{"input":5,"expected":6}\n\n{"x":7}\n'],
			["c.json", "[1]"],
		] as const;
		for (const [name, text] of files) {
			expect(await upload(url, name, text)).toEqual({
				status: 201,
				json: { imported: name === "c.json" ? 1 : 2, dataset_id: dataset.id },
			});
		}
		const { datapoints } = (await get(`/datasets/${dataset.id}/datapoints`)).json;
		const rows = datapoints
			.slice(1)
			.map(({ kind }: { kind: Record<string, unknown> }) => [kind.input, kind.expected_output]);
		expect(rows).toEqual([
			['one, "1"\nline', "two"],
			["three", ""],
			[5, 6],
			[{ x: 7 }, null],
			[1, null],
		]);
		expect(await upload(url, "d.csv", 'a\n"open')).toMatchObject({ status: 400, json: { code: "invalid_body" } });
		expect(await upload(url, "e.jsonl", "1\n{")).toMatchObject({
			status: 400,
			json: { error: expect.stringContaining("line 2") },
		});
		expect((await post(`/datasets/${dataset.id}/import`, { no: "file" })).status).toBe(415);
	});
});

describe("the queue", () => {
	it("hands an item to one person and takes it back once, with or without a body", async () => {
		const { post, get, span, dataset } = await withDataset();
		const kind = { type: "generic", input: "i" };
		const ids = [];
		for (let index = 0; index < 3; index++) {
			ids.push((await post(`/datasets/${dataset.id}/datapoints`, { kind })).json.id);
		}
		expect((await post(`/datasets/${dataset.id}/queue`, { datapoint_ids: ids.slice(0, 2) })).json).toEqual({
			enqueued: 2,
		});
		// As an SDK sends it.
		expect((await post(`/datasets/${dataset.id}/queue`, [ids[2], "none"])).json).toEqual({ enqueued: 1 });
		const [first] = (await get(`/datasets/${dataset.id}/queue`)).json.items;
		expect(first).toMatchObject({ datapoint_id: ids[0], status: "pending", original_data: kind });
		expect((await post(`/queue/${first.id}/submit`)).status).toBe(409);
		expect((await post(`/queue/${first.id}/claim`, { claimed_by: "ada" })).json).toMatchObject({
			status: "claimed",
			claimed_by: "ada",
			claimed_at: expect.any(String),
		});
		expect((await post(`/queue/${first.id}/claim`)).status).toBe(409);
		expect((await post(`/queue/${first.id}/submit`, { edited_data: { input: "better" } })).json).toMatchObject({
			status: "completed",
			edited_data: { input: "better" },
		});
		const all = (await get("/queue")).json;
		expect(all.items.map(({ status }: { status: string }) => status)).toEqual(["pending", "pending", "completed"]);
		expect((await post(`/queue/${all.items[0].id}/claim`)).json.status).toBe("claimed");
		expect((await post(`/queue/${all.items[0].id}/submit`)).json).not.toHaveProperty("edited_data");
		expect((await get("/queue?status=completed")).json.total).toBe(2);
		expect((await get("/queue?status=lost")).status).toBe(400);
		expect((await post("/queue/none/claim")).status).toBe(404);
		const spanId = await span({ input: 1 });
		expect((await post(`/datasets/${dataset.id}/export-span-and-enqueue`, { span_id: spanId })).json).toMatchObject({
			status: "pending",
			original_data: { type: "generic", input: 1 },
		});
	});
});

it("tells of datasets, datapoints and queue items on the stream", async () => {
	const { server, post, delete: remove, dataset } = await withDataset();
	const point = (await post(`/datasets/${dataset.id}/datapoints`, { kind: { type: "generic" } })).json;
	await post(`/datasets/${dataset.id}/queue`, [point.id]);
	await remove(`/datasets/${dataset.id}`);
	const response = await fetch(`${server.url}/api/events?since=0`);
	const reader = response.body!.getReader();
	let text = "";
	while (!text.includes("dataset_deleted")) text += new TextDecoder().decode((await reader.read()).value);
	await reader.cancel();
	const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data));
	expect(events).toMatchObject([
		{ type: "dataset_created", dataset: { id: dataset.id } },
		{ type: "datapoint_created", datapoint: point },
		{ type: "queue_item_updated", item: { datapoint_id: point.id, status: "pending" } },
		{ type: "dataset_deleted", dataset_id: dataset.id },
	]);
});

it("lists the files that spans have written, newest first", async () => {
	const { span, get } = client(await start());
	const write = (path: string, version: string) =>
		span({ kind: { type: "fs_write", path, file_version: version, bytes_written: 5 } });
	await write("/src/a.ts", "h1");
	const last = await write("/src/b.ts", "h2");
	await span({ kind: { type: "fs_read", path: "/src/a.ts", file_version: "h1", bytes_read: 5 } });
	await write("/doc/c.md", "h3");
	const { files, count } = (await get("/files?path_prefix=/src/")).json;
	expect(count).toBe(2);
	expect(files[0]).toEqual({
		hash: "h2",
		path: "/src/b.ts",
		size: 5,
		created_at: expect.any(String),
		created_by_span: last,
	});
	expect((await get("/files")).json.count).toBe(3);
});
