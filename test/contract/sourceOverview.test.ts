import { describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import type { Overview } from "../../src/model/overview.ts";
import { type Source, SourceError } from "../../src/sources/source.ts";
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
			const { overview, origin } = await new SourceOverview(connection).load("1h", undefined, signal());
			expect(overview).toMatchObject({ traces: 3, usage: { calls: 3, costUsd: 0.75, inputTokens: 30 } });
			expect(origin).toMatchObject({ sourceId: "s", sourceName: "Somewhere", isWhole: true, isPart: false });
		} finally {
			source.dispose();
		}
	});

	it("is of one session when that is wanted: counted by the server, and the same from the store", async () => {
		const server = await start();
		const { span, trace } = client(server);
		for (const [session, traces] of [
			["s1", 2],
			["s2", 1],
		] as const) {
			for (let index = 0; index < traces; index++) {
				const id = await trace({ id: `${session}-${index}`, tags: [`session:${session}`] });
				await span({ id: `${id}-call`, trace_id: id, kind: call });
				await span({ id: `${id}-tool`, trace_id: id, kind: { type: "custom", kind: "tool", tool_name: session } });
			}
		}
		const { source, connection } = connectionTo(server.url);
		try {
			await vi.waitFor(() => expect(source.status.isLoaded).toBe(true), soon);
			await vi.waitFor(() => expect(source.store.spanCount).toBe(6), soon);
			const counted = await new SourceOverview(connection).load("all", "s1", signal());
			expect(counted.overview).toMatchObject({ traces: 2, sessions: 1, spans: 4, usage: { calls: 2, costUsd: 0.5 } });
			expect(counted.overview.tools.map(({ tool }) => tool)).toEqual(["s1"]);
			expect(counted.origin).toMatchObject({ sessionId: "s1", isWhole: true });
			// As for a backend that does not count by session.
			const refusing: Pick<Source, "loadOverview" | "loadSessionOverview" | "hasMore"> = {
				hasMore: false,
				loadOverview: (range, given) => source.loadOverview(range, given),
				loadSessionOverview: () => Promise.reject(new SourceError("unsupported", "not by session")),
			};
			const overviews = new SourceOverview({ ...connection, status: source.status, whenSource: async () => refusing });
			const own = await overviews.load("all", "s1", signal());
			expect(own.origin).toMatchObject({ sessionId: "s1", isWhole: false });
			const withoutTexts = ({ newestModelCalls, newestToolCalls, ...sums }: Overview) => sums;
			expect(withoutTexts(own.overview)).toEqual(withoutTexts(counted.overview));
			expect((await overviews.load("all", undefined, signal())).overview).toMatchObject({ traces: 3, sessions: 2 });
			expect((await overviews.load("all", "nobody", signal())).overview).toMatchObject({ spans: 0 });
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
					const { overview, origin } = await overviews.load(range, undefined, signal());
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
		await expect(new SourceOverview(connection).load("1h", undefined, signal())).rejects.toMatchObject({
			reason: "network",
		});
		source.dispose();
	});
});
