import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

describe("the search in a trace", () => {
	let server: TestServer;
	let traceId: string;
	const ids: string[] = [];
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});
	const waterfall = () => session().window.waterfall;

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		traceId = await server.api.trace("searched");
		for (const [name, input] of [
			["first", "nothing of interest"],
			["second", "a Heffalump, in a payload"],
			["third", { deep: { down: "one more heffalump" } }],
		] as const) {
			ids.push(await server.api.span(traceId, name, { input }));
		}
		for (const id of ids) await server.api.complete(id);
		await window.traces.click("searched");
		await waterfall().waitForSpanCount(3);
	});

	afterAll(() => server?.dispose());

	it("finds payloads, which only the server has, by VS Code's key, and steps through them", async () => {
		const frame = await waterfall().frame();
		const field = frame.getByRole("textbox", { name: "Text to find" });
		// The first press may come before VS Code knows of the focus.
		await until("Ctrl+F opens the search", async () => {
			await waterfall().press("Control+f");
			return await field.isVisible();
		});
		await field.fill("HEFFALUMP");
		const count = frame.locator(".find-count");
		await until("both are found", async () => (await count.textContent()) === "? of 2");
		await field.press("Enter");
		await waterfall().waitForSelected(ids[1]);
		await field.press("Enter");
		await waterfall().waitForSelected(ids[2]);
		expect(await count.textContent()).toBe("2 of 2");
	});

	it("finds what arrives while it is open", async () => {
		const frame = await waterfall().frame();
		const count = frame.locator(".find-count");
		const late = await server.api.span(traceId, "late");
		await waterfall().waitForSpanCount(4);
		await server.api.complete(late, { output: "the last heffalump" });
		await until("the third is found", async () => /of 3$/.test((await count.textContent()) ?? ""));
	});

	it("closes by Escape, and is a letter's command in the tree", async () => {
		const frame = await waterfall().frame();
		const widget = frame.getByRole("search");
		await frame.getByRole("textbox", { name: "Text to find" }).press("Escape");
		await widget.waitFor({ state: "hidden" });
		await until("/ opens the search again", async () => {
			if (!(await widget.isVisible())) await waterfall().press("/");
			return await widget.isVisible();
		});
		expect(await frame.getByRole("textbox", { name: "Text to find" }).inputValue()).toBe("HEFFALUMP");
	});
});
