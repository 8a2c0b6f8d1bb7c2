import { spawn } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { WireExport } from "../../src/protocol/transfer.ts";
import { addOtlpRoutes } from "../../src/server/otlp/routes.ts";
import { client, send, start, temporaryDir } from "./support/testServer.ts";

/** As it looks behind JSON text, which has no -0. */
function jsonValue(maxDepth: number) {
	return fc.jsonValue({ maxDepth }).map((value) => JSON.parse(JSON.stringify(value)) as fc.JsonValue);
}

type Json = Record<string, unknown>;

const text = fc.oneof(
	fc.string({ unit: "grapheme", maxLength: 12 }),
	fc.constantFrom("", 'say "hi"', "\\", "日本語", "\u2028"),
);
const id = fc.oneof(
	fc.constantFrom("4bf92f3577b34da6", "00f067aa0ba902b7", "root", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
	fc.string({ minLength: 1, maxLength: 8 }).filter((value) => !/[\p{Cc}]/u.test(value)),
);
const payload = fc.option(
	jsonValue(3).filter((value) => value !== null),
	{ nil: undefined },
);
// Of numbers only what reads back as it was; "-0" does not.
const value = fc.oneof(
	text,
	fc.integer(),
	fc.boolean(),
	fc.array(text, { maxLength: 3 }),
	fc.constantFrom(0.5, 1e21, null),
);
const attributes = fc.dictionary(fc.oneof(text, fc.constantFrom("gen_ai.request.model", "__proto__")), value, {
	maxKeys: 4,
});
const hints = fc.option(fc.constant([[["attributes", "raw"], "bytes"]]), { nil: undefined });

const otelParts = fc
	.record(
		{
			attributes: attributes.filter((some) => Object.keys(some).length > 0),
			events: fc.array(
				fc.record(
					{ name: text, time: fc.constant("2026-03-06T09:00:00.000000007Z"), attributes },
					{ requiredKeys: ["name", "time"] },
				),
				{ minLength: 1, maxLength: 2 },
			),
			links: fc.array(
				fc.record(
					{ trace_id: text, span_id: text, trace_state: fc.constant("k=v"), flags: fc.constant(1) },
					{ requiredKeys: ["trace_id", "span_id"] },
				),
				{ minLength: 1, maxLength: 2 },
			),
			resource: fc.record({ attributes, schema_url: fc.constant("https://r") }, { requiredKeys: ["attributes"] }),
			scope: fc.record({ name: text, version: text }, { requiredKeys: ["name"] }),
			otel: fc.record(
				{ kind: fc.nat(5), flags: fc.constant(257), status_code: fc.constantFrom(1, 2), value_hints: hints },
				{ requiredKeys: ["kind"] },
			),
		},
		{ requiredKeys: ["otel"] },
	)
	.map(withoutUndefined);

const kind = fc.oneof(
	fc.record(
		{
			type: fc.constant("llm_call"),
			model: fc.constantFrom("home-1", "gpt-4o-mini"),
			input_tokens: fc.nat(9),
			output_tokens: fc.nat(9),
			cost: fc.constantFrom(0, 0.25, 1e-7),
			input_preview: text,
		},
		{ requiredKeys: ["type"] },
	),
	fc.record({ type: fc.constant("custom"), kind: fc.constantFrom("tool_call", "internal"), attributes }),
	fc.record({ type: fc.constant("fs_read"), path: text, bytes_read: fc.nat(9) }),
	fc.record({ type: fc.constant("something_new"), more: fc.constant({ deep: [1] }) }),
);

const span = fc
	.record({
		id,
		parent_id: fc.option(id, { nil: null }),
		name: text,
		kind,
		state: fc.constantFrom("running", "completed", "failed"),
		error: text,
		startNs: fc.nat(2_000_000),
		durationNs: fc.nat(3_000_000),
		metadata: fc.option(fc.dictionary(text, jsonValue(1), { maxKeys: 2 }), { nil: undefined }),
		session_id: fc.constantFrom(undefined, "s1"),
		input: payload,
		output: payload,
		parts: fc.option(otelParts, { nil: undefined }),
	})
	.map(({ state, error, startNs, durationNs, parts, ...rest }) =>
		withoutUndefined({
			...rest,
			...parts,
			status: state === "failed" ? { failed: { error } } : state,
			started_at: time(startNs),
			ended_at: state === "running" ? null : time(startNs + durationNs),
		}),
	);

function time(ns: number): string {
	return `2026-03-06T09:00:00.${String(ns).padStart(9, "0")}Z`;
}

function withoutUndefined(value: Json): Json {
	return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}

/** An export as another program could have written it. Span ids are unique in their trace. */
const exported = fc
	.dictionary(
		fc.oneof(fc.constantFrom("4bf92f3577b34da6a3ce929d0e0e4736", "my trace", "__proto__"), id),
		fc.uniqueArray(span, { maxLength: 5, selector: ({ id: key }) => key }),
		{ maxKeys: 4 },
	)
	.chain((traces) =>
		fc
			.dictionary(
				fc.constantFrom(...Object.keys(traces), "without spans"),
				fc.record(
					{
						name: text,
						tags: fc.array(fc.constantFrom("a", "session:s2", "otlp"), { maxLength: 2 }),
						started_at: fc.constant(time(5)),
					},
					{ requiredKeys: ["tags", "started_at"] },
				),
			)
			.map((records) => ({ records, traces })),
	);

/** Spans of an OTLP request with what they stand under, by id; attributes by key, what says nothing left out. */
function plainSpans(request: { readonly resourceSpans: readonly Json[] }): unknown {
	const spans = request.resourceSpans.flatMap(({ scopeSpans, ...group }) =>
		(scopeSpans as Json[]).flatMap(({ spans: list, ...scope }) =>
			(list as Json[]).map((one) => plain({ ...one, group, scope })),
		),
	) as { readonly spanId: string }[];
	return Object.fromEntries(spans.map((one) => [one.spanId, one]));
}

function plain(value: unknown): unknown {
	if (Array.isArray(value)) {
		const isKeyed = value.length > 0 && value.every((one) => typeof one?.key === "string");
		return isKeyed ? Object.fromEntries(value.map((one) => [one.key, plain(one.value)])) : value.map(plain);
	}
	if (typeof value !== "object" || value === null) return value;
	const members = Object.entries(value).map(([key, member]): [string, unknown] => [
		key,
		key === "intValue" ? String(member) : plain(member),
	]);
	const isEmpty = (one: unknown) =>
		one === "" || (typeof one === "object" && one !== null && Object.keys(one).length === 0);
	return Object.fromEntries(members.filter(([key, one]) => key.endsWith("Value") || !isEmpty(one)));
}

/** The same instant in as many digits as the server writes. */
function sameTime(written: unknown): unknown {
	return typeof written === "string"
		? written.replace(/\.(\d+)Z$/, (_, digits) => `.${digits.padEnd(9, "0")}Z`)
		: written;
}

describe("export and import", () => {
	it("make of an export the same data, and of those the same export", async () => {
		await fc.assert(
			fc.asyncProperty(exported, async (file) => {
				const [first, second] = [client(await start({ dataDir: temporaryDir() })), client(await start())];
				const count = Object.values(file.traces).flat().length;
				const taken = await first.post("/import", JSON.stringify(file, undefined, " "));
				expect(taken.json).toMatchObject({ spans: count, skipped: 0, rejected: 0, errors: [] });
				const out = await first.get("/export/json");
				for (const [traceId, spans] of Object.entries(file.traces)) {
					for (const given of spans) {
						const found = out.json.traces[traceId].find((one: Json) => one.id === given.id);
						const { metadata, kind: foundKind, started_at, ended_at, ...rest } = found;
						const { metadata: givenMetadata, kind: givenKind, started_at: from, ended_at: to, ...others } = given;
						expect(rest).toEqual({ ...others, trace_id: traceId });
						expect([started_at, ended_at].map(sameTime)).toEqual([from, to].map(sameTime));
						expect(metadata ?? {}).toMatchObject(givenMetadata ?? {});
						// Cost is estimated where none came; attributes of a kind from OpenTelemetry are those of the span.
						const { attributes: _, ...plain } = givenKind as Json;
						expect(foundKind).toMatchObject(given.otel === undefined ? (givenKind as Json) : plain);
					}
				}
				for (const [traceId, record] of Object.entries(file.records)) {
					expect(out.json.records[traceId]).toMatchObject({ ...record, started_at: expect.any(String) });
				}

				expect((await second.post("/import", out.text)).json).toMatchObject({ spans: count, rejected: 0 });
				expect((await second.get("/export/json")).json).toEqual(out.json);

				const before = (await second.get("/stats")).json.latest_event_id;
				expect((await second.post("/import", out.text)).json).toMatchObject({ spans: 0, skipped: count, rejected: 0 });
				expect((await second.get("/stats")).json.latest_event_id).toBe(before);
			}),
			{ numRuns: 60, interruptAfterTimeLimit: 30_000 },
		);
	}, 90_000);

	it("make of an OTLP export the same data, and of those the same export", async () => {
		await fc.assert(
			fc.asyncProperty(exported, async (file) => {
				const [first, second] = [client(await start()), client(await start())];
				await first.post("/import", file);
				const out = await first.get("/export/otlp");
				const count = Object.values(file.traces).flat().length;
				expect((await second.post("/import", out.text)).json).toMatchObject({ spans: count, rejected: 0, errors: [] });
				expect((await second.get("/export/otlp")).json).toEqual(out.json);
				const [given, taken] = [(await first.get("/export/json")).json, (await second.get("/export/json")).json];
				for (const [traceId, spans] of Object.entries(file.traces)) {
					for (const { id: spanId, otel } of spans) {
						const [from, to] = [given, taken].map((side) =>
							side.traces[traceId].find((one: Json) => one.id === spanId),
						);
						// What came by REST is all there again; of the rest, what OpenTelemetry tells decides anew.
						if (otel === undefined) expect(to).toEqual(from);
						else {
							const { name, parent_id, started_at, ended_at, attributes: some } = from;
							expect(to).toMatchObject({
								name,
								parent_id,
								started_at,
								ended_at,
								...(some === undefined ? {} : { attributes: some }),
							});
						}
					}
				}
				const before = (await second.get("/stats")).json.latest_event_id;
				expect((await second.post("/import", out.text)).json).toMatchObject({ spans: 0, skipped: count });
				expect((await second.get("/stats")).json.latest_event_id).toBe(before);
			}),
			{ numRuns: 60, interruptAfterTimeLimit: 30_000 },
		);
	}, 90_000);

	it.each(["genaiCurrent", "genaiOld", "logfire", "openCode", "openInference", "traceloop", "vercelAi"])(
		"give back all that %s sent by OTLP, and take it in anew",
		async (name) => {
			const sent = JSON.parse(readFileSync(new URL(`../fixtures/otlp/${name}.json`, import.meta.url), "utf8"));
			const server = await start({ extraRoutes: addOtlpRoutes });
			expect((await send("POST", `${server.url}/v1/traces`, sent)).text).toBe("{}");
			const [first, second] = [client(server), client(await start())];
			const out = await first.get("/export/otlp");
			expect(plainSpans(out.json)).toEqual(plainSpans(sent));
			await second.post("/import", out.text);
			expect((await second.get("/export/json")).json).toEqual((await first.get("/export/json")).json);
			const [one, other] = [client(await start()), client(await start())];
			await one.post("/import", sent);
			await other.post("/import", (await first.get("/export/json")).text);
			for (const api of [one, other]) expect((await api.get("/export/otlp")).json).toEqual(out.json);
		},
	);

	it("takes what REST made", async () => {
		const [first, second] = [client(await start()), client(await start())];
		await first.trace({ id: "t", name: "Trip", tags: ["session:s"] });
		await first.span({ id: "a", trace_id: "t", input: { question: 1.0 }, metadata: { mine: true } });
		await first.span({
			id: "b",
			trace_id: "t",
			parent_id: "a",
			kind: { type: "llm_call", model: "gpt-4o-mini", input_tokens: 1e6 },
		});
		await first.span({ id: "c", trace_id: "u" });
		await first.post("/spans/b/complete", { output: "fine" });
		await first.post("/spans/c/fail", { error: "boom" });
		const { text: whole, json } = await first.get("/export/json");
		const file: WireExport = json;
		expect(Object.keys(file.traces)).toEqual(["t", "u"]);
		expect(json.traces.t[1].kind.cost).toBe(0.15);
		await second.post("/import", whole);
		expect((await second.get("/export/json")).text).toBe(whole);
		expect((await second.get("/traces")).json.items).toEqual((await first.get("/traces")).json.items);
		expect((await second.get("/sessions/s")).json.total_cost).toBe(0.15);
		// A span that ran when it was exported can still end.
		expect((await second.post("/spans/a/complete")).status).toBe(200);
	});

	it("gives one trace when asked, 404 for one that is not there, and a map for an empty server", async () => {
		const api = client(await start());
		expect((await api.get("/export/json")).json).toEqual({ records: {}, traces: {} });
		expect((await api.get("/export/otlp")).json).toEqual({ resourceSpans: [] });
		await api.span({ id: "a", trace_id: "t" });
		await api.span({ id: "b", trace_id: "u" });
		expect(Object.keys((await api.get("/export/json?trace_id=u")).json.traces)).toEqual(["u"]);
		expect((await api.get("/export/otlp?trace_id=u")).json.resourceSpans).toHaveLength(1);
		for (const form of ["json", "otlp"]) expect((await api.get(`/export/${form}?trace_id=none`)).status).toBe(404);
	});

	it("sends many spans, and large ones, in pieces that are one document", async () => {
		const api = client(await start({ dataDir: temporaryDir() }));
		const big = "x".repeat(400_000);
		const spans = Array.from({ length: 1500 }, (_, index) => ({
			id: `s${index}`,
			name: "n",
			status: "completed",
			started_at: time(index),
			ended_at: time(index + 1),
			input: index % 300 === 0 ? big : index,
		}));
		const traces = Object.fromEntries(
			Array.from({ length: 600 }, (_, index) => [`small-${index}`, [spans[1 + (index % 7)]]]),
		);
		expect((await api.post("/import", { traces: { ...traces, large: spans } })).json).toMatchObject({
			traces: 601,
			spans: 2100,
		});
		const { json } = await api.get("/export/json");
		expect(Object.keys(json.traces)).toHaveLength(601);
		expect(json.traces.large.map((one: Json) => one.id)).toEqual(spans.map((one) => one.id));
		const otlp = (await api.get("/export/otlp")).json.resourceSpans;
		expect(otlp).toHaveLength(1);
		expect(otlp[0].scopeSpans[0].spans).toHaveLength(2100);
	});

	it.each(["/export/json", "/export/otlp"])("leaves turns to others while %s goes to a fast client", async (path) => {
		let turns = 0;
		let isAnswering = false;
		const count = () => {
			turns++;
			if (isAnswering) setImmediate(count);
		};
		const begin = (message: unknown) => {
			if ((message as { readonly request: IncomingMessage }).request.url !== `/api${path}`) return;
			isAnswering = true;
			count();
		};
		const end = () => {
			isAnswering = false;
		};
		subscribe("http.server.request.start", begin);
		subscribe("http.server.response.finish", end);
		onTestFinished(() => {
			unsubscribe("http.server.request.start", begin);
			unsubscribe("http.server.response.finish", end);
		});
		const server = await start();
		const api = client(server);
		const one = { name: "n", status: "running", started_at: time(0), ended_at: null, input: "x".repeat(3000) };
		await api.post("/import", {
			traces: { large: Array.from({ length: 6000 }, (_, index) => ({ ...one, id: `${index}` })) },
		});
		// Another process, whose reading needs no turn of ours.
		const reader = spawn(process.execPath, [
			"-e",
			`fetch("${server.url}/api${path}").then((it) => it.arrayBuffer()).then((it) => console.log(it.byteLength))`,
		]);
		const [bytes] = await once(reader.stdout, "data");
		expect(Number(bytes)).toBeGreaterThan(18_000_000);
		// A portion of 250 kB each.
		expect(turns).toBeGreaterThan(50);
	});

	it("exports one moment, though data change and go while a slow client reads", async () => {
		const server = await start({ dataDir: temporaryDir() });
		const api = client(server);
		const input = "x".repeat(20_000);
		const one = { name: "n", status: "running", started_at: time(0), ended_at: null, input };
		const traces = Object.fromEntries(
			Array.from({ length: 40 }, (_, trace) => [
				`t${trace}`,
				Array.from({ length: 20 }, (__, index) => ({ ...one, id: `${trace}-${index}` })),
			]),
		);
		await api.post("/import", { traces });
		const text = await new Promise<string>((resolve, reject) => {
			get(`${server.url}/api/export/json`, (response) => {
				const chunks: Buffer[] = [];
				response.on("error", reject);
				// More than sockets hold is still to come when everything is deleted.
				response.once("readable", async () => {
					await api.delete("/traces");
					await api.span({ id: "new", trace_id: "later" });
					response.on("data", (chunk: Buffer) => chunks.push(chunk));
					response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
				});
			});
		});
		const file: WireExport = JSON.parse(text);
		expect(Object.keys(file.traces).sort()).toEqual(Object.keys(traces).sort());
		expect(Object.values(file.traces).flat()).toHaveLength(800);
		expect(Object.keys((await api.get("/export/json")).json.traces)).toEqual(["later"]);
	});

	it("leaves out what it cannot take, and says which and why", async () => {
		const api = client(await start());
		const good = { id: "ok", name: "n", status: "completed", started_at: time(0), ended_at: time(1) };
		const { json } = await api.post("/import", {
			traces: {
				t: [
					good,
					{ ...good, id: "" },
					{ ...good, id: "b", status: "done" },
					{ ...good, id: "c", ended_at: null },
					{ ...good, id: "d", status: "running" },
					{ ...good, id: "e", started_at: "yesterday" },
					{ ...good, id: "f", trace_id: "u" },
					{ ...good, id: "g", otel: { kind: 1 }, attributes: JSON.parse(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`) },
					17,
				],
			},
			records: { t: { tags: "x" } },
		});
		expect(json).toMatchObject({ traces: 1, spans: 1, skipped: 0, rejected: 9 });
		expect(json.errors).toEqual([
			expect.stringMatching(/^traces\.t\[1\]: id: /),
			expect.stringMatching(/^traces\.t\[2\]: status: /),
			"traces.t[3]: ended_at: is missing, though status is completed",
			"traces.t[4]: ended_at: must be null because status is running",
			expect.stringMatching(/^traces\.t\[5\]: started_at: /),
			"traces.t[6]: trace_id: is not the id of the trace that it stands under",
			"traces.t[7]: attributes: is nested deeper than 64",
			"traces.t[8]: body: must be an object",
			"records.t: tags: must be an array",
		]);
	});

	it("keeps the record that a trace has, and says so once it is another one", async () => {
		const api = client(await start());
		await api.trace({ id: "t", name: "mine", tags: ["a"], started_at: time(0) });
		const file = (name: string) => ({ records: { t: { name, tags: ["a"], started_at: time(0) } }, traces: {} });
		expect((await api.post("/import", file("mine"))).json).toMatchObject({ rejected: 0, errors: [] });
		expect((await api.post("/import", file("other"))).json).toMatchObject({
			rejected: 1,
			errors: ["records.t: the trace has another record already, which stays"],
		});
		expect((await api.get("/traces/t")).json.trace.name).toBe("mine");
	});

	it("takes the good spans of hostile OTLP and says what is wrong with the others", async () => {
		const api = client(await start());
		const good = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", name: "n" };
		const own = (text: string) => ({
			...good,
			attributes: [{ key: "traceway.span", value: { stringValue: text } }],
		});
		const { json } = await api.post("/import", {
			resourceSpans: [
				{ scopeSpans: [{ spans: [good, { ...good, spanId: "x" }, 17, own("{"), own("[]"), own('{"id":"a"}')] }] },
				{
					scopeSpans: [
						{},
						{
							spans: [
								{
									...good,
									spanId: "00f067aa0ba902b8",
									attributes: [{ key: "traceway.trace", value: { stringValue: "{}" } }],
								},
							],
						},
					],
				},
			],
		});
		expect(json).toMatchObject({ spans: 2, rejected: 6 });
		expect(json.errors).toEqual([
			expect.stringMatching(/^resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[3\]: traceway\.span/),
			expect.stringMatching(/^resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[4\]: traceway\.span/),
			expect.stringMatching(/^resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[5\]: name: is missing/),
			expect.stringMatching(/^resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[1\]: spanId/),
			expect.stringMatching(/^resourceSpans\[1\]\.scopeSpans\[1\]\.spans\[0\]: traceway\.trace: has no id/),
		]);
	});

	it.each([
		["", 400],
		["{", 400],
		['{"traces":{"t":[{"id":"a"', 400],
		['{"traces":{}} x', 400],
		["[]", 422],
		["{}", 422],
		['{"traces":[]}', 422],
		['{"traces":{"t":{}}}', 422],
		["17", 422],
		['{"resourceSpans":[17]}', 400],
		['{"resourceSpans":[{"scopeSpans":17}]}', 400],
		['{"resourceSpans":[{"resource":{"attributes":17}}]}', 400],
	])("refuses %j and changes nothing", async (body, status) => {
		const server = await start();
		const answer = await send("POST", `${server.url}/api/import`, body);
		expect([answer.status, typeof answer.json.error]).toEqual([status, "string"]);
		expect((await client(server).get("/stats")).json.latest_event_id).toBe(0);
	});
});
