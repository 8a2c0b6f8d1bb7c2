import { afterEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import type { SourceType } from "../../src/sources/source.ts";
import { indicatorOf } from "../../src/ui/indicator.ts";
import { TokenStore } from "../../src/ui/secrets.ts";
import { SourceConnection } from "../../src/ui/sources/sourceConnection.ts";
import { TracewayPeer } from "../peers/tracewayPeer.ts";

const WATCHDOG_MS = 2000;

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

function connectTo(url: string, type: SourceType = "traceway"): SourceConnection {
	const never = new Promise<never>(() => undefined);
	const connection = new SourceConnection({
		config: { id: "s", name: "test", type, url },
		miniServer: undefined,
		tokens: new TokenStore({
			get: async () => undefined,
			keys: async () => [],
			store: () => never,
			delete: () => never,
			onDidChange: () => ({ dispose: () => undefined }),
		}),
		settings: {
			watchdogMs: WATCHDOG_MS,
			reconcileMs: 0,
			maxSpans: 1000,
			isServerAutoStarted: false,
			serverDataDirectory: "",
		},
		memory: {},
		saveMemory: () => undefined,
		logger: silentLogger,
	});
	ends.push(() => connection.dispose());
	connection.connect();
	return connection;
}

describe("the connection of a window", () => {
	it("stays live while heartbeats are all that comes", async () => {
		const peer = await TracewayPeer.start({ dialect: "R", heartbeatMs: 50 });
		ends.push(() => peer.close());
		const connection = connectTo(peer.url);
		await vi.waitFor(() => expect(connection.status).toMatchObject({ state: { name: "open" }, isLoaded: true }));
		const { state } = connection.status;
		const openedAtMs = Date.now();
		// Whoever looks at an old status finds the server silent by then.
		await vi.waitFor(() => expect(connection.status.lastByteAtMs).toBeGreaterThan(openedAtMs + WATCHDOG_MS), 10_000);
		expect(connection.status.state).toBe(state);
		expect(indicatorOf(connection.status, Date.now(), connection.sinceMs)).toBe("live");
	});

	it("fails in words, and nowhere else, when there is no adapter for it", async () => {
		const connection = connectTo("http://127.0.0.1:9", "abacus" as SourceType);
		await vi.waitFor(() => expect(connection.status.state).toMatchObject({ name: "failed", reason: "protocol" }));
		expect(connection.status.state).toMatchObject({ message: 'there is no adapter for "abacus"' });
		await expect(connection.whenSource(new AbortController().signal)).rejects.toThrow(
			"test is not connected: there is",
		);
	});

	it("is not connected by a wish that was taken back before its adapter was there", async () => {
		const peer = await TracewayPeer.start({ dialect: "R" });
		ends.push(() => peer.close());
		const connection = connectTo(peer.url);
		connection.disconnect();
		const source = await connection.whenSource(new AbortController().signal);
		expect(source.status.state).toEqual({ name: "idle" });
		expect(peer.requests).toEqual([]);
		connection.connect();
		await vi.waitFor(() => expect(connection.status.state.name).toBe("open"));
	});

	it("has an adapter for requests without being connected, and says that it is gone once it was removed", async () => {
		const peer = await TracewayPeer.start({ dialect: "R" });
		ends.push(() => peer.close());
		const connection = connectTo(peer.url);
		connection.disconnect();
		const source = await connection.whenSource(new AbortController().signal);
		expect(source.capabilities.delete).toBe(true);
		expect(connection.isWanted).toBe(false);
		connection.dispose();
		expect(connection.status.state).toEqual({ name: "disposed" });
		await expect(connection.whenSource(new AbortController().signal)).rejects.toThrow("test is not connected");
	});
});
