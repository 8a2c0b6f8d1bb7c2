import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import type { Source, SourceConfig } from "../../src/sources/source.ts";
import { createTracewaySource, type TracewaySourceOptions } from "../../src/sources/traceway/tracewaySource.ts";
import { differences } from "../peers/storeModel.ts";
import { type Dialect, type PeerOptions, TracewayPeer } from "../peers/tracewayPeer.ts";

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function startPeer(options: PeerOptions): Promise<TracewayPeer> {
	const peer = await TracewayPeer.start(options);
	ends.push(() => peer.close());
	return peer;
}

function makeSource(
	url: string,
	options: Partial<TracewaySourceOptions> & { filter?: SourceConfig["filter"] } = {},
): Source {
	const { filter, ...rest } = options;
	const source = createTracewaySource({
		config: { id: "s", name: "test", type: "traceway", url, filter },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		minBackoffMs: 10,
		gapGraceMs: 20,
		...rest,
	});
	ends.push(() => source.dispose());
	return source;
}

const soon = { timeout: 10_000, interval: 5 };

async function loaded(source: Source): Promise<void> {
	await vi.waitFor(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }), soon);
}

/** Waits until the store shows exactly what the server has. */
async function agree(source: Source, peer: TracewayPeer): Promise<void> {
	await vi.waitFor(() => expect(differences(source.store, peer)).toEqual([]), soon);
}

function seed(peer: TracewayPeer): void {
	for (let number = 0; number < 3; number++) {
		const trace = peer.createTrace({ name: `run ${number}`, tags: [`session:${number}`] });
		const root = peer.createSpan(trace.id, { name: "agent" });
		const llm = peer.createSpan(trace.id, {
			name: "draft",
			parent_id: root.id,
			kind: { type: "llm_call", model: "gpt-4o-mini", input_tokens: 10, output_tokens: 5 },
		});
		peer.completeSpan(llm.id, { output: { text: "hello" } });
		if (number === 1) peer.failSpan(root.id, "boom");
	}
}

describe.each<Dialect>(["D", "R", "E", "L"])("a server of dialect %s", (dialect) => {
	let peer: TracewayPeer;
	beforeEach(async () => {
		peer = await startPeer({ dialect });
		seed(peer);
	});

	it("is read whole on the first connect", async () => {
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		await agree(source, peer);
		expect(source.status.requestError).toBeUndefined();
		expect(source.status.undecodable).toBe(0);
	});

	it("is followed live", async () => {
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		const trace = peer.createTrace({ name: "live" });
		const span = peer.createSpan(trace.id);
		await agree(source, peer);
		peer.completeSpan(span.id, { kind: { type: "llm_call", model: "m", input_tokens: 1, output_tokens: 2 } });
		await agree(source, peer);
		peer.failSpan(peer.createSpan(trace.id).id, "no");
		peer.deleteSpan(span.id);
		await agree(source, peer);
		peer.deleteTrace("trace-1");
		await agree(source, peer);
		peer.clear();
		await agree(source, peer);
	});

	it("catches up after a broken connection, and nothing is there twice", async () => {
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		peer.createSpan(peer.createTrace().id);
		await agree(source, peer);
		peer.dropStreams();
		const trace = peer.createTrace({ name: "missed" });
		for (let index = 0; index < 50; index++) peer.completeSpan(peer.createSpan(trace.id).id);
		peer.deleteTrace("trace-1");
		await agree(source, peer);
		await vi.waitFor(() => expect(source.status.state.name).toBe("open"), soon);
	});

	it("catches up when the log was forgotten meanwhile", async () => {
		peer.isClockReal = true;
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		peer.createSpan(peer.createTrace().id);
		await agree(source, peer);
		peer.dropStreams();
		peer.forgetLog();
		peer.createSpan(peer.createTrace({ name: "after" }).id);
		await agree(source, peer);
	});
});
