import { describe, expect, it } from "vitest";
import type { Source } from "../../../src/sources/source.ts";
import { agree, never, type SourceFixture, type SourcePeer } from "./sourceFixture.ts";

/** What a source's capabilities say, held against what it does; a part of `sourceContract.ts`. */
export function describeAbilities(
	fixture: SourceFixture,
	peerNow: () => SourcePeer,
	connected: () => Promise<Source>,
): void {
	describe("does what it says that it can, and refuses the rest in words", () => {
		const refusal = { name: "SourceError", reason: "unsupported", message: expect.stringMatching(/^\S.{8,}/) };

		it("deletions", async () => {
			const peer = peerNow();
			const doomed = await peer.addTrace({ name: "doomed" });
			const cut = await peer.addTrace({ name: "cut" });
			await peer.addTrace({ name: "kept" });
			const source = await connected();
			await agree(source, peer);
			const before = await peer.traces();
			if (!source.capabilities.delete) {
				await expect(source.deleteTrace(doomed.traceId, never)).rejects.toMatchObject(refusal);
				await expect(source.deleteSpan(cut.traceId, cut.spanId, never)).rejects.toMatchObject(refusal);
				await expect(source.clearAll(never)).rejects.toMatchObject(refusal);
				expect(await peer.traces()).toEqual(before);
				await agree(source, peer);
				return;
			}
			await source.deleteTrace(doomed.traceId, never);
			await source.deleteSpan(cut.traceId, cut.spanId, never);
			expect(source.store.entry(doomed.traceId)).toBeUndefined();
			expect(source.store.span(cut.traceId, cut.spanId)).toBeUndefined();
			expect((await peer.traces()).map(({ traceId }) => traceId)).not.toContain(doomed.traceId);
			await agree(source, peer);
			// Deleting what is gone already is no error.
			await source.deleteTrace(doomed.traceId, never);
			await source.clearAll(never);
			expect(await peer.traces()).toEqual([]);
			expect(source.store.traceCount).toBe(0);
		});

		it("sessions", async () => {
			const peer = peerNow();
			if (fixture.isSessionTrace === true) {
				const { traceId } = await peer.addTrace({ name: "alone" });
				const source = await connected();
				expect(await source.listSession(traceId, never)).toEqual([traceId]);
				await expect(source.listSession("nobody", never)).rejects.toMatchObject({ reason: "notFound" });
				expect(source.store.summary(traceId)?.sessionId).toBe(traceId);
				return;
			}
			const first = await peer.addTrace({ name: "question", sessionId: "chat" });
			const second = await peer.addTrace({ name: "answer", sessionId: "chat" });
			await peer.addTrace({ name: "alone", sessionId: "other" });
			const source = await connected();
			if (!source.capabilities.sessions) {
				await expect(source.listSession("chat", never)).rejects.toMatchObject(refusal);
				return;
			}
			expect(await source.listSession("chat", never)).toEqual([first.traceId, second.traceId]);
			await expect(source.listSession("nobody", never)).rejects.toMatchObject({ reason: "notFound" });
			await agree(source, peer);
			expect(source.store.summary(first.traceId)?.sessionId).toBe("chat");
		});

		it("searches in texts", async () => {
			const peer = peerNow();
			const { traceId, spanId, payload } = await peer.addTrace({ name: "needle" });
			await peer.addTrace({ name: "hay" });
			const source = await connected();
			const text = payload.slice(0, 18).trim();
			if (!fixture.hasTextSearch) await expect(source.searchTraces({ text }, never)).rejects.toMatchObject(refusal);
			else expect(await source.searchTraces({ text }, never)).toEqual(new Set([traceId]));
			const hits = source.searchTrace(traceId, { text, isCaseSensitive: true }, never);
			const found = async () => (await everyOf(hits)).flatMap((piece) => piece.spanIds);
			if (!fixture.hasTraceSearch) await expect(found()).rejects.toMatchObject(refusal);
			else expect(new Set(await found())).toEqual(new Set([spanId]));
		});

		it("an overview", async () => {
			const peer = peerNow();
			for (const name of ["one", "two"]) await peer.addTrace({ name });
			const source = await connected();
			if (peer.callCount === undefined) {
				await expect(source.loadOverview("all", never)).rejects.toMatchObject(refusal);
				return;
			}
			const overview = await source.loadOverview("all", never);
			expect(overview).toMatchObject({ usage: { calls: await peer.callCount() } });
			expect(overview.usage.calls).toBeGreaterThan(0);
		});

		it("files", async () => {
			const peer = peerNow();
			const { traceId } = await peer.addTrace({ name: "written" });
			const source = await connected();
			const file = { traceId, format: "traceway" } as const;
			if (!source.capabilities.files) {
				await expect(source.exportTraces(file, never)).rejects.toMatchObject(refusal);
				await expect(source.importTraces(new Uint8Array(new TextEncoder().encode("{}")), never)).rejects.toMatchObject(
					refusal,
				);
				return;
			}
			const bytes = Buffer.concat(await everyOf(await source.exportTraces(file, never)));
			const before = await peer.traces();
			await source.deleteTrace(traceId, never);
			await source.importTraces(new Uint8Array(bytes), never);
			expect(await peer.traces()).toEqual(before);
			await agree(source, peer);
		});
	});
}

async function everyOf<T>(items: AsyncIterable<T>): Promise<T[]> {
	const all: T[] = [];
	for await (const item of items) all.push(item);
	return all;
}
