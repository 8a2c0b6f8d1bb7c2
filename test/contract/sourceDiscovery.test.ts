import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { askWhatAnswers, type LocalFinding, searchThisMachine, type Verdict } from "../../src/sources/discovery.ts";
import { SOURCE_DEFINITIONS, type SourceDefinition, sourceDefinition } from "../../src/sources/registry.ts";
import type { SourceType } from "../../src/sources/source.ts";
import { CloudgridPeer } from "../peers/cloudgridPeer.ts";
import { TempoPeer } from "../peers/tempoPeer.ts";
import { TraceExplorerPeer } from "../peers/traceExplorerPeer.ts";
import { TracellmPeer } from "../peers/tracellmPeer.ts";
import { TracewayPeer } from "../peers/tracewayPeer.ts";
import { start as startServer } from "./support/testServer.ts";

const TOKEN = "opens-the-door-17";

interface Peer {
	readonly url: string;
	readonly stop: () => Promise<void>;
}

/** A backend of each kind, with a gateway's or its own token where one is given. */
const PEERS: Readonly<Record<SourceType, (token?: string) => Promise<Peer>>> = {
	traceway: async (token) => {
		const peer = await TracewayPeer.start({ dialect: "R", token });
		return { url: peer.url, stop: () => peer.close() };
	},
	traceExplorer: async (token) => {
		const peer = await TraceExplorerPeer.start();
		if (token !== undefined) peer.authorization = `Bearer ${token}`;
		return peer;
	},
	tempo: async (token) => await TempoPeer.start(token === undefined ? {} : { bearer: token }),
	tracellm: async (token) => await TracellmPeer.start(token === undefined ? {} : { token }),
	cloudgrid: async (token) => {
		const peer = await CloudgridPeer.start(token === undefined ? {} : { mode: "sso" });
		if (token !== undefined)
			peer.tokens.set(token, { scopes: ["telemetry:read", "telemetry:live"], project: "default" });
		return peer;
	},
};

const ends: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function start(type: SourceType, token?: string): Promise<string> {
	const peer = await PEERS[type](token);
	ends.push(() => peer.stop());
	return peer.url;
}

function ask(url: string, more: Partial<Parameters<typeof askWhatAnswers>[1]> = {}): Promise<readonly Verdict[]> {
	const { fetch } = globalThis;
	return askWhatAnswers(url, { fetch, signal: new AbortController().signal, ...more });
}

/** Types with this outcome. */
function types(verdicts: readonly Verdict[], outcome: Verdict["outcome"]): SourceType[] {
	return verdicts.filter((verdict) => verdict.outcome === outcome).map(({ definition }) => definition.type);
}

