import { afterEach, expect, vi } from "vitest";
import type { Logger } from "../../../src/base/logger.ts";
import { type CloudgridSource, createCloudgridSource } from "../../../src/sources/cloudgrid/cloudgridSource.ts";
import type { SourceConfig, SourceOptions } from "../../../src/sources/source.ts";
import { CloudgridPeer, type CloudgridPeerOptions } from "../../peers/cloudgridPeer.ts";

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

export async function startPeer(options?: CloudgridPeerOptions): Promise<CloudgridPeer> {
	const peer = await CloudgridPeer.start(options);
	ends.push(() => peer.stop());
	return peer;
}

/** Lines of every log and text of every state, in order: what nobody may find a token in. */
export interface SeenTexts {
	readonly lines: string[];
	readonly states: string[];
}

type MadeOptions = Partial<SourceOptions> & { readonly options?: SourceConfig["options"]; readonly token?: string };

export function makeSource(url: string, made: MadeOptions = {}): CloudgridSource & { readonly seen: SeenTexts } {
	const { options, token, ...rest } = made;
	const seen: SeenTexts = { lines: [], states: [] };
	const note = (line: string) => void seen.lines.push(line);
	const logger: Logger = { error: note, warn: note, info: note, debug: note };
	const source = createCloudgridSource({
		config: { id: "s", name: "test", type: "cloudgrid", url, options },
		logger,
		fetch: globalThis.fetch,
		getToken: async () => token,
		minBackoffMs: 10,
		...rest,
	});
	source.onDidChangeStatus((status) => {
		seen.states.push(status.state.name);
		seen.lines.push(JSON.stringify(status));
	});
	ends.push(() => source.dispose());
	return Object.assign(source, { seen });
}

export const soon = { timeout: 10_000, interval: 5 };

export async function loaded(source: CloudgridSource): Promise<void> {
	await vi.waitFor(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }), soon);
}

/** What the store shows of each trace, and what the peer has of it, in the same words. */
export function rowsOf(source: CloudgridSource): string[] {
	const rows = [...source.store.entries()].map(({ traceId }) => {
		const summary = source.store.summary(traceId);
		return row(traceId, summary?.name, summary?.state, summary?.spanCount, summary?.failedCount);
	});
	return rows.sort();
}

export function rowsOfPeer(peer: CloudgridPeer, project = "default"): string[] {
	const traces = [...peer.traces.values()].filter((trace) => trace.project === project);
	const rows = traces.map(({ id, spans: byId }) => {
		const spans = [...byId.values()];
		const failed = spans.filter((span) => span.status === "error").length;
		const isRunning = spans.some((span) => span.endNs === undefined);
		const root = spans.find((span) => span.parentSpanId === null);
		return row(id, root?.name ?? id, failed > 0 ? "failed" : isRunning ? "running" : "completed", spans.length, failed);
	});
	return rows.sort();
}

function row(...parts: unknown[]): string {
	return parts.join(" | ");
}

/** Waits until the store shows exactly what the server has. */
export async function agree(source: CloudgridSource, peer: CloudgridPeer): Promise<void> {
	await vi.waitFor(() => expect(rowsOf(source)).toEqual(rowsOfPeer(peer)), soon);
}

export const never = new AbortController().signal;
