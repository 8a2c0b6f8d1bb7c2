import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TraceExplorerPeer } from "../peers/traceExplorerPeer.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { until } from "./support/wait.ts";

describe("several sources at once", () => {
	let near: TestServer;
	let far: TestServer;
	let explorer: TraceExplorerPeer;
	let nearTrace: string;
	const session = useSession(async () => {
		[near, far, explorer] = await Promise.all([TestServer.start(), TestServer.start(), TraceExplorerPeer.start()]);
		return {
			settings: {
				"traceway.sources": [
					{ id: "near", name: "Near", url: near.url },
					{ id: "far", name: "Far", url: far.url },
					{ id: "explorer", name: "Explorer", type: "traceExplorer", url: explorer.url },
				],
			},
		};
	});

	beforeAll(async () => {
		nearTrace = await near.api.trace("near trace");
		await near.api.span(nearTrace, "near root");
		await far.api.trace("far trace");
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		await window.sources.expand();
	});

	afterAll(async () => {
		await near?.dispose();
		await far?.dispose();
		await explorer?.stop();
	});

	it("connects only what is looked at, and offers the rest", async () => {
		const { sources, traces } = session().window;
		await traces.row("near trace").waitFor();
		expect(await sources.names()).toEqual(["Near", "Far", "Explorer", "Mini-Server"]);
		await sources.waitFor("Near", /^Live · 1 trace · 127\.0\.0\.1:\d+$/);
		await sources.waitFor("Far", /^Not connected · /);
		expect(await sources.actions("Far")).toEqual(["Connect"]);
		expect(await sources.actions("Near")).toEqual(["Disconnect"]);
	});

	it("keeps the first one connected when another one is shown, and sums up", async () => {
		const { window } = session();
		await window.traces.click("near trace");
		await window.waterfall.waitForSpanCount(1);
		await window.sources.select("Far");
		await window.traces.row("far trace").waitFor();
		await window.sources.waitFor("Far", /^Live · 1 trace/);
		await window.sources.waitFor("Near", /^Live · 1 trace/);
		await until("the status bar counts both", async () => (await window.statusBar.text()) === "Live · 2");
		expect(await window.statusBar.tooltip()).toMatch(/Near: Live · 1 trace.*Far: Live · 1 trace/s);
		// The waterfall stays with the source that it came from, and goes on.
		await near.api.span(nearTrace, "after the switch");
		await window.waterfall.waitForSpanCount(2);
	});

	it("says which one is in trouble while the other goes on, and tries that one again at a click", async () => {
		const { window } = session();
		await far.kill();
		await window.statusBar.item.filter({ hasText: "Connecting: Far" }).waitFor();
		await window.sources.waitFor("Far", /^(Next try in \d+ s|Connecting) · 1 trace/);
		expect(await window.sources.actions("Far")).toEqual(["Reconnect", "Disconnect"]);
		await window.sources.waitFor("Near", /^Live · /);
		await near.api.span(nearTrace, "while the other is away");
		await window.waterfall.waitForSpanCount(3);
		// What came before stays in view.
		await window.traces.row("far trace").waitFor();
		// The rows have kept their places.
		expect(await window.sources.names()).toEqual(["Near", "Far", "Explorer", "Mini-Server"]);
		await far.start();
		await window.statusBar.click();
		await window.statusBar.item.filter({ hasText: /Live · 2/ }).waitFor();
	});

	it("brings both and the panel back after a reload, and says nothing of the one that was disconnected", async () => {
		const { window } = session();
		await until(
			"the window has stored its panel",
			async () => (await window.storedState()).includes(nearTrace),
			60_000,
		);
		await window.reload();
		await window.openView();
		await window.statusBar.item.filter({ hasText: /Live · 2/ }).waitFor();
		await window.traces.row("far trace").waitFor();
		await window.waterfall.waitForTrace(nearTrace);
		await window.waterfall.waitForSpanCount(3);
		await near.api.span(nearTrace, "after the reload");
		await window.waterfall.waitForSpanCount(4);
		await window.sources.expand();
		await window.sources.run("Near", "Disconnect");
		await window.sources.waitFor("Near", /^Not connected · 1 trace/);
		await until("the status bar counts one", async () => (await window.statusBar.text()) === "Live · 1");
		await until(
			"the window has stored which one is connected",
			async () => /connectedSources\\*":\[\\*"far\\*"\]/.test(await window.storedState()),
			60_000,
		);
		await window.reload();
		await window.openView();
		await window.sources.expand();
		await window.sources.waitFor("Far", /^Live/);
		await window.sources.waitFor("Near", /^Not connected/);
		await window.sources.run("Near", "Connect");
		await window.sources.waitFor("Near", /^Live · 1 trace/);
	});

	it("compares spans of two sources, each read from its own", async () => {
		const { window } = session();
		const [nearId, farId] = [await near.api.trace("asked here"), await far.api.trace("asked there")];
		await near.api.complete(await near.api.span(nearId, "near call", { input: "the same question" }), {
			output: "the near answer",
		});
		await far.api.complete(await far.api.span(farId, "far call", { input: "the same question" }), {
			output: "the far answer",
		});
		await window.sources.select("Near");
		await window.traces.expand("asked here");
		await window.traces.click("near call");
		await window.run("Traceway: Mark for Compare");
		await window.sources.select("Far");
		await window.traces.expand("asked there");
		await window.traces.click("far call");
		await window.run("Traceway: Compare with Marked");
		await until("the diff is open", async () => (await window.tabs()).includes("near call ↔ far call (Output)"));
		await until("it has the answer of each", async () => {
			const text = (await window.page.locator(".monaco-diff-editor").innerText()).replaceAll("\u00a0", " ");
			return text.includes("the near answer") && text.includes("the far answer");
		});
		await window.closeEditors();
	});

	it("offers what the shown one can do only, and says who can where it is wanted all the same", async () => {
		const { window } = session();
		explorer.addSpan("a session", { name: "only to be read" });
		explorer.endSession("a session", { name: "its root" });
		await window.traces.row("far trace").click({ button: "right" });
		const menu = window.page.locator(".monaco-menu .action-item");
		await menu.filter({ hasText: "Delete Trace" }).waitFor();
		await window.page.keyboard.press("Escape");
		await window.sources.select("Explorer");
		await window.sources.waitFor("Explorer", /^Live.* · 1 trace/);
		const row = window.traces.rows.first();
		await until("the tree shows another trace", async () => (await window.traces.row("far trace").count()) === 0);
		await row.click({ button: "right" });
		await menu.filter({ hasText: "Copy Trace Id" }).waitFor();
		expect(await menu.filter({ hasText: "Delete Trace" }).count()).toBe(0);
		expect(await menu.filter({ hasText: "Export" }).count()).toBe(0);
		await window.page.keyboard.press("Escape");
		await window.run("Traceway: Show Live Panel");
		const live = await window.live.root();
		await live.locator(".row").first().click();
		await window.page.keyboard.press("Delete");
		await window.notifications.toast("Explorer (Trace Explorer) cannot delete traces. Near, Far can.").waitFor();
	});
});
