import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { cloudgrid } from "../../src/sources/cloudgrid/definition.ts";
import { TracewayPeer } from "../peers/tracewayPeer.ts";
import { never, startPeer } from "./support/cloudgridRig.ts";

async function identify(url: string, token?: string) {
	let requests = 0;
	const counting: typeof fetch = (...given) => {
		requests++;
		return fetch(...given);
	};
	const finding = await cloudgrid.identify({ url, fetch: counting, token, signal: never });
	expect(requests).toBeLessThanOrEqual(2);
	return finding;
}

/** What answers every request in the same way. */
async function withAnswer(status: number, type: string, body: string, check: (url: string) => Promise<void>) {
	const server = createServer((request, response) => {
		request.resume();
		response.writeHead(status, { "content-type": type, connection: "close" }).end(body);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	try {
		await check(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	} finally {
		await new Promise((resolve) => server.close(resolve));
	}
}

describe("a CloudGrid server", () => {
	it.each([
		[0, "0 traces"],
		[1, "1 trace"],
		[50, "50 traces"],
		[51, "more than 50 traces"],
	])("with %i traces is known, and said to have %s", async (count, found) => {
		const peer = await startPeer({ age: count === 1 ? "old" : "new" });
		for (let index = 0; index < count; index++) peer.addTrace();
		expect(await identify(peer.url)).toEqual({ match: "yes", found });
		expect(await identify(`${peer.url}/graphql`)).toEqual({ match: "yes", found });
	});

	it.each([false, true])("that wants a token says so (HTTP status told: %s), and is known with one", async (isTold) => {
		const peer = await startPeer({ mode: "sso" });
		peer.areStatusesTold = isTold;
		peer.tokens.set("t", { scopes: ["telemetry:read"], project: "default" });
		const error = expect.objectContaining({ reason: "unauthorized" });
		expect(await identify(peer.url)).toEqual({ match: "needsToken", error });
		expect(await identify(peer.url, "t")).toEqual({ match: "yes", found: "0 traces" });
	});

	it("in trouble is known by its numbered errors", async () => {
		const peer = await startPeer();
		peer.queryProblem = "ERR-006";
		expect(await identify(peer.url)).toEqual({ match: "yes", found: "CloudGrid: A fault on purpose (ERR-006)" });
	});

	it("is nothing else that answers", async () => {
		const traceway = await TracewayPeer.start({ dialect: "L" });
		expect(await identify(traceway.url)).toEqual({ match: "no" });
		await traceway.close();
		const json = "application/json";
		for (const [status, type, body] of [
			[200, "text/html", "<html>"],
			[200, json, "{}"],
			[200, json, '{"data":{"traces":[]}}'],
			[200, json, '{"errors":[{"message":"Cannot query field \\"traces\\" on type \\"Query\\"."}]}'],
			[400, json, '{"errors":[{"message":"Must provide query"}]}'],
			[400, json, '{"errors":"nonsense"}'],
			[404, "text/plain", "not found"],
			[405, "text/plain", "no"],
			[200, json, `"${"x".repeat(2_000_000)}"`],
		] as const) {
			await withAnswer(status, type, body, async (url) => {
				expect([body.slice(0, 40), await identify(url)]).toEqual([body.slice(0, 40), { match: "no" }]);
			});
		}
	});

	it("is asked in vain where nothing answers", async () => {
		const peer = await startPeer();
		await peer.stop();
		await expect(identify(peer.url)).rejects.toMatchObject({ name: "SourceError", reason: "network" });
	});
});
