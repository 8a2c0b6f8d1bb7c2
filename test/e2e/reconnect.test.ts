import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FaultProxy } from "../peers/faultProxy.ts";
import { expectAgreement } from "./support/agreement.ts";
import { Load } from "./support/load.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const LOAD = { spansPerSecond: 1000, spansPerTrace: 400 };
/** A test reads every span of tree and waterfall by scrolling. */
const SLOW_MS = 240_000;

let server: TestServer;
let proxy: FaultProxy;

/** Spans that arrived since `from`. */
async function waitForLoad(load: Load, spans: number): Promise<void> {
	const wanted = load.count + spans;
	await until(`${spans} more spans are acknowledged`, () => load.count >= wanted, 30_000);
}

describe("a connection that breaks", () => {
	const session = useSession(async () => {
		server = await TestServer.start();
		proxy = await FaultProxy.start(() => server.url);
		return withSource(proxy.url);
	});

	beforeAll(async () => {
		await session().window.openView();
		await session().window.statusBar.waitFor("Live");
	});

	beforeEach(async () => {
		await session().window.closeEditors();
		await session().window.statusBar.waitFor("Live");
		await server.api.clear();
		await until("the tree is empty", async () => (await session().window.traces.rows.count()) === 0);
	});

	afterAll(async () => {
		await proxy?.dispose();
		await server?.dispose();
	});

	it(
		"leaves Live when the server is killed under load, comes back by itself, and then agrees span by span",
		async () => {
			const { window } = session();
			const load = new Load({ port: server.port, ...LOAD });
			load.start();
			await waitForLoad(load, 1500);
			await server.kill("SIGKILL");
			const killedAt = performance.now();
			await window.statusBar.waitUntilNot("Live", 5000);
			console.log(`the indicator left Live ${Math.round(performance.now() - killedAt)} ms after the kill`);
			await server.start();
			await window.statusBar.waitFor("Live", 40_000);
			await waitForLoad(load, 800);
			await load.stop();
			await expectAgreement(window, server.api, load.acknowledged);
		},
		SLOW_MS,
	);

	it(
		"misses nothing when it alone loses its connection while spans arrive",
		async () => {
			const { window } = session();
			const load = new Load({ port: server.port, ...LOAD });
			load.start();
			await waitForLoad(load, 600);
			for (let cut = 0; cut < 2; cut++) {
				await proxy.set({ type: "refused" });
				await window.statusBar.waitUntilNot("Live", 5000);
				await waitForLoad(load, 300);
				await proxy.set(undefined);
				await window.statusBar.waitFor("Live", 40_000);
				await waitForLoad(load, 300);
			}
			await load.stop();
			await expectAgreement(window, server.api, load.acknowledged);
			expect(await window.statusBar.tooltip()).toMatch(/[1-9]\d* replayed/);
		},
		SLOW_MS,
	);

	it(
		"takes a snapshot when the server's event log was deleted meanwhile, and drops what is gone",
		async () => {
			const { window } = session();
			const { api } = server;
			const kept = await api.trace("kept");
			await api.complete(await api.span(kept, "kept span"));
			const lost = await api.trace("lost");
			await api.span(lost, "lost span");
			await window.traces.row("lost").waitFor();
			await proxy.set({ type: "refused" });
			await window.statusBar.waitUntilNot("Live", 5000);
			await api.deleteTrace(lost);
			const added = await api.trace("added");
			for (let number = 0; number < 50; number++) await api.complete(await api.span(added, `new ${number}`));
			await server.kill();
			deleteEvents(server.dataDir);
			await server.start();
			await proxy.set(undefined);
			await window.statusBar.waitFor("Live", 40_000);
			await until("the deleted trace is gone", async () => (await window.traces.row("lost").count()) === 0);
			await expectAgreement(window, api);
			// The stream goes on from there.
			await api.span(added, "after it all");
			await window.traces.waitForRow("added", "runs again", ({ icon }) => icon.endsWith("~spin"));
		},
		SLOW_MS,
	);
});

/** As if the server's event log had been pruned to nothing: what clients know as their position is not in it any more. */
function deleteEvents(dataDir: string): void {
	const database = new DatabaseSync(join(dataDir, "traces.db"));
	database.exec("DELETE FROM events");
	database.close();
}
