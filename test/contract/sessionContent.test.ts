import { describe, expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { SourceError } from "../../src/sources/source.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { SessionContent } from "../../src/ui/panels/sessionContent.ts";
import { client, start } from "./support/testServer.ts";

/** A session as a panel opens it, on a source that has read nothing yet. */
function open(url: string, sessionId: string) {
	const source = createTracewaySource({
		config: { id: "s", name: "test", type: "traceway", url },
		logger: silentLogger,
		fetch,
		getToken: async () => undefined,
	});
	const content = new SessionContent(source.store, sessionId, Date.now);
	source.store.onDidChange((changes) => content.change(changes));
	onTestFinished(() => {
		content.dispose();
		source.dispose();
	});
	return { source, content, signal: new AbortController().signal };
}

describe("opening a session", () => {
	it("reads the traces of it that are not here", async () => {
		const server = await start();
		const api = client(server);
		await api.trace({ id: "t1", tags: ["session:chat / 1"] });
		for (const traceId of ["t1", "t2"]) {
			const session = traceId === "t1" ? {} : { session_id: "chat / 1" };
			const root = await api.span({ trace_id: traceId, id: `${traceId}-root`, ...session });
			await api.span({ trace_id: traceId, id: `${traceId}-leaf`, parent_id: root });
		}
		await api.span({ trace_id: "t3", id: "t3-root", session_id: "another" });
		const { source, content, signal } = open(server.url, "chat / 1");
		await content.load(source, signal);
		expect([...content.traceIds].sort()).toEqual(["t1", "t2"]);
		expect(content.rowCount).toBe(4);
		expect(content.wantsLoad).toBe(false);
	});

	it("says that there is no such session", async () => {
		const server = await start();
		const { source, content, signal } = open(server.url, "nobody");
		await expect(content.load(source, signal)).rejects.toMatchObject({ reason: "notFound" });
	});

	it("ends by its signal", async () => {
		const server = await start();
		const { source, content } = open(server.url, "any");
		const abort = new AbortController();
		abort.abort();
		await expect(content.load(source, abort.signal)).rejects.not.toBeInstanceOf(SourceError);
	});
});
