import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { SOURCE_NAME, withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const llm = {
	type: "llm_call",
	model: "gpt-4o",
	provider: "openai",
	input_tokens: 1000,
	output_tokens: 100,
	cost: 0.25,
};

describe("the overview", () => {
	let server: TestServer;
	let callId: string;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});

	beforeAll(async () => {
		const traceId = await server.api.trace("seen in sum", ["session:one"]);
		const input = [{ role: "user", content: "How much was it?" }];
		callId = await server.api.span(traceId, "ask", { kind: llm, input });
		await server.api.complete(callId);
		const tool = await server.api.span(traceId, "look", {
			kind: { type: "custom", kind: "tool_call", tool_name: "search", attributes: {} },
		});
		await server.api.fail(tool, "nothing found");
	});

	afterAll(() => server?.dispose());

	it("shows what the server counts, and follows what happens", async () => {
		const { window } = session();
		await window.run("Traceway: Open Overview");
		const { overview } = window;
		await overview.waitForCard("Cost", "$0.25");
		await overview.waitForCard("Model Calls", "1");
		await overview.waitForCard("Tool Calls", /^1\n0 % succeeded/);
		await overview.waitForText(SOURCE_NAME);
		await overview.waitForText("How much was it?");
		await overview.waitForText("nothing found");
		const traceId = await server.api.trace("more");
		await server.api.complete(await server.api.span(traceId, "again", { kind: llm }));
		await overview.waitForCard("Cost", "$0.50");
		await overview.waitForCard("Tokens", "2,200");
		await overview.waitForCard("Traces", "2");
	});

	it("leads from a call to its span in the waterfall", async () => {
		const { window } = session();
		const rows = await window.overview.rows("modelCalls");
		await rows.filter({ hasText: "How much was it?" }).locator("button").click();
		await window.waterfall.waitForSelected(callId);
	});

	it("comes back after a reload of the window, with its range", async () => {
		const { window } = session();
		await window.run("Traceway: Open Overview");
		await window.overview.selectRange("7 d");
		await window.overview.waitForCard("Cost", "$0.50");
		const isStored = async () => /range[\\"]+:[\\"]+7d/.test(await window.storedState());
		await until("the window has stored its panel", isStored, 60_000);
		await window.reload();
		await window.overview.waitForCard("Cost", "$0.50");
		expect(await window.overview.selectedRange()).toBe("7 d");
		expect(window.consoleErrors.filter((line) => line.includes("Content Security Policy"))).toEqual([]);
	});
});
