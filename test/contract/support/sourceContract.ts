import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Source, SourceOptions } from "../../../src/sources/source.ts";
import { connectionText, indicatorOf } from "../../../src/ui/indicator.ts";
import { describeAbilities } from "./sourceAbilities.ts";
import {
	agree,
	differences,
	loaded,
	type MadeSource,
	makeSource,
	never,
	open,
	plain,
	type SourceFixture,
	type SourcePeer,
	shownIds,
	until,
} from "./sourceFixture.ts";

const RECONNECTS = 200;

/** Idle connections that the runtime's pool keeps for the next request to an address, each with its two ends in this process. */
const POOLED_SOCKETS = 16;

/** The behaviours that every kind of source has: one list, run for each of them against its own backend. */
export function describeSource(fixture: SourceFixture): void {
	describe(`a source of ${fixture.label}`, () => {
		const ends: (() => Promise<void> | void)[] = [];
		let peer: SourcePeer;

		beforeEach(async () => {
			peer = await fixture.start();
			ends.push(() => peer.close());
		});
		afterEach(async () => {
			for (const end of ends.splice(0).reverse()) await end();
		});

		async function make(options: Partial<SourceOptions> = {}): Promise<MadeSource> {
			const made = await makeSource(fixture, peer.url, options);
			ends.push(() => made.source.dispose());
			return made;
		}

		async function connected(options: Partial<SourceOptions> = {}): Promise<Source> {
			const { source } = await make(options);
			source.connect();
			await loaded(source);
			return source;
		}

		describe("connects", () => {
			it("and shows what the backend has", async () => {
				for (const name of ["first", "second", "third"]) await peer.addTrace({ name });
				const { source, told } = await make();
				expect(source.status).toMatchObject({ state: { name: "idle" }, isLoaded: false });
				source.connect();
				await loaded(source);
				await agree(source, peer);
				expect(source.status).toMatchObject({ requestError: undefined, undecodable: 0 });
				expect(indicatorOf(source.status, Date.now(), 0)).toBe("live");
				const states = told.map((status) => JSON.parse(status).state.name);
				expect(new Set(states)).toEqual(new Set(["connecting", "open"]));
			});

			it("to a backend that has nothing yet", async () => {
				const source = await connected();
				expect(source.store.traceCount).toBe(0);
				expect(source.hasMore).toBe(false);
			});

			it("and does nothing more when it is told to again", async () => {
				const source = await connected();
				const { state } = source.status;
				source.connect();
				source.hurry();
				expect(source.status.state).toBe(state);
			});
		});

		describe("follows live", () => {
			it("a trace that begins", async () => {
				await peer.addTrace({ name: "old" });
				const source = await connected();
				const { traceId } = await peer.addTrace({ name: "new" });
				await until(() => expect(source.store.entry(traceId)).toBeDefined());
				await agree(source, peer);
			});

			it("what is added to a trace that is open", async (test) => {
				if (peer.addSpan === undefined) return test.skip("its traces arrive whole");
				const { traceId } = await peer.addTrace({ name: "growing" });
				const source = await connected();
				await until(() => expect(source.store.entry(traceId)).toBeDefined());
				await open(source, traceId);
				const added = [await peer.addSpan(traceId), await peer.addSpan(traceId)];
				for (const spanId of added) await until(() => expect(source.store.span(traceId, spanId)).toBeDefined());
				const wanted = await peer.traces();
				await until(() => expect(differences(source, wanted)).toEqual([]));
			});

			it("a span from its start to its end", async (test) => {
				if (peer.startSpan === undefined || peer.endSpan === undefined)
					return test.skip("it tells of ended spans only");
				const { traceId } = await peer.addTrace({ name: "running" });
				const source = await connected();
				await until(() => expect(source.store.entry(traceId)).toBeDefined());
				await open(source, traceId);
				const spanId = await peer.startSpan(traceId);
				await until(() => expect(source.store.span(traceId, spanId)?.state).toBe("running"));
				await until(() => expect(source.store.summary(traceId)).toMatchObject({ state: "running", runningCount: 1 }));
				await peer.endSpan(traceId, spanId);
				await until(() => expect(source.store.span(traceId, spanId)?.state).toBe("completed"));
				expect(source.store.summary(traceId)).toMatchObject({ state: "completed", runningCount: 0 });
			});

			it("a trace that goes", async (test) => {
				if (peer.removeTrace === undefined) return test.skip("nothing tells that a trace is gone");
				const gone = await peer.addTrace({ name: "gone" });
				const kept = await peer.addTrace({ name: "kept" });
				const source = await connected();
				await until(() => expect(source.store.traceCount).toBe(2));
				await peer.removeTrace(gone.traceId);
				await source.refresh(never);
				expect(shownIds(source)).toEqual([kept.traceId]);
			});
		});

		describe("outlives its backend", () => {
			it("says that it waits and why, and comes back with what it missed, nothing twice", async () => {
				const { traceId } = await peer.addTrace({ name: "before" });
				const gone = await peer.addTrace({ name: "gone meanwhile" });
				const source = await connected();
				await agree(source, peer);
				await peer.kill();
				await until(() => expect(source.status.state.name).toBe("waiting"));
				const { state } = source.status;
				if (state.name !== "waiting") throw new Error("it waited just now");
				expect(["network", "ended", "timeout", "stale"]).toContain(state.reason);
				expect(state.message).not.toBe("");
				const words = connectionText(source.status, indicatorOf(source.status, Date.now(), 0), Date.now(), plain);
				expect(words).toMatch(/server\b.*Next try in \d+ s$/);
				expect(shownIds(source)).toEqual([traceId, gone.traceId].sort());

				await peer.addTrace({ name: "while it was away" });
				await peer.addSpan?.(traceId);
				await peer.removeTrace?.(gone.traceId);
				await peer.revive();
				await loaded(source);
				await agree(source, peer);
				await peer.addTrace({ name: "after" });
				await agree(source, peer);
				expect(source.status).toMatchObject({ state: { name: "open" }, requestError: undefined });
			});

			it("once and again", async () => {
				const source = await connected();
				for (let round = 0; round < 3; round++) {
					await peer.kill();
					await until(() => expect(source.status.state.name).toBe("waiting"));
					await peer.addTrace({ name: `round ${round}` });
					await peer.revive();
					await loaded(source);
					await agree(source, peer);
				}
			});

			it("that is away from the beginning", async () => {
				await peer.addTrace({ name: "there all along" });
				await peer.kill();
				const { source } = await make();
				source.connect();
				await until(() => expect(source.status).toMatchObject({ state: { name: "waiting" }, isLoaded: false }));
				await peer.revive();
				await loaded(source);
				await agree(source, peer);
			});

			it("and shows no longer what is not there when it comes back empty", async (test) => {
				if (peer.removeTrace === undefined) return test.skip("nothing tells that a trace is gone");
				for (const name of ["a", "b"]) await peer.addTrace({ name });
				const source = await connected();
				await agree(source, peer);
				await peer.kill();
				for (const { traceId } of await peer.traces()) await peer.removeTrace(traceId);
				await peer.addTrace({ name: "new world" });
				await peer.revive();
				await agree(source, peer);
			});
		});

		describe("reads", () => {
			it("a trace with all its spans", async () => {
				const { traceId } = await peer.addTrace({ name: "whole" });
				const source = await connected();
				await source.loadTrace(traceId, never);
				expect(source.store.entry(traceId)?.isWhole).toBe(true);
				expect(differences(source, await peer.traces())).toEqual([]);
			});

			it("nothing for a trace and a span that are not there, and says so", async () => {
				const { traceId } = await peer.addTrace({ name: "other" });
				const source = await connected();
				const unknown = traceId.replace(/.$/, (end) => (end === "0" ? "1" : "0"));
				await expect(source.loadTrace(unknown, never)).rejects.toMatchObject({ reason: "notFound" });
				await expect(source.loadSpan(traceId, "00f067aa0ba902b7", never)).rejects.toMatchObject({ reason: "notFound" });
				expect(source.status.requestError).toBeUndefined();
			});

			it("a span with its payload, also before its trace was opened, and not beyond the bound that was asked for", async () => {
				const { traceId, spanId, payload } = await peer.addTrace({ name: "payload" });
				const source = await connected();
				const detail = await source.loadSpan(traceId, spanId, never);
				expect(detail.summary).toMatchObject({ traceId, spanId, state: "completed" });
				expect(JSON.stringify([detail.raw, detail.input, detail.output, detail.attributes])).toContain(payload);
				await source.loadTrace(traceId, never);
				expect((await source.loadSpan(traceId, spanId, never)).summary).toEqual(source.store.span(traceId, spanId));
				await expect(source.loadSpan(traceId, spanId, never, 100)).rejects.toMatchObject({ reason: "tooLarge" });
			});

			it("no more once nobody wants it", async () => {
				const { traceId, spanId } = await peer.addTrace({ name: "unwanted" });
				const source = await connected();
				const aborted = AbortSignal.abort();
				await expect(source.loadTrace(traceId, aborted)).rejects.toMatchObject({ name: "AbortError" });
				await expect(source.loadSpan(traceId, spanId, aborted)).rejects.toMatchObject({ name: "AbortError" });
				await expect(source.refresh(aborted)).rejects.toMatchObject({ name: "AbortError" });
				expect(source.status.requestError).toBeUndefined();
			});

			it("everything anew when asked to", async () => {
				const source = await connected();
				const { traceId } = await peer.addTrace({ name: "asked for" });
				await source.refresh(never);
				expect(source.store.entry(traceId)).toBeDefined();
				await agree(source, peer);
			});

			it("older traces page by page", async () => {
				for (let number = 0; number < 7; number++) await peer.addTrace({ name: `trace ${number}` });
				const source = await connected({ snapshotTraces: 2 });
				for (let page = 0; source.hasMore && page < 20; page++) await source.loadMore(never);
				expect(await source.loadMore(never)).toBe(false);
				await agree(source, peer);
			});

			it("says what failed when the backend is away", async () => {
				const { traceId } = await peer.addTrace({ name: "away" });
				const source = await connected();
				await peer.kill();
				const error = await source.loadTrace(traceId, never).catch((reason: unknown) => reason);
				expect(error).toMatchObject({ name: "SourceError", reason: expect.stringMatching(/network|timeout|ended/) });
				await expect(source.refresh(never)).rejects.toMatchObject({ name: "SourceError" });
				expect(source.status.requestError ?? "").not.toBe("");
			});
		});

		describeAbilities(fixture, () => peer, connected);

		describe("ends", () => {
			it("when it is told to, and begins again", async () => {
				await peer.addTrace({ name: "before" });
				const source = await connected();
				await agree(source, peer);
				source.disconnect();
				expect(source.status.state).toEqual({ name: "idle" });
				await peer.addTrace({ name: "unseen" });
				source.hurry();
				expect(source.status.state).toEqual({ name: "idle" });
				source.connect();
				await agree(source, peer);
				source.disconnect();
				source.reconnect();
				await loaded(source);
				await agree(source, peer);
			});

			it("for good, in whatever state, and leaves no timer and no socket", async () => {
				const { traceId } = await peer.addTrace({ name: "open" });
				const before = { timers: resources("Timeout"), sockets: resources("TCPSocketWrap") };
				for (const stage of ["idle", "connecting", "open", "reading", "waiting"]) {
					const { source } = await make();
					if (stage !== "idle") source.connect();
					if (stage !== "idle" && stage !== "connecting") await loaded(source);
					const reading = stage === "reading" ? source.loadTrace(traceId, never) : undefined;
					const outcome = reading?.catch((error: unknown) => error);
					if (stage === "waiting") {
						await peer.kill();
						await until(() => expect(source.status.state.name).toBe("waiting"));
					}
					source.dispose();
					source.dispose();
					expect(source.status.state.name).toBe("disposed");
					if (stage === "reading") expect(await outcome).toMatchObject({ name: "AbortError" });
					source.connect();
					source.reconnect();
					expect(source.status.state.name).toBe("disposed");
					await noMoreTimersThan(before.timers);
				}
				await peer.revive();
				await until(() => expect(resources("TCPSocketWrap") - before.sockets).toBeLessThanOrEqual(POOLED_SOCKETS));
			});

			it(`and begins ${RECONNECTS} times, and nothing is left of it`, async () => {
				await peer.addTrace({ name: "steady" });
				const before = { timers: resources("Timeout"), sockets: resources("TCPSocketWrap") };
				const warnings: Error[] = [];
				const note = (warning: Error) => void warnings.push(warning);
				process.on("warning", note);
				ends.push(() => void process.off("warning", note));
				const source = await connected();
				for (let round = 0; round < RECONNECTS; round++) {
					source.reconnect();
					// Half of them are cut off before they have begun.
					if (round % 2 === 0) await until(() => expect(source.status.state.name).toBe("open"));
				}
				await loaded(source);
				await agree(source, peer);
				source.dispose();
				await noMoreTimersThan(before.timers);
				await until(() => expect(resources("TCPSocketWrap") - before.sockets).toBeLessThanOrEqual(POOLED_SOCKETS));
				expect(warnings).toEqual([]);
			});
		});

		it("says a token to its backend only", async () => {
			const token = "tw_sk_SECRET_0123";
			let given: string | undefined = token;
			await peer.setToken?.(token);
			const { traceId } = await peer.addTrace({ name: "private" });
			const { source, lines, told } = await make({ getToken: async () => given });
			source.connect();
			await loaded(source);
			await agree(source, peer);
			const errors = [await source.loadTrace(`${traceId}0`, never).catch(String)];
			if (peer.setToken !== undefined) {
				given = `${token}_WRONG`;
				source.reconnect();
				await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "unauthorized" }));
				errors.push(await source.loadTrace(traceId, never).catch(String));
				given = token;
				source.reconnect();
				await loaded(source);
				await agree(source, peer);
			}
			await peer.kill();
			await until(() => expect(source.status.state.name).toBe("waiting"));
			errors.push(await source.refresh(never).then(String, String));
			const said = JSON.stringify([lines, told, errors, source.status]);
			expect(said).not.toContain("SECRET");
			expect(said).not.toContain(Buffer.from(token).toString("base64").slice(0, 12));
		});
	});
}

/** How many of a kind keep this process busy. */
function resources(kind: "Timeout" | "TCPSocketWrap"): number {
	return process.getActiveResourcesInfo().filter((name) => name === kind).length;
}

/** Waits without a timer of its own, until there are not more than so many. */
async function noMoreTimersThan(count: number): Promise<void> {
	const deadlineMs = Date.now() + 10_000;
	while (resources("Timeout") > count) {
		if (Date.now() > deadlineMs) throw new Error(`${resources("Timeout")} timers run, ${count} did before`);
		await new Promise((resolve) => setImmediate(resolve));
	}
}
