import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

describe("a tool call in the details of the model call that made it", () => {
	let server: TestServer;
	let traceId: string;
	let planId: string;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		traceId = await server.api.trace("tooled");
		planId = await server.api.span(traceId, "plan", {
			kind: { type: "llm_call", model: "gpt-4o" },
			input: [{ role: "user", content: "Where is order 4711?" }],
		});
		await window.traces.expand("tooled");
		await window.traces.click("plan");
		await window.spanDetail.waitForText("Where is order 4711?");
	});

	afterAll(() => server?.dispose());

	it("leads to the tool's span as soon as it runs, and says how it ended", async () => {
		const { spanDetail } = session().window;
		const call = { id: "call_1", type: "function", function: { name: "look_up", arguments: '{"order":4711}' } };
		await server.api.complete(planId, { output: { role: "assistant", tool_calls: [call] } });
		await spanDetail.waitForText("calls look_up");
		const run = (await spanDetail.root()).locator(".run");
		expect(await run.count()).toBe(0);
		const toolId = await server.api.span(traceId, "look_up", {
			kind: { type: "custom", kind: "tool_call", attributes: { "gen_ai.tool.call.id": "call_1" } },
			input: { order: 4711 },
		});
		await run.filter({ hasText: "Running" }).waitFor();
		await server.api.complete(toolId, { output: { eta: "Monday" } });
		await until("the link says that the tool has completed", async () =>
			/look_up, Completed, /.test((await run.getAttribute("aria-label")) ?? ""),
		);
	});

	it("leads there and back by the keyboard", async () => {
		const { spanDetail } = session().window;
		await (await spanDetail.root()).locator(".run").press("Enter");
		await until("the tool is shown", async () => (await spanDetail.title()) === "look_up");
		const back = await spanDetail.button("Asked for by plan");
		await back.waitFor();
		await back.press("Enter");
		await until("the call is shown", async () => (await spanDetail.title()) === "plan");
	});
});
