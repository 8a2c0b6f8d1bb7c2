import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Api } from "./support/api.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

let server: TestServer;
let api: Api;

const MODEL_CALL = { type: "llm_call", model: "gpt-4o-mini", provider: "openai" };

/** Red, green and blue of a CSS colour. */
function rgb(color: string): number[] {
	return (color.match(/\d+(\.\d+)?/g) ?? []).slice(0, 3).map(Number);
}

function isReddish(color: string): boolean {
	const [red = 0, green = 0, blue = 0] = rgb(color);
	return red > green + 60 && red > blue + 60;
}

describe("traces of a running program", () => {
	const session = useSession(async () => {
		server = await TestServer.start();
		api = server.api;
		return withSource(server.url);
	});

	beforeAll(async () => {
		await session().window.openView();
		await session().window.statusBar.waitFor("Live");
	});

	// Before and not after: a failed test's picture shows what it left.
	beforeEach(async () => {
		await session().window.closeEditors();
		await api.clear();
		await until("the tree is empty", async () => (await session().window.traces.rows.count()) === 0);
	});

	afterAll(() => server?.dispose());

	it("says in the tree and the status bar that there is nothing yet at a server of one's own", async () => {
		await session().window.traces.welcome.getByText("This source has no traces yet").waitFor();
		expect(await session().window.statusBar.text()).toBe("Live");
	});

	it("shows a posted trace with a turning icon while a span of it runs", async () => {
		const { traces, statusBar } = session().window;
		const traceId = await api.trace("answer a question");
		await api.span(traceId, "call the model", { kind: MODEL_CALL });
		const row = await traces.waitForRow("answer a question", "turns", ({ icon }) => icon.endsWith("~spin"));
		expect(row.level).toBe(1);
		expect(row.ariaLabel).toContain("running");
		await until("the status bar counts it", async () => (await statusBar.text()) === "Live · 1");
	});

	it("lets the duration of a running trace grow", async () => {
		const { traces } = session().window;
		await api.span(await api.trace("still at work"), "wait");
		const first = await traces.waitForRow("still at work", "has a duration", ({ description }) =>
			/\d s/.test(description),
		);
		await traces.waitForRow("still at work", "has grown", ({ description }) => description !== first.description);
	});

	it("fills tokens, cost and duration when the span completes", async () => {
		const { traces } = session().window;
		const traceId = await api.trace("answer with numbers");
		const spanId = await api.span(traceId, "call the model", { kind: MODEL_CALL });
		await traces.waitForRow("answer with numbers", "runs", ({ icon }) => icon.endsWith("~spin"));
		// 1,000,000 tokens each way of gpt-4o-mini cost 0.15 and 0.60 dollars.
		await api.complete(spanId, { kind: { ...MODEL_CALL, input_tokens: 1_000_000, output_tokens: 1_000_000 } });
		const done = await traces.waitForRow("answer with numbers", "is done", ({ icon }) => icon === "pass");
		expect(done.description).toMatch(/\d+(\.\d+)? m?s/);
		expect(done.description).toMatch(/2(\.0+)?M|2,000,000|2 ?000 ?000/);
		expect(done.description).toContain("$0.75");
	});

	it("turns a trace red when a span fails, and shows the error text in the tree and in the details", async () => {
		const { window } = session();
		const traceId = await api.trace("ask in vain");
		const spanId = await api.span(traceId, "call the model", { kind: MODEL_CALL });
		await api.fail(spanId, "the model is overloaded");
		const trace = await window.traces.waitForRow("ask in vain", "failed", ({ icon }) => icon === "error");
		expect(isReddish(trace.iconColor)).toBe(true);
		await window.traces.expand("ask in vain");
		const span = await window.traces.waitForRow("call the model", "failed", ({ icon }) => icon === "error");
		expect(span.description).toContain("the model is overloaded");
		await window.traces.click("call the model");
		expect(await window.spanDetail.status()).toBe("Failed");
		await (await window.spanDetail.error()).getByText("the model is overloaded").first().waitFor();
	});

	it("follows a span in the open details and waterfall from running to completed", async () => {
		const { window } = session();
		const traceId = await api.trace("watch me");
		const rootId = await api.span(traceId, "agent");
		const spanId = await api.span(traceId, "call the model", {
			kind: MODEL_CALL,
			parent_id: rootId,
			input: [{ role: "user", content: "What is a heat pump?" }],
		});
		await window.traces.click("watch me");
		await window.waterfall.waitForSpanCount(2);
		await window.traces.expand("watch me");
		await window.traces.expand("agent");
		await window.traces.click("call the model");
		expect(await window.spanDetail.status()).toBe("Running");
		await window.waterfall.waitForSelected(spanId);
		await api.complete(spanId, {
			kind: { ...MODEL_CALL, input_tokens: 1200, output_tokens: 80 },
			output: { role: "assistant", content: "A fridge, turned around." },
		});
		await until("the details tell the end", async () => (await window.spanDetail.status()) === "Completed");
		await window.spanDetail.waitForText("A fridge, turned around.");
		expect(await window.spanDetail.chip("Input tokens")).toMatch(/1[,.]?2/);
		await until("the waterfall tells it too", async () => {
			const spans = await window.waterfall.spans();
			return spans.find(({ id }) => id === spanId)?.state === "completed";
		});
	});

	it("shows a span that arrives in an open waterfall under its parent", async () => {
		const { window } = session();
		const traceId = await api.trace("grow");
		const rootId = await api.span(traceId, "root");
		await window.traces.click("grow");
		await window.waterfall.waitForSpanCount(1);
		await api.span(traceId, "late child", { parent_id: rootId });
		const row = await window.waterfall.row("late child");
		await row.waitFor();
		expect(await row.getAttribute("aria-level")).toBe("2");
	});

	it("removes a trace that is deleted by REST from the tree and from open panels", async () => {
		const { window } = session();
		await api.span(await api.trace("stays"), "one");
		const traceId = await api.trace("goes");
		await api.span(traceId, "last words");
		await window.traces.click("goes");
		await window.waterfall.waitForSpanCount(1);
		await window.traces.expand("goes");
		await window.traces.click("last words");
		await window.spanDetail.waitForText("last words");
		await api.deleteTrace(traceId);
		await until("the row is gone", async () => (await window.traces.row("goes").count()) === 0);
		await window.waterfall.waitForText("This trace was deleted");
		await window.spanDetail.waitForText("This span is gone");
		expect(await window.traces.row("stays").count()).toBe(1);
	});

	it("removes a span that is deleted by REST from the tree, the waterfall and the open details", async () => {
		const { window } = session();
		const traceId = await api.trace("loses one");
		const rootId = await api.span(traceId, "kept");
		const spanId = await api.span(traceId, "dropped", { parent_id: rootId });
		await window.traces.click("loses one");
		await window.waterfall.waitForSpanCount(2);
		await window.traces.expand("loses one");
		await window.traces.expand("kept");
		await window.traces.click("dropped");
		await window.spanDetail.waitForText("dropped");
		await api.deleteSpan(spanId);
		await window.waterfall.waitForSpanCount(1);
		await window.spanDetail.waitForText("This span is gone");
		await until("its row is gone", async () => (await window.traces.row("dropped").count()) === 0);
	});

	it("empties tree and panels when all traces are cleared", async () => {
		const { window } = session();
		for (const name of ["first", "second"]) await api.span(await api.trace(name), `span of ${name}`);
		await window.traces.click("first");
		await window.waterfall.waitForSpanCount(1);
		await window.traces.expand("first");
		await window.traces.click("span of first");
		await window.spanDetail.waitForText("span of first");
		await api.clear();
		await until("the tree is empty", async () => (await window.traces.rows.count()) === 0);
		await window.waterfall.waitForText("All traces were cleared");
		await window.spanDetail.waitForText("This span is gone");
		await window.traces.welcome.getByText("This source has no traces yet").waitFor();
	});

	it("deletes a trace from its context menu after asking", async () => {
		const { window } = session();
		const traceId = await api.trace("delete me");
		await api.span(traceId, "one");
		await window.traces.click("delete me");
		await window.run("Traceway: Delete Trace…");
		await window.notifications.confirm("Delete");
		await until("the row is gone", async () => (await window.traces.row("delete me").count()) === 0);
		expect(await api.traces()).toEqual([]);
	});

	it("keeps only what matches a filter, and points at the column of a mistake", async () => {
		const { window } = session();
		await api.fail(await api.span(await api.trace("bad day"), "fails"), "no");
		await api.complete(await api.span(await api.trace("good day"), "works"));
		await window.traces.waitForRow("good day", "is done", ({ icon }) => icon === "pass");
		await window.run("Traceway: Filter Traces…");
		await window.quickInput.input.fill('status:failed name:"');
		await until("the mistake is told", async () => /Column \d+/.test(await window.quickInput.message()));
		await window.quickInput.type("status:failed");
		await until("one row is left", async () => (await window.traces.visible()).length === 1);
		expect((await window.traces.visible())[0]?.label).toBe("bad day");
		await window.run("Traceway: Clear Filter");
		await until("both are back", async () => (await window.traces.visible()).length === 2);
	});

	it("goes on showing what matches a filter while traces arrive without a pause", async () => {
		const { window } = session();
		await window.run("Traceway: Filter Traces…");
		await window.quickInput.input.fill("status:completed");
		await window.quickInput.type("status:completed");
		let isOver = false;
		const arriving = (async () => {
			for (let count = 1; !isOver; count++)
				await api.complete(await api.span(await api.trace(`arrival ${count}`), "s"));
		})();
		try {
			const highest = async () => {
				const labels = (await window.traces.visible()).map(({ label }) => Number(label.replace("arrival ", "")));
				return Math.max(0, ...labels);
			};
			let last = await until("the first ones are shown", async () => (await highest()) || undefined);
			// Once could be luck: VS Code shows nothing while refreshes of the view follow each other too closely.
			for (let turn = 0; turn < 15; turn++) {
				last = await until(
					`later ones than ${last} are shown`,
					async () => {
						const now = await highest();
						return now > last && now;
					},
					2000,
				);
			}
		} finally {
			isOver = true;
			await arriving;
			await window.run("Traceway: Clear Filter");
		}
	});

	it("groups traces by session, with what each session took", async () => {
		const { window } = session();
		const kind = { ...MODEL_CALL, input_tokens: 1_000_000, output_tokens: 1_000_000 };
		const first = await api.trace("talk one", ["session:morning"]);
		await api.complete(await api.span(first, "ask", { kind }));
		const second = await api.trace("talk two", ["session:morning"]);
		const asked = await api.span(second, "ask again", { kind });
		await api.trace("on its own");
		await until("all are there", async () => (await window.traces.visible()).length === 3);
		await window.run("Traceway: Group Traces By…");
		await window.quickInput.pick("Session");
		await window.traces.waitForRow(
			"morning",
			"sums up",
			({ description }) => description === "2 · 1 running · 4M tok · $1.50",
		);
		await api.complete(asked);
		await window.traces.waitForRow("morning", "has ended", ({ description }) => description === "2 · 4M tok · $1.50");
		await window.run("Traceway: Group Traces By…");
		await window.quickInput.pick("None");
		await until("the groups are gone", async () => (await window.traces.row("morning").count()) === 0);
	});

	it("counts traces that failed since the view was last looked at on the activity bar", async () => {
		const { window } = session();
		await window.closeSideBar();
		await api.fail(await api.span(await api.trace("unseen"), "fails"), "no");
		await until("the badge says 1", async () => (await window.badge()) === 1);
		await window.openView();
		await until("the badge is gone", async () => (await window.badge()) === undefined);
	});

	it("violates no content security policy and throws nothing in a page", () => {
		const ours = session().window.consoleErrors.filter((line) => /content security|traceway|webview.*\.js/i.test(line));
		expect(ours).toEqual([]);
	});
});
