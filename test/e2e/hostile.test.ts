import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

/**
 * What hostileText.test.ts does for our own pages, for the parts that VS Code draws of what we hand it: tooltips, titles,
 * lists and editors.
 */
const SCRIPT = "globalThis.__wasRun = true";
const LINES = 50_000;

/** Five megabytes with a beginning and an end to look for. */
const BIG = [
	"<script>first line</script>",
	...Array.from(
		{ length: LINES },
		(_, line) => `${String(line).padStart(6, "0")} ${"all work and no play ".repeat(4)}`,
	),
	"<b>last line</b>",
].join("\n");

describe("hostile text in the parts of VS Code", () => {
	let server: TestServer;
	/** Whoever asks it for a picture or follows a link has been tricked. */
	let bait: Server;
	const baited: string[] = [];
	const dialogs: string[] = [];
	let name = "";
	const session = useSession(async () => {
		server = await TestServer.start();
		bait = createServer((request, response) => {
			baited.push(request.url ?? "");
			response.end();
		});
		bait.listen(0, "127.0.0.1");
		await once(bait, "listening");
		return withSource(server.url);
	});

	beforeAll(async () => {
		const { window } = session();
		const { api } = server;
		window.page.on("dialog", (dialog) => {
			dialogs.push(dialog.message());
			void dialog.dismiss();
		});
		const at = `http://127.0.0.1:${(bait.address() as AddressInfo).port}`;
		name = `$(zap) [go](command:workbench.action.closeSidebar) ![i](${at}/a.png) <img src=${at}/b.png onerror="${SCRIPT}"> ${at}/c &lt;b&gt; \u202egnp.exe\u202c \0`;
		const traceId = await api.trace(`one ${name}`);
		const spanId = await api.span(traceId, `span ${name}`, { input: { [name]: name } });
		await api.fail(spanId, `error ${name}\nsecond line`);
		// Nothing runs: a row that is drawn anew each second closes its tooltip.
		await api.complete(await api.span(traceId, "big", { kind: { type: "llm_call", model: "m" }, input: BIG }));
		await api.complete(await api.span(await api.trace("two"), "harmless"));
		await window.openView();
		await window.traces.row(/^one /).waitFor();
	});

	afterAll(async () => {
		await new Promise((resolve) => bait?.close(resolve));
		await server?.dispose();
	});

	it("is text in the list that asks for a trace", async () => {
		const { quickInput } = session().window;
		// Nothing is selected yet.
		await session().window.run("Traceway: Open Trace");
		const row = quickInput.widget.locator(".monaco-list-row").filter({ hasText: "one " });
		await row.waitFor();
		expect(await row.textContent()).toContain("$(zap) [go](command:");
		expect(await row.locator(".codicon-zap, a[href], img").count()).toBe(0);
		await quickInput.cancel();
	});

	it("is text in the tooltips of traces and spans", async () => {
		const { page, traces } = session().window;
		await traces.waitForRow(/^one /, "is done", ({ icon }) => icon === "error");
		await traces.expand(/^one /);
		const hover = page.locator(".workbench-hover-container .monaco-hover");
		for (const [label, told] of [
			[/^one /, "Started"],
			[/^span /, "Kind"],
		] as const) {
			await page.mouse.move(700, 400);
			await hover.waitFor({ state: "hidden" });
			await traces.row(label).hover();
			await hover.filter({ hasText: told }).waitFor();
			const text = ((await hover.textContent()) ?? "").replaceAll("\u00a0", " ");
			expect(text).toContain("$(zap) [go](command:workbench.action.closeSidebar) ![i](http://127");
			expect(text).toContain("<img src=");
			expect(text).toContain("&lt;b&gt;");
			expect(text).not.toMatch(/[\0\u202e]/);
			expect(await hover.locator("a, img, .codicon-zap").count()).toBe(0);
		}
		await page.mouse.move(700, 400);
	});

	it("is text in the titles of the panels", async () => {
		const { window } = session();
		await window.traces.click(/^one /);
		await window.waterfall.waitForSpanCount(2);
		await window.traces.click(/^span /);
		await window.spanDetail.waitForText("second line");
		const titles = await window.tabs();
		expect(titles).toHaveLength(2);
		for (const title of titles) expect(title).toMatch(/^(one|span) \$\(zap\) \[go\]\(command:/);
		expect(await window.page.locator(".tab .codicon-zap, .tab img[src*='127.0.0.1']").count()).toBe(0);
	});

	it("is text in the editor that shows an error whole", async () => {
		const { window } = session();
		await (await window.spanDetail.button("Open Error in editor")).first().click();
		const lines = window.page.locator(".editor-instance .monaco-editor .view-line");
		await lines.filter({ hasText: "second line" }).waitFor();
		const text = (await lines.allTextContents()).join("\n").replaceAll("\u00a0", " ");
		expect(text).toContain("error $(zap) [go](command:workbench.action.closeSidebar)");
		expect(text).toContain(`onerror="${SCRIPT}"`);
		// It stands over the details and leaves the waterfall in view.
		expect(await window.waterfall.find()).toBeDefined();
		// The editor keeps what it is given and shows directions as marks of its own.
		expect(await window.page.locator(".editor-instance .monaco-editor img").count()).toBe(0);
	});

	it("is there whole in an editor when it has five megabytes", async () => {
		const { window } = session();
		const { page } = window;
		await window.traces.click("big");
		await until("the details are of it", async () => (await window.spanDetail.title()) === "big");
		await (await window.spanDetail.button("Open Input in editor")).first().click();
		const lines = page.locator(".editor-instance .monaco-editor .view-line");
		await lines.filter({ hasText: "<script>first line</script>" }).waitFor({ timeout: 60_000 });
		await lines.filter({ hasText: "<script>first line</script>" }).click();
		await page.keyboard.press("Control+End");
		await lines.filter({ hasText: "<b>last line</b>" }).waitFor();
		await page.keyboard.press("Control+A");
		const selection = page.locator('.statusbar-item[id="status.editor.selection"]');
		await selection.filter({ hasText: `(${BIG.length} selected)` }).waitFor();
	});

	it("has run nothing, fetched nothing and asked nothing, and the next trace opens", async () => {
		const { window } = session();
		await window.closeEditors();
		await window.traces.click("two");
		await window.waterfall.waitForSpanCount(1);
		await window.traces.expand("two");
		await window.traces.click("harmless");
		await until("its details are shown", async () => (await window.spanDetail.title()) === "harmless");
		for (const frame of window.page.frames()) {
			expect(await frame.evaluate(() => "__wasRun" in globalThis).catch(() => false)).toBe(false);
		}
		expect(await window.traces.pane.isVisible()).toBe(true);
		expect(dialogs).toEqual([]);
		expect(baited).toEqual([]);
		expect(window.consoleErrors.filter((line) => /content security/i.test(line))).toEqual([]);
	});
});
