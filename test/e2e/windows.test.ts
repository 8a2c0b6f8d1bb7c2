import { describe, expect, it } from "vitest";
import type { Window } from "./pages/window.ts";
import { Api } from "./support/api.ts";
import { Load } from "./support/load.ts";
import { useSession } from "./support/session.ts";
import { until } from "./support/wait.ts";

/** Fewer than the tree shows without "Load more", so that every one of them can be looked for. */
const LOAD_TRACES = 300;
const TRACES_PER_SECOND = 50;

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		// ESRCH: there is no such process any more.
		return false;
	}
}

/** What a window says to know: its status bar's tooltip counts traces and spans. */
async function known(window: Window): Promise<{ readonly traces: number; readonly spans: number }> {
	const [, traces, spans] = /Here: ([\d,]+) traces, ([\d,]+) spans/.exec(await window.statusBar.tooltip()) ?? [];
	return { traces: Number(traces?.replaceAll(",", "")), spans: Number(spans?.replaceAll(",", "")) };
}

describe("windows of one profile", () => {
	const session = useSession();

	/** The mini-server that the windows share. */
	async function server() {
		return await until("the mini-server runs", () => session().workbench.miniServer(), 30_000);
	}

	it("lose no trace while one reloads, and it brings back its waterfall with the selection", async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live", 30_000);
		const { url } = await server();
		const api = new Api(url);
		const traceId = await api.trace("kept");
		const rootId = await api.span(traceId, "root");
		const spanIds = [rootId];
		for (let number = 0; number < 20; number++) {
			spanIds.push(await api.span(traceId, `child ${number}`, { parent_id: rootId }));
		}
		await window.traces.click("kept");
		await window.waterfall.waitForSpanCount(spanIds.length);
		const selected = spanIds[13] as string;
		await (await window.waterfall.row("child 12")).click();
		await window.waterfall.waitForSelected(selected);
		await until("the window has stored its panel", async () => (await window.storedState()).includes(selected), 60_000);

		const load = new Load({ port: Number(new URL(url).port), spansPerSecond: TRACES_PER_SECOND, spansPerTrace: 1 });
		load.start();
		await until("traces arrive", () => load.count >= TRACES_PER_SECOND / 2);
		const before = load.count;
		const reloading = window.reload();
		await until("traces arrive while the window is away", () => load.count >= LOAD_TRACES, 60_000);
		await reloading;
		await load.stop();
		expect(before).toBeLessThan(LOAD_TRACES);

		await window.openView();
		await window.statusBar.waitFor("Live", 60_000);
		const { trace_count: traces, span_count: spans } = await api.stats();
		expect(traces).toBeGreaterThan(LOAD_TRACES);
		expect(traces).toBeLessThanOrEqual(500);
		await until("the window knows what the server has", async () => {
			const now = await known(window);
			return now.traces === traces && now.spans === spans;
		});
		const names = (await api.traces()).map(({ name }) => name);
		const rows = await window.traces.readAll();
		expect(
			rows
				.filter(({ level }) => level === 1)
				.map(({ label }) => label)
				.sort(),
		).toEqual(names.sort());

		expect(await window.waterfall.traceId()).toBe(traceId);
		await window.waterfall.waitForSpanCount(spanIds.length);
		await window.waterfall.waitForSelected(selected);
		// It is no picture of the past: what arrives now is shown.
		await api.span(traceId, "after the reload", { parent_id: rootId });
		await window.waterfall.waitForSpanCount(spanIds.length + 1);
	});

	it("share one mini-server, which stays when the window that started it closes", async () => {
		const first = session().window;
		const { pid, url } = await server();
		const second = await session().openWindow();
		await second.openView();
		await second.statusBar.waitFor("Live", 60_000);
		expect((await server()).pid).toBe(pid);
		const api = new Api(url);
		// The newest stand at the top.
		for (const window of [first, second]) await window.traces.scrollToTop();
		await api.trace("seen by both");
		for (const window of [first, second]) {
			await until("the new trace is there", async () => (await window.traces.row("seen by both").count()) === 1);
		}
		const hosts = await session().workbench.extensionHostPids();
		await session().closeWindow(first);
		await until("its extension host has ended", async () => {
			const now = await session().workbench.extensionHostPids();
			return now.length === hosts.length - 1;
		});
		await api.trace("seen by the one that is left");
		await until(
			"the new trace is there",
			async () => (await second.traces.row("seen by the one that is left").count()) === 1,
		);
		expect(await second.statusBar.text()).toMatch(/^Live/);
		expect((await server()).pid).toBe(pid);
		expect(isAlive(pid)).toBe(true);
	});

	it("end the mini-server within 90 seconds of the last one's end", { timeout: 240_000 }, async () => {
		const { pid } = await server();
		await session().closeWindow(session().window);
		await until("no extension host is left", async () => (await session().workbench.extensionHostPids()).length === 0);
		await until("the mini-server has ended by itself", () => !isAlive(pid), 90_000);
		expect(await session().workbench.miniServer()).toBeUndefined();
	});
});
