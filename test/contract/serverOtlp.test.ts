import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { addOtlpRoutes } from "../../src/server/otlp/routes.ts";
import { exportedSpan } from "../../src/server/transfer/otlpExport.ts";
import { encodeRequest, exportResponse } from "../peers/otlpProto.ts";
import { client, send, start } from "./support/testServer.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

const span = {
	traceId: TRACE,
	spanId: "b7ad6b7169203331",
	traceState: "vendor=1",
	flags: 257,
	name: "chat gpt-4o-mini",
	kind: 3,
	startTimeUnixNano: "1772787600123456789",
	endTimeUnixNano: "1772787601123456790",
	attributes: [
		text("gen_ai.operation.name", "chat"),
		text("gen_ai.request.model", "gpt-4o-mini"),
		text("gen_ai.input.messages", '[{"role":"user","parts":[{"type":"text","content":"two\\nlines"}]}]'),
		{ key: "big", value: { intValue: "9223372036854775807" } },
		{ key: "ratio", value: { doubleValue: 1 } },
		{ key: "raw", value: { bytesValue: "AQI=" } },
		{ key: "__proto__", value: { stringValue: "x" } },
	],
	events: [{ timeUnixNano: "1772787600123456790", name: "first token", attributes: [text("k", "v")] }],
	links: [
		{ traceId: "1".repeat(32), spanId: "2".repeat(16), attributes: [{ key: "n", value: { doubleValue: "NaN" } }] },
	],
	droppedAttributesCount: 2,
	status: { code: 2, message: "too\nlong" },
};
const request = (...spans: readonly unknown[]) => ({
	resourceSpans: [
		{
			resource: { attributes: [text("service.name", "shop")] },
			scopeSpans: [{ scope: { name: "lib", version: "1" }, spans, schemaUrl: "https://schema" }],
		},
	],
});

async function running() {
	const server = await start({ otlpPort: 0, extraRoutes: addOtlpRoutes });
	const post = (path: string, body: unknown, type = "application/x-protobuf", headers: Record<string, string> = {}) =>
		send("POST", `${server.otlpUrl}${path}`, body, { "Content-Type": type, ...headers });
	return { ...client(server), server, post };
}

