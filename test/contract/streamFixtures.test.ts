import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { loadPrices } from "../../src/model/prices.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { type Model, modelOfStore } from "../peers/storeModel.ts";

const root = fileURLToPath(new URL("../fixtures/streams/traceway/", import.meta.url));

interface Case {
	readonly messages: number;
	readonly undecodable: number;
	readonly unknown: number;
}

const ends: (() => Promise<unknown> | unknown)[] = [];

beforeAll(loadPrices);

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

/** A server whose stream is these bytes, so many a write; it stays open afterwards. Everything else is refused. */
async function serve(stream: Buffer, chunkBytes: number): Promise<string> {
	const server: Server = createServer((request, response) => {
		if (request.url?.startsWith("/api/events") !== true) {
			response.writeHead(503, { "content-type": "application/json" }).end('{"error":"stream only"}');
			return;
		}
		response.writeHead(200, { "content-type": "text/event-stream" });
		for (let at = 0; at < stream.length; at += chunkBytes) response.write(stream.subarray(at, at + chunkBytes));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	ends.push(() => {
		server.closeAllConnections();
		return new Promise((resolve) => server.close(resolve));
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What the store shows once the whole stream was taken in. */
async function play(stream: Buffer, chunkBytes: number, expected: Case): Promise<Model & { readonly traces: unknown }> {
	const source = createTracewaySource({
		config: { id: "f", name: "fixture", type: "traceway", url: await serve(stream, chunkBytes) },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
	});
	ends.push(() => source.dispose());
	source.connect();
	await vi.waitFor(
		() => {
			expect(source.status.undecodable).toBe(expected.undecodable);
			expect(source.status.received + source.status.undecodable).toBe(expected.messages);
		},
		{ timeout: 10_000, interval: 5 },
	);
	expect(source.status.unknownEvents).toBe(expected.unknown);
	const traces = [...source.store.entries()].map(({ traceId }) => {
		const summary = source.store.summary(traceId);
		const { name, tags, sessionId, serviceName, state, spanCount, failedCount, error } = summary ?? {};
		const { inputTokens, outputTokens, costUsd, isCostEstimated } = summary ?? {};
		const sums = { inputTokens, outputTokens, costUsd, isCostEstimated };
		return { traceId, name, tags, sessionId, serviceName, state, spanCount, failedCount, error, ...sums };
	});
	return { ...modelOfStore(source.store), traces };
}

describe.each(readdirSync(root))("the recorded stream %s", (name) => {
	const dir = `${root}${name}/`;
	const expected = JSON.parse(readFileSync(`${dir}case.json`, "utf8")) as Case;
	const text = readFileSync(`${dir}stream.txt`, "utf8").replaceAll("\r\n", "\n");

	it.each([
		["in one piece", "\n", Number.POSITIVE_INFINITY],
		["byte by byte", "\n", 1],
		["in pieces of 7 bytes with CR LF", "\r\n", 7],
		["in pieces of 61 bytes with CR", "\r", 61],
	])("ends in the expected model, %s", async (_how, lineEnd, chunkBytes) => {
		const stream = Buffer.from(text.replaceAll("\n", lineEnd));
		const model = await play(stream, Math.min(chunkBytes, stream.length), expected);
		const actual = `${JSON.stringify(model, undefined, "\t")}\n`;
		let wanted = "";
		try {
			wanted = readFileSync(`${dir}expected.json`, "utf8").replaceAll("\r\n", "\n");
		} catch {
			// A new case: its actual model is written for review.
		}
		if (actual !== wanted) writeFileSync(`${dir}actual.json`, actual);
		expect(actual).toBe(wanted);
	});
});
