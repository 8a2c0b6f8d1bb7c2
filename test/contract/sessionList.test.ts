import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { type SessionQuery, type Source, SourceError } from "../../src/sources/source.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { TracewayPeer } from "../peers/tracewayPeer.ts";
import { client, start } from "./support/testServer.ts";

const never = new AbortController().signal;
const DAY_MS = 86_400_000;
const NOW_MS = Date.parse("2026-03-06T12:00:00Z");

function source(url: string): Source {
	return createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
	});
}

describe("the sessions that a server lists", () => {
	it("come sorted and sifted, with sums over traces that are not here", async () => {
		const server = await start();
		const api = client(server);
		// Session n: n traces, each a day older than the session before, of 10 * n tokens.
		for (let session = 1; session <= 4; session++) {
			for (let trace = 0; trace < session; trace++) {
				const startMs = NOW_MS - session * DAY_MS + trace * 1000;
				const id = await api.span({
					trace_id: `t${session}-${trace}`,
					session_id: `chat-${session}`,
					kind: { type: "llm_call", model: "m", input_tokens: 6 * session, output_tokens: 4 * session, cost: 0.1 },
					started_at: new Date(startMs).toISOString(),
				});
				const end = { ended_at: new Date(startMs + 500).toISOString() };
				if (session === 2 && trace === 0) await api.post(`/spans/${id}/fail`, { error: "no", ...end });
				else if (session !== 1) await api.post(`/spans/${id}/complete`, end);
			}
		}
		const own = source(server.url);
		try {
			const list = (query: Partial<SessionQuery> = {}) =>
				own.listSessions({ sort: "recent", sinceMs: undefined, search: "", limit: 100, ...query }, never);
			const ids = async (query?: Partial<SessionQuery>) => (await list(query)).map(({ sessionId }) => sessionId);
			expect(await ids()).toEqual(["chat-1", "chat-2", "chat-3", "chat-4"]);
			expect(await ids({ sort: "tokens" })).toEqual(["chat-4", "chat-3", "chat-2", "chat-1"]);
			expect(await ids({ sort: "duration", limit: 2 })).toEqual(["chat-4", "chat-3"]);
			expect(await ids({ sinceMs: NOW_MS - 2.5 * DAY_MS })).toEqual(["chat-1", "chat-2"]);
			expect(await ids({ search: "CHAT-3" })).toEqual(["chat-3"]);
			const [running, failed, third] = await list();
			expect([running.state, running.isOpen, running.traceCount]).toEqual(["running", true, 1]);
			expect([failed.state, failed.failedTraces, failed.isOpen]).toEqual(["failed", 1, false]);
			expect(third).toMatchObject({
				inputTokens: 54,
				outputTokens: 36,
				costUsd: 0.3,
				start: { ms: NOW_MS - 3 * DAY_MS },
			});
			expect(third.lastTime?.ms).toBe(NOW_MS - 3 * DAY_MS + 2500);
		} finally {
			own.dispose();
		}
	});

	it.each(["R", "D"] as const)("are not listed by a server of dialect %s, which says so", async (dialect) => {
		const peer = await TracewayPeer.start({ dialect });
		const own = source(peer.url);
		try {
			const query = { sort: "recent", sinceMs: undefined, search: "", limit: 10 } as const;
			const error = await own.listSessions(query, never).catch((reason: unknown) => reason);
			expect(error).toBeInstanceOf(SourceError);
			expect(["unsupported", "notFound"]).toContain((error as SourceError).reason);
		} finally {
			own.dispose();
			await peer.close();
		}
	});
});
