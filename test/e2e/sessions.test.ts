import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendOtlp } from "./support/otlp.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const FIRST = "5e551041000000000000000000000001";
const SECOND = "5e551041000000000000000000000002";
const startMs = Date.now() - 60_000;

describe("a session", () => {
	let server: TestServer;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});
	const waterfall = () => session().window.waterfall;
	const fact = async (text: RegExp) => (await waterfall().root()).locator("header").filter({ hasText: text });

	async function sendSpan(
		traceId: string,
		spanId: string,
		parentSpanId: string | undefined,
		name: string,
		fromMs: number,
		toMs: number,
		more: Readonly<Record<string, string>> = {},
	): Promise<void> {
		const attributes = { "session.id": "ses_chat", ...more };
		await sendOtlp(server.url, [
			{ traceId, spanId, parentSpanId, name, startMs: startMs + fromMs, endMs: startMs + toMs, attributes },
		]);
	}

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		await sendSpan(FIRST, "00000000000000a1", undefined, "first question", 0, 2000);
		await sendSpan(FIRST, "00000000000000a2", "00000000000000a1", "look up", 500, 900);
		await window.run("Traceway: Group Traces By…");
		await window.quickInput.pick("Session");
		await window.traces.waitForRow("ses_chat", "stands for one trace", (row) => row.description.startsWith("1"));
	});

	afterAll(() => server?.dispose());

	it("opens from its row in the tree as one waterfall, and new traces join it", async () => {
		const { traces } = session().window;
		const row = traces.row("ses_chat").first();
		await row.hover();
		await row.getByRole("button", { name: "Open Session" }).click();
		await until("the waterfall is the session's", async () => (await waterfall().title()) === "ses_chat");
		await waterfall().waitForSpanCount(2);
		expect(await (await fact(/1 trace\b/)).count()).toBe(1);
		await sendSpan(SECOND, "00000000000000b1", undefined, "second question", 5000, 6000);
		await waterfall().waitForSpanCount(3);
		await (await fact(/2 traces/)).waitFor();
		await (await waterfall().row("second question")).waitFor();
	});

	it("stays while one looks at spans of its traces", async () => {
		const { spanDetail } = session().window;
		await (await waterfall().row("second question")).click();
		await waterfall().press("Enter");
		await until("its details are open", async () => (await spanDetail.title()) === "second question");
		await (await waterfall().row("look up")).click();
		await until("they follow into another trace", async () => (await spanDetail.title()) === "look up");
		expect(await waterfall().title()).toBe("ses_chat");
	});

	it("is found in the list of sessions, also by what it costs or used", async () => {
		const { window } = session();
		await window.traces.click("second question");
		await until("the waterfall is the trace's", async () => (await waterfall().title()) === "second question");
		await window.run("Traceway: Open Session…");
		await window.quickInput.input.fill("2 traces");
		await window.quickInput.row("ses_chat").click();
		await until("the waterfall is the session's", async () => (await waterfall().title()) === "ses_chat");
		await waterfall().waitForSpanCount(3);
	});

	it("comes back after a reload of the window", async () => {
		const { window } = session();
		const isStored = async () => /sessionId[\\"]+:[\\"]+ses_chat/.test(await window.storedState());
		await until("the window has stored its panel", isStored, 60_000);
		await window.reload();
		await window.statusBar.waitFor("Live");
		await until("the waterfall is the session's", async () => (await waterfall().title()) === "ses_chat");
		await waterfall().waitForSpanCount(3);
	});

	it("shows a root that is awaited, and the real one in its place", async () => {
		const { window } = session();
		// What VS Code itself said while the window was reloaded is not about this.
		const errorsBefore = window.consoleErrors.length;
		const now = Date.now() - startMs;
		const trace = "5e551041000000000000000000000003";
		const rootId = "00000000000000c0";
		const footer = async (text: RegExp) => (await waterfall().root()).locator("footer").filter({ hasText: text });
		await sendSpan(trace, "00000000000000c1", rootId, "first call", now - 3000, now - 2000);
		const placeholder = await waterfall().row("(root still running)");
		await placeholder.waitFor();
		await (await fact(/Live/)).waitFor();
		await placeholder.click();
		await (await footer(/[^.\d]1 s so far/)).waitFor();
		await sendSpan(trace, "00000000000000c2", rootId, "second call", now - 1800, now - 1500);
		await (await footer(/1\.5 s so far/)).waitFor();
		await sendSpan(trace, rootId, undefined, "third question", now - 3000, now - 1000);
		await (await footer(/third question[^.\d]*2 s/)).waitFor();
		await sendSpan(trace, "00000000000000c3", rootId, "late call", now - 1400, now - 1100);
		await (await waterfall().row("late call")).waitFor();
		expect(await placeholder.count()).toBe(0);
		await until("the session is not live any more", async () => (await (await fact(/Live/)).count()) === 0);
		const errors = window.consoleErrors.slice(errorsBefore);
		expect(errors.filter((line) => /traceway|webview.*\.js/i.test(line))).toEqual([]);
	});

	it("leads from a task to the session of the subagent that it started, and back", async () => {
		const { spanDetail } = session().window;
		const sub = { "session.id": "ses_sub" };
		await sendSpan("5e551041000000000000000000000004", "00000000000000d1", undefined, "subagent", 1000, 1500, sub);
		const output = { "tool.name": "task", "output.value": '<task id="ses_sub">\nfound it\n</task>' };
		await sendSpan(FIRST, "00000000000000a3", "00000000000000a1", "delegate", 950, 1600, output);
		const task = await waterfall().row("delegate");
		await task.click();
		// Details and waterfall share a place: each is opened over the other.
		await waterfall().press("Enter");
		await (await spanDetail.button("Open session ses_sub")).click();
		await until("the waterfall is the subagent's", async () => (await waterfall().title()) === "ses_sub");
		await (await waterfall().row("subagent")).click();
		await waterfall().press("Enter");
		await (await spanDetail.button("Started by delegate")).click();
		await until("the waterfall is the first session's", async () => (await waterfall().title()) === "ses_chat");
		await waterfall().waitForSelected("00000000000000a3");
	});

	it("is found in the list, and opens, also when its traces are older than all that a window reads", async () => {
		const { window } = session();
		const old = { "session.id": "ses_old" };
		const hour = 3_600_000;
		await sendSpan(
			"01d00000000000000000000000000001",
			"00000000000000e1",
			undefined,
			"long ago",
			-hour,
			-hour + 700,
			old,
		);
		await sendSpan(
			"01d00000000000000000000000000002",
			"00000000000000e2",
			undefined,
			"after that",
			-hour + 900,
			1500 - hour,
			old,
		);
		// A window reads the newest 500.
		const newer = Array.from({ length: 510 }, (_, index) => ({
			traceId: `f${index.toString(16).padStart(31, "0")}`,
			spanId: `f${index.toString(16).padStart(15, "0")}`,
			name: "newer",
			startMs: startMs + index,
			endMs: startMs + index + 5,
		}));
		await sendOtlp(server.url, newer);
		await window.reload();
		await window.statusBar.waitFor("Live");
		await window.run("Traceway: Open Session…");
		await window.quickInput.input.fill("ses_old");
		const row = window.quickInput.row("ses_old");
		await until("the server has told of it", async () => (await row.innerText()).includes("2 traces"));
		await row.click();
		await until("the waterfall is the session's", async () => (await waterfall().title()) === "ses_old");
		await waterfall().waitForSpanCount(2);
	});

	it("has an overview of its own, also from the list", async () => {
		const { window } = session();
		await window.run("Traceway: Open Session…");
		await window.quickInput.input.fill("ses_old");
		const row = window.quickInput.row("ses_old");
		await row.hover();
		await row.getByRole("button", { name: "Open Overview of Session" }).click();
		await window.overview.waitForCard("Traces", "2");
		const page = await window.overview.root();
		expect(await page.locator(".session").innerText()).toContain("ses_old");
		await page.getByRole("button", { name: "Show all sessions" }).click();
		await window.overview.waitForCard("Traces", /^51\d/);
	});
});