describe("OTLP over HTTP", () => {
	it("gives back all of a span, the same from either encoding", async () => {
		const { post, get } = await running();
		const other = { ...span, spanId: "b7ad6b7169203332" };
		const answer = await post("/v1/traces", encodeRequest(request(span)));
		expect(answer).toMatchObject({ status: 200, text: "", headers: { "content-type": "application/x-protobuf" } });
		await post("/v1/traces", request(other), "application/json; charset=utf-8");
		const read = (await get(`/spans/${span.spanId}`)).json;
		expect(read).toEqual({ ...(await get(`/spans/${other.spanId}`)).json, id: span.spanId });
		expect(read).toMatchObject({
			trace_id: TRACE,
			started_at: "2026-03-06T09:00:00.123456789Z",
			ended_at: "2026-03-06T09:00:01.123456790Z",
			status: { failed: { error: "too\nlong" } },
			kind: { type: "llm_call", model: "gpt-4o-mini" },
			input: [{ role: "user", parts: [{ type: "text", content: "two\nlines" }] }],
			events: [{ name: "first token", time: "2026-03-06T09:00:00.123456790Z", attributes: { k: "v" } }],
			links: [{ trace_id: "1".repeat(32), span_id: "2".repeat(16), attributes: { n: "NaN" } }],
			resource: { attributes: { "service.name": "shop" } },
			scope: { name: "lib", version: "1", schema_url: "https://schema" },
			otel: {
				kind: 3,
				trace_state: "vendor=1",
				flags: 257,
				status_code: 2,
				status_message: "too\nlong",
				dropped_attributes_count: 2,
			},
		});
		expect(read.attributes).toMatchObject({
			"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"two\\nlines"}]}]',
			big: "9223372036854775807",
			raw: "AQI=",
		});
		expect(Object.hasOwn(read.attributes, "__proto__")).toBe(true);
		expect(read.otel.value_hints).toEqual(
			expect.arrayContaining([
				[["attributes", "big"], "int"],
				[["attributes", "raw"], "bytes"],
				[["links", 0, "n"], "double"],
			]),
		);
	});

	it("exports what it took in, number types and all", async () => {
		const { post, get } = await running();
		await post("/v1/traces", encodeRequest(request(span)));
		const exported = JSON.parse(exportedSpan((await get(`/spans/${span.spanId}`)).text, undefined).span);
		const byKey = (one: { key: string }, other: { key: string }) => (one.key < other.key ? -1 : 1);
		expect({ ...exported, attributes: exported.attributes.toSorted(byKey) }).toEqual({
			...span,
			attributes: span.attributes.toSorted(byKey),
		});
	});

	it("takes the same batch again without a change", async () => {
		const { post, get } = await running();
		for (let round = 0; round < 3; round++) await post("/v1/traces", encodeRequest(request(span)));
		expect((await get("/stats")).json).toMatchObject({ trace_count: 1, span_count: 1 });
	});

	it("takes the base path, the other protobuf type, gzip and deflate", async () => {
		const { post, get } = await running();
		const bytes = encodeRequest(request(span));
		const named = (spanId: string) => encodeRequest(request({ ...span, spanId }));
		await post("/", bytes);
		await post("/v1/traces", named("b7ad6b7169203341"), "application/protobuf");
		await post("/v1/traces", gzipSync(named("b7ad6b7169203342")), undefined, { "Content-Encoding": "gzip" });
		await post("/v1/traces", deflateSync(named("b7ad6b7169203343")), undefined, { "Content-Encoding": "deflate" });
		// Bare deflate data: not what the name means, but what some send.
		await post("/v1/traces", deflateRawSync(named("b7ad6b7169203344")), undefined, { "Content-Encoding": "deflate" });
		expect((await get("/stats")).json.span_count).toBe(5);
	});

	it("says in the encoding of the request how many spans were refused, and why", async () => {
		const { post, server } = await running();
		const bad = { ...span, spanId: "0000000000000000" };
		const answer = await fetch(`${server.otlpUrl}/v1/traces`, {
			method: "POST",
			headers: { "Content-Type": "application/x-protobuf" },
			body: new Uint8Array(encodeRequest(request(span, bad))),
		});
		expect(
			exportResponse.toObject(exportResponse.decode(new Uint8Array(await answer.arrayBuffer())), { longs: String }),
		).toEqual({
			partialSuccess: {
				rejectedSpans: "1",
				errorMessage: "resourceSpans[0].scopeSpans[0].spans[1]: spanId must not be all zero",
			},
		});
		expect((await post("/v1/traces", request(bad), "application/json")).json).toEqual({
			partialSuccess: { rejectedSpans: "1", errorMessage: expect.stringContaining("spans[0]: spanId") },
		});
	});

	it("answers what it cannot read as JSON, with what is wrong", async () => {
		const { post } = await running();
		expect(await post("/v1/traces", Buffer.from([0x0a, 0x05, 1]))).toMatchObject({
			status: 400,
			json: { code: "invalid_body", error: expect.stringContaining("byte 2") },
		});
		expect(await post("/v1/traces", "{}", "text/plain")).toMatchObject({
			status: 415,
			json: { code: "unsupported_media_type" },
		});
		expect(await post("/v1/logs", Buffer.from([0x0a, 0x05, 1]))).toMatchObject({ status: 400 });
		expect(await post("/v1/metrics", "[]", "application/json")).toMatchObject({ status: 400 });
	});

	it("accepts logs and metrics and counts what it drops of them", async () => {
		const { post, get } = await running();
		const logs = { resourceLogs: [{ scopeLogs: [{ logRecords: [{}, {}] }, { logRecords: [{}] }] }] };
		const points = (count: number) => ({ dataPoints: Array.from({ length: count }, () => ({})) });
		const metrics = {
			resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "a", sum: points(2) }, { histogram: points(3) }] }] }],
		};
		expect(await post("/v1/logs", logs, "application/json")).toMatchObject({ status: 200, text: "{}" });
		expect(await post("/v1/metrics", metrics, "application/json")).toMatchObject({ status: 200, text: "{}" });
		// The same in protobuf: resource_logs { scope_logs { 2 records } }, one unknown field; one gauge with one point.
		const protobufLogs = Buffer.from([0x0a, 8, 0x12, 4, 0x12, 0, 0x12, 0, 0x08, 1]);
		expect(await post("/v1/logs", protobufLogs)).toMatchObject({ status: 200, text: "" });
		const protobufMetrics = Buffer.from([0x0a, 8, 0x12, 6, 0x12, 4, 0x2a, 2, 0x0a, 0]);
		expect(await post("/v1/metrics", protobufMetrics)).toMatchObject({ status: 200, text: "" });
		expect((await get("/stats")).json).toMatchObject({ dropped_logs: 5, dropped_metrics: 6, span_count: 0 });
	});
});
