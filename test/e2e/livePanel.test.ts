import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Api } from "./support/api.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

let server: TestServer;
let api: Api;

const MODEL_CALL = { type: "llm_call", model: "gpt-4o-mini", provider: "openai" };

describe("the live panel", () => {
	const session = useSession(async () => {
		server = await TestServer.start();
		api = server.api;
		return withSource(server.url);
	});

	/** A trace of one completed call. */
	async function completedTrace(name: string, prompt = "What is a heat pump?"): Promise<string> {
		const traceId = await api.trace(name);
		const input = [{ role: "user", content: prompt }];
		const spanId = await api.span(traceId, "call", { kind: MODEL_CALL, input });
		await api.complete(spanId, { kind: { ...MODEL_CALL, input_tokens: 1_000_000, output_tokens: 1_000_000 } });
		return traceId;
	}

	beforeAll(async () => {
		// Nothing but the panel is opened: it alone connects.
		await session().window.run("Traceway: Show Live Panel");
		await session().window.statusBar.waitFor("Live");
	});

	beforeEach(async () => {
		await session().window.closeEditors();
		// What a test that failed has left would fail all others.
		await session().window.live.filter("");
		await api.clear();
		await until("the panel is empty", async () => (await session().window.live.names()).length === 0);
	});

	afterAll(() => server?.dispose());

	it("says that there is nothing yet, and is live", async () => {
		const { live } = session().window;
		await live.waitForText("No traces yet");
		await (await live.button(/^Live\. Click to reconnect/)).waitFor();
		expect(await live.card("Traces")).toBe("0");
		expect(await live.card("Cost")).toBe("–");
	});

	it("shows a trace from its first span to its end, with its numbers, its prompt and the sums", async () => {
		const { live } = session().window;
		const traceId = await api.trace("answer a question");
		const input = [{ role: "user", content: "What is a heat pump?" }];
		const spanId = await api.span(traceId, "call", { kind: MODEL_CALL, input });
		await until("it runs", async () => (await live.cell("answer a question", "status")).endsWith("running"));
		await until("it is counted", async () => (await live.card("Running")) === "1");
		await api.complete(spanId, { kind: { ...MODEL_CALL, input_tokens: 1_000_000, output_tokens: 1_000_000 } });
		await until("it is done", async () => (await live.cell("answer a question", "status")).endsWith("completed"));
		expect(await live.cell("answer a question", "model")).toBe("gpt-4o-mini");
		expect(await live.cell("answer a question", "tokens")).toBe("2M");
		expect(await live.cell("answer a question", "cost")).toBe("$0.75");
		expect(await live.cell("answer a question", "latency")).toMatch(/^\d+(\.\d+)? m?s$/);
		await until(
			"its prompt is there",
			async () => (await live.cell("answer a question", "prompt")) === "What is a heat pump?",
		);
		await completedTrace("another one");
		await until("both are summed up", async () => (await live.card("Cost")) === "$1.50");
		expect(await live.card("Traces")).toBe("2");
		expect(await live.card("Running")).toBe("0");
		expect((await live.names())[0]).toBe("another one");
	});

	it("opens the waterfall of a trace by Enter", async () => {
		const { live, waterfall } = session().window;
		await completedTrace("open me");
		await (await live.row("open me")).click();
		await session().window.page.keyboard.press("Enter");
		await waterfall.waitForSpanCount(1);
		expect(await session().window.tabs()).toContain("open me");
	});

	it("offers the actions of a trace in VS Code's own menu", async () => {
		const { window } = session();
		const { live } = window;
		await completedTrace("goes");
		await completedTrace("stays");
		await (await live.row("goes")).click({ button: "right" });
		await window.page.locator(".monaco-menu .action-item").filter({ hasText: "Copy Trace Id" }).waitFor();
		await window.chooseFromMenu("Delete Trace…");
		await window.notifications.confirm("Delete");
		await until("the row is gone", async () => (await live.names()).join() === "stays");
		await (await live.row("stays")).hover();
		await (await live.row("stays")).getByRole("button", { name: "Actions of the trace" }).click();
		await window.chooseFromMenu("Open Trace");
		await window.waterfall.waitForSpanCount(1);
	});

	it("compares two traces by what came of them", async () => {
		const { window } = session();
		await completedTrace("left trace", "What is a heat pump?");
		await completedTrace("right trace", "What is a boiler?");
		await (await window.live.row("left trace")).click({ button: "right" });
		await window.chooseFromMenu("Mark for Compare");
		await (await window.live.row("right trace")).click({ button: "right" });
		await window.chooseFromMenu("Compare with Marked");
		await until("VS Code's diff is open", async () =>
			(await window.tabs()).some((title) => /^call .+ ↔ call .+ \(Prompt\)$/.test(title)),
		);
	});

	it("keeps what matches a filter, sums that up, and lets new ones in on request", async () => {
		const { live } = session().window;
		await completedTrace("good day");
		await api.fail(await api.span(await api.trace("bad day"), "fails"), "no");
		await until("both are there", async () => (await live.names()).length === 2);
		await live.filter("status:failed");
		await until("one is left", async () => (await live.names()).join() === "bad day");
		expect(await live.card("Traces")).toMatch(/^1 ?of 2$/);
		await api.fail(await api.span(await api.trace("worse day"), "fails"), "no");
		const banner = await live.button("1 new trace");
		await banner.waitFor();
		expect(await live.names()).toEqual(["bad day"]);
		await banner.click();
		await until("it is let in", async () => (await live.names()).join() === "worse day,bad day");
		await live.filter("");
		await until("all are there", async () => (await live.names()).length === 3);
	});

	it("finds by the server what only payloads tell", async () => {
		const { live } = session().window;
		await completedTrace("one", "Tell me about the aardvark.");
		await completedTrace("two", "Tell me about the zebra.");
		await until("both are there", async () => (await live.names()).length === 2);
		await live.filter("input:aardvark");
		await until("one is found", async () => (await live.names()).join() === "one");
		await live.filter("");
		await until("both are back", async () => (await live.names()).length === 2);
	});

	it("stands still while paused, says what waits, also after it was hidden, and catches up", async () => {
		const { window } = session();
		const { live } = window;
		await completedTrace("before");
		await until("it is there", async () => (await live.names()).join() === "before");
		await window.run("Traceway: Pause Live Panel");
		await live.waitForText("Paused");
		await completedTrace("meanwhile");
		await live.waitForText(/1 new trace, \d+ events waiting/);
		expect(await live.names()).toEqual(["before"]);
		await window.run("View: Toggle Panel Visibility");
		await until("it is hidden", async () => (await live.find()) === undefined);
		await window.run("Traceway: Show Live Panel");
		await live.waitForText(/1 new trace, \d+ events waiting/);
		expect(await live.names()).toEqual(["before"]);
		await (await live.button("Resume")).click();
		await until("it catches up", async () => (await live.names()).join() === "meanwhile,before");
	});

	it("shows what came while it was hidden", async () => {
		const { window } = session();
		const { live } = window;
		await completedTrace("seen");
		await until("it is there", async () => (await live.names()).join() === "seen");
		await window.run("View: Toggle Panel Visibility");
		await until("it is hidden", async () => (await live.find()) === undefined);
		await completedTrace("unseen");
		await window.run("Traceway: Show Live Panel");
		await until("both are there", async () => (await live.names()).join() === "unseen,seen");
	});

	it("keeps its rows and says so while the server is away, and goes on when it is back", async () => {
		const { live } = session().window;
		await completedTrace("survives");
		await until("it is there", async () => (await live.names()).join() === "survives");
		await server.kill();
		await (await live.button(/^(Connecting|Disconnected): .*Click to reconnect/)).waitFor();
		expect(await live.names()).toEqual(["survives"]);
		expect(await live.card("Events/s")).toBe("–");
		await server.start();
		await (await live.button(/^Live\. Click to reconnect/)).waitFor();
		await completedTrace("and goes on");
		await until("both are there", async () => (await live.names()).join() === "and goes on,survives");
	});

	it("is arranged after a reload of the window as before", async () => {
		const { window } = session();
		const { live } = window;
		await completedTrace("b");
		await completedTrace("a");
		await until("both are there", async () => (await live.names()).length === 2);
		await (await live.button("Name")).click();
		await (await live.button("Columns")).click();
		await (await live.root()).getByRole("menuitemcheckbox", { name: "Model" }).click();
		await window.page.keyboard.press("Escape");
		await live.filter("name:a");
		await until("one is left", async () => (await live.names()).join() === "a");
		const isKept = async () => {
			const stored = await window.storedState();
			return /hiddenColumns[^\]]*model/.test(stored) && stored.includes("name:a");
		};
		await until("VS Code has kept the arrangement", isKept);
		await window.reload();
		await until("it is filtered", async () => (await live.names()).join() === "a");
		const heads = (await live.root()).locator(".head-cell");
		expect(await heads.evaluateAll((all) => all.map((head) => (head as HTMLElement).dataset.column))).not.toContain(
			"model",
		);
		expect(await (await live.root()).getByRole("columnheader", { name: "Name" }).getAttribute("aria-sort")).toBe(
			"ascending",
		);
		await live.filter("");
		await until("both are back, in order", async () => (await live.names()).join() === "a,b");
	});

	it("violates no content security policy and throws nothing in a page", () => {
		const ours = session().window.consoleErrors.filter((line) => /content security|traceway|webview.*\.js/i.test(line));
		expect(ours).toEqual([]);
	});
});
