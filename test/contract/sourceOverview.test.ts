import { describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { SourceOverview } from "../../src/ui/overview/sourceOverview.ts";
import { type Dialect, TracewayPeer } from "../peers/tracewayPeer.ts";
import { client, start } from "./support/testServer.ts";

const soon = { timeout: 20_000, interval: 5 };
const call = { type: "llm_call", model: "gpt-4o", provider: "openai", input_tokens: 10, output_tokens: 2, cost: 0.25 };

/** A connection as the extension has one, and how often the server was asked. */
function connectionTo(url: string) {
	const asked: string[] = [];
	const source = createTracewaySource({
		config: { id: "s", name: "Somewhere", type: "traceway", url },
		logger: silentLogger,
		fetch: (input, init) => {
			asked.push(String(input));
			return fetch(input, init);
		},
		getToken: async () => undefined,
	});
	source.connect();
	const { config, store } = source;
	const connection = {
		config,
		store,
		get status() {
			return source.status;
		},
		whenSource: async () => source,
	};
	return { source, connection, asked };
}

const signal = () => new AbortController().signal;

describe("the overview of a connection", () => {
	it("is counted by our own server, whatever is loaded here", async () => {
		const server = await start();
		const { span } = client(server);
		for (let index = 0; index < 3; index++) await span({ id: `s${index}`, trace_id: `t${index}`, kind: call });
		const { source, connection } = connectionTo(server.url);
		try {
			const { overview, origin } = await new SourceOverview(connection).load("1h", signal());
			expect(overview).toMatchObject({ traces: 3, usage: { calls: 3, costUsd: 0.75, inputTokens: 30 } });
			expect(origin).toMatchObject({ sourceId: "s", sourceName: "Somewhere", isWhole: true, isPart: false });
		} finally {
			source.dispose();
		}
	});

	for (const dialect of ["R", "E", "D"] as const satisfies readonly Dialect[]) {
		it(`is counted here for a server of dialect ${dialect}, which is asked for it once`, async () => {
			const peer = await TracewayPeer.start({ dialect });
			const { source, connection, asked } = connectionTo(peer.url);
			try {
				const { id: traceId } = peer.createTrace({ name: "seen" });
				peer.createSpan(traceId, { name: "ask", kind: call, started_at: new Date().toISOString() });
				await vi.waitFor(() => expect(source.store.spanCount).toBe(1), soon);
				await vi.waitFor(() => expect(source.status.isLoaded).toBe(true), soon);
				const overviews = new SourceOverview(connection);
				for (const range of ["1h", "all"] as const) {
					const { overview, origin } = await overviews.load(range, signal());
					expect(overview).toMatchObject({ range, traces: 1, usage: { calls: 1, costUsd: 0.25, outputTokens: 2 } });
					expect(overview.newestModelCalls).toMatchObject([{ traceId, name: "gpt-4o", preview: null }]);
					expect(origin).toMatchObject({ isWhole: false, loadedTraces: 1, isPart: false });
				}
				expect(asked.filter((url) => url.includes("/analytics/overview")).length).toBeLessThanOrEqual(2);
			} finally {
				source.dispose();
				await peer.close();
			}
		});
	}

	it("is an error, not zeros, when the server cannot be reached", async () => {
		const server = await start();
		const { source, connection } = connectionTo(server.url);
		await server.close();
		await expect(new SourceOverview(connection).load("1h", signal())).rejects.toMatchObject({ reason: "network" });
		source.dispose();
	});
});
