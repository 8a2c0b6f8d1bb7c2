import { afterEach, expect, vi } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import type { Source, SourceConfig, SourceOptions } from "../../../src/sources/source.ts";
import { createTracellmSource } from "../../../src/sources/tracellm/tracellmSource.ts";
import { TracellmPeer, type TracellmPeerOptions } from "../../peers/tracellmPeer.ts";

/** Sources of type `tracellm` and their peers, ended after each test. */

export const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

export const soon = { timeout: 15_000, interval: 10 };
export const signal = new AbortController().signal;

export async function startPeer(options: TracellmPeerOptions = {}): Promise<TracellmPeer> {
	const peer = await TracellmPeer.start(options);
	ends.push(() => peer.stop());
	return peer;
}

export function makeSource(
	url: string,
	options: Partial<SourceOptions> & { settings?: SourceConfig["options"]; filter?: SourceConfig["filter"] } = {},
): Source {
	const { settings, filter, ...rest } = options;
	const source = createTracellmSource({
		config: { id: "s", name: "test", type: "tracellm", url, filter, options: { refreshSeconds: 0.25, ...settings } },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		minBackoffMs: 20,
		...rest,
	});
	ends.push(() => source.dispose());
	return source;
}

export function connected(source: Source): Promise<void> {
	source.connect();
	return loaded(source);
}

export async function loaded(source: Source): Promise<void> {
	await vi.waitFor(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }), soon);
}

export async function has(source: Source, traceIds: readonly string[]): Promise<void> {
	await vi.waitFor(() => expect(idsOf(source)).toEqual([...traceIds].sort()), soon);
}

/** Waits as long as another source takes for some readings of its own server: a clock for what must not happen. */
export async function readings(count: number): Promise<void> {
	const peer = await startPeer();
	makeSource(peer.url).connect();
	await vi.waitFor(() => expect(peer.requests.length).toBeGreaterThan(count), soon);
}

export function idsOf(source: Source): string[] {
	return [...source.store.entries()].map((entry) => entry.traceId).sort();
}

/** Waits until the store has each trace of the peer once, with its spans. */
export async function agree(source: Source, peer: TracellmPeer): Promise<void> {
	await vi.waitFor(() => {
		const shown = [...source.store.entries()].map((entry) => [entry.traceId, entry.rows.length]);
		const saved = [...peer.traces.values()].map((trace) => [trace.trace_id, trace.steps.length + 1]);
		expect(shown.sort()).toEqual(saved.sort());
	}, soon);
}