describe("what answers at an address", () => {
	it.each(Object.keys(PEERS) as SourceType[])("is %s and no other where that one is", async (type) => {
		const verdicts = await ask(await start(type));
		expect(verdicts.map(({ definition }) => definition)).toEqual(SOURCE_DEFINITIONS);
		// A kind whose adapter is not here is claimed by none of the others.
		expect(types(verdicts, "yes")).toEqual(sourceDefinition(type) === undefined ? [] : [type]);
		expect(types(verdicts, "needsToken")).toEqual([]);
		for (const verdict of verdicts) if (verdict.outcome === "yes") expect(verdict.found).toMatch(/\S/);
	});

	it.each(SOURCE_DEFINITIONS.map(({ type }) => type))("is %s behind a token, once that is said", async (type) => {
		const url = await start(type, TOKEN);
		const locked = await ask(url);
		expect(types(locked, "yes")).toEqual([]);
		expect(types(locked, "needsToken")).toContain(type);
		const wrong = await ask(url, { token: "of-another-door" });
		expect(types(wrong, "yes")).toEqual([]);
		expect(types(wrong, "needsToken")).toContain(type);
		expect(
			JSON.stringify([...locked, ...wrong].map((verdict) => ({ ...verdict, definition: undefined }))),
		).not.toContain("of-another-door");
		expect(types(await ask(url, { token: TOKEN }), "yes")).toEqual([type]);
	});

	it("is Tempo behind a user's name and password, and with tenants, once they are said", async () => {
		const guarded = await TempoPeer.start({ basic: { username: "me", password: TOKEN } });
		ends.push(() => guarded.stop());
		expect(types(await ask(guarded.url, { token: TOKEN }), "yes")).toEqual([]);
		expect(types(await ask(guarded.url, { token: TOKEN, options: { username: "me" } }), "yes")).toEqual(["tempo"]);
		const shared = await TempoPeer.start({ tenant: "team-a" });
		ends.push(() => shared.stop());
		expect(types(await ask(shared.url), "needsToken")).toContain("tempo");
		expect(types(await ask(shared.url, { options: { tenant: "team-a" } }), "yes")).toEqual(["tempo"]);
	});

	it.each(["R", "D", "L", "E"] as const)("is a Traceway server of dialect %s", async (dialect) => {
		const peer = await TracewayPeer.start({ dialect });
		ends.push(() => peer.close());
		expect(types(await ask(peer.url), "yes")).toEqual(["traceway"]);
	});

	it("is our own server, with the number of its traces", async () => {
		const server = await startServer();
		await fetch(`${server.url}/api/traces`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ name: "one" }),
		});
		const verdicts = await ask(server.url);
		expect(types(verdicts, "yes")).toEqual(["traceway"]);
		expect(verdicts.find(({ outcome }) => outcome === "yes")).toMatchObject({ found: "1 trace" });
	});

	it("is nothing known where a web server answers everything with a page", async () => {
		const server = createServer((_, response) => {
			response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Shop</title>");
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		ends.push(() => new Promise((resolve) => server.close(resolve)));
		const verdicts = await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
		expect(types(verdicts, "yes")).toEqual([]);
		expect(types(verdicts, "needsToken")).toEqual([]);
	});

	it("is nothing known where JSON of another kind is answered", async () => {
		const server = createServer((_, response) => {
			response.writeHead(200, { "content-type": "application/json" }).end('{"status":"ok","data":[]}');
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		ends.push(() => new Promise((resolve) => server.close(resolve)));
		expect(types(await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), "yes")).toEqual([]);
	});

	it("is silence where nobody listens, with why", async () => {
		const verdicts = await ask("http://127.0.0.1:9");
		expect(types(verdicts, "silent")).toEqual(SOURCE_DEFINITIONS.map(({ type }) => type));
		for (const verdict of verdicts) if (verdict.outcome === "silent") expect(verdict.message).toMatch(/\S/);
	});

	it("is silence where somebody listens and says nothing, and nobody waits longer than told", async () => {
		const sockets = new Set<Socket>();
		const server = createTcpServer((socket) => sockets.add(socket));
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		ends.push(() => {
			for (const socket of sockets) socket.destroy();
			return new Promise((resolve) => server.close(resolve));
		});
		const verdicts = await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs: 300 });
		expect(types(verdicts, "silent")).toEqual(SOURCE_DEFINITIONS.map(({ type }) => type));
		expect(verdicts[0]).toMatchObject({ message: "no answer within 0.3 s" });
	});

	it("is told also when one kind never comes to an end, or breaks", async () => {
		const url = await start("traceway");
		const stuck: SourceDefinition = {
			...(sourceDefinition("traceway") as SourceDefinition),
			identify: () => new Promise(() => undefined),
		};
		const broken: SourceDefinition = { ...stuck, identify: () => Promise.reject(new TypeError("broken")) };
		const told: string[] = [];
		const verdicts = await ask(url, {
			definitions: [stuck, ...SOURCE_DEFINITIONS, broken],
			timeoutMs: 2000,
			onVerdict: ({ outcome }) => told.push(outcome),
		});
		expect(verdicts[0]).toMatchObject({ outcome: "silent", message: "no answer within 2 s" });
		expect(verdicts.at(-1)).toMatchObject({ outcome: "silent", message: expect.stringContaining("broken") });
		expect(types(verdicts, "yes")).toEqual(["traceway"]);
		// Each as it came: the one that is stuck last.
		expect(told).toHaveLength(verdicts.length);
		expect(told.at(-1)).toBe("silent");
	});

	it("is not waited for any more when the user cancels", async () => {
		const abort = new AbortController();
		const url = await start("traceway");
		const asked = ask(url, { signal: abort.signal });
		abort.abort();
		await expect(asked).rejects.toMatchObject({ name: "AbortError" });
	});
});

describe("this machine", () => {
	it("is searched at the ports that are told, and what answers there is found, with or without a token", async () => {
		const open = await start("traceway");
		const locked = await start("traceway", TOKEN);
		const found: LocalFinding[] = [];
		await searchThisMachine({
			fetch: globalThis.fetch,
			ports: [Number(new URL(open).port), 9, Number(new URL(locked).port)],
			signal: new AbortController().signal,
			onFound: (finding) => found.push(finding),
		});
		expect(found).toHaveLength(2);
		expect(found).toContainEqual({ url: open, definition: sourceDefinition("traceway"), found: "0 traces" });
		expect(found).toContainEqual({ url: locked, definition: undefined, found: "" });
	});
});
