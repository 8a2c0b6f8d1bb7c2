import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { CloudgridPeer } from "../peers/cloudgridPeer.ts";
import { agree, loaded, makeSource, never, soon } from "./support/cloudgridRig.ts";

/** One thing that happens, to the trace of that number among those that are there. */
interface Step {
	readonly what: (typeof THINGS)[number];
	readonly which: number;
}

const THINGS = ["add", "grow", "end", "open", "lose", "repeat", "settle", "cut", "cutAndDelete", "restart"] as const;
/** What breaks the connection is rare, or nothing would ever be seen live. */
const weighted = THINGS.map((what, index) => ({ weight: index < 7 ? 6 : 1, arbitrary: fc.constant(what) }));
const steps = fc.array(fc.record({ what: fc.oneof(...weighted), which: fc.nat(50) }), { minLength: 5, maxLength: 40 });

it("shows what the server has after whatever happened to it, to its traces and to the connection", async () => {
	await fc.assert(
		fc.asyncProperty(steps, async (happened) => {
			const peer = await CloudgridPeer.start();
			const source = makeSource(peer.url, { minBackoffMs: 2 });
			try {
				for (let index = 0; index < 3; index++) peer.addTrace();
				source.connect();
				await loaded(source);
				const settle = async () => {
					peer.losesEvents = false;
					// The first event of a subscription may have been lost, too: the next one opens it, and shows what else was.
					await vi.waitFor(() => {
						peer.beat();
						expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true });
					}, soon);
				};
				for (const step of happened) {
					if (step.what === "settle") await settle();
					else await happen(peer, step, (traceId) => source.loadTrace(traceId, never));
				}
				await settle();
				await agree(source, peer);
				await vi.waitFor(() => expect(spansOf(source)).toEqual(spansThere(source, peer)), soon);
				expect(source.status.undecodable).toBe(0);
			} finally {
				source.dispose();
				await peer.stop();
			}
		}),
		{ numRuns: 15 },
	);
});

async function happen(
	peer: CloudgridPeer,
	{ what, which }: Step,
	open: (traceId: string) => Promise<void>,
): Promise<void> {
	const ids = [...peer.traces.keys()];
	const traceId = ids[which % Math.max(1, ids.length)];
	switch (what) {
		case "add":
			peer.addTrace({ spans: [{ name: `run ${which}` }] });
			return;
		case "grow":
			// What has failed has ended.
			if (traceId !== undefined)
				peer.addSpan(traceId, which % 3 === 0 ? { status: "error", endNs: 1_900_000_000_000_000_000n } : {});
			return;
		case "end": {
			const running = [...(peer.traces.get(traceId ?? "")?.spans.values() ?? [])].find(
				(span) => span.endNs === undefined,
			);
			if (running !== undefined) peer.endSpan(traceId, running.id);
			return;
		}
		case "open":
			// It may have been deleted just now, and the server may be away.
			if (traceId !== undefined) await open(traceId).catch(() => undefined);
			return;
		case "lose":
			peer.losesEvents = true;
			return;
		case "repeat":
			peer.repeatsEvents = which % 2 === 0;
			return;
		case "cut":
			peer.dropSockets();
			return;
		case "cutAndDelete":
			peer.dropSockets();
			peer.deleteTrace(traceId);
			return;
		case "restart":
			await peer.stop();
			peer.silently(() => (traceId === undefined ? peer.addTrace() : peer.addSpan(traceId)));
			await peer.start();
	}
}

/** Spans of the traces that were opened, as they are shown. */
function spansOf({ store }: ReturnType<typeof makeSource>): string[] {
	return [...store.entries()]
		.flatMap(({ traceId, rows }) =>
			rows.map((row) => `${traceId} ${store.spanAt(row).spanId} ${store.spanAt(row).state}`),
		)
		.sort();
}

/** The same as the server has them. */
function spansThere({ store }: ReturnType<typeof makeSource>, peer: CloudgridPeer): string[] {
	const opened = [...store.entries()].filter((entry) => entry.rows.length > 0);
	const spans = opened.flatMap(({ traceId }) =>
		[...(peer.traces.get(traceId)?.spans.values() ?? [])].map((span) => ({ traceId, span })),
	);
	return spans
		.map(({ traceId, span: { id, endNs, status } }) => {
			const state = endNs === undefined ? "running" : status === "error" ? "failed" : "completed";
			return `${traceId} ${id} ${state}`;
		})
		.sort();
}
