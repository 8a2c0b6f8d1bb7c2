import { afterEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { indicatorOf } from "../../src/ui/indicator.ts";
import { TokenStore } from "../../src/ui/secrets.ts";
import { SourceConnection } from "../../src/ui/sources/sourceConnection.ts";
import { TracewayPeer } from "../peers/tracewayPeer.ts";

const WATCHDOG_MS = 2000;

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

function connectTo(url: string): SourceConnection {
	const never = new Promise<never>(() => undefined);
	const connection = new SourceConnection({
		config: { id: "s", name: "test", type: "traceway", url },
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
});
