import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

describe("comparing spans", () => {
	let server: TestServer;
	let traceId: string;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});

	async function call(name: string, question: string, answer: string): Promise<void> {
		const kind = { type: "llm_call", model: "gpt-4o" };
		const input = [
			{ role: "system", content: "Answer for the bicycle shop." },
			{ role: "user", content: question },
		];
		await server.api.complete(await server.api.span(traceId, name, { kind, input }), { output: answer });
	}

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		traceId = await server.api.trace("compared");
		await call("draft", "Where is my order?", "On its way.");
		await call("retry", "Where is my order, please?", "It comes on Monday.");
		await call("twin", "Where is my order, please?", "It comes on Monday.");
		await window.traces.expand("compared");
	});

	afterAll(() => server?.dispose());

	const diff = (): Locator => session().window.page.locator(".monaco-diff-editor");
	const side = (name: "original" | "modified"): Promise<string> =>
		diff().locator(`.editor.${name} .view-lines`).innerText();

	async function waitForDiff(title: string): Promise<void> {
		const { window } = session();
		let tabs: readonly string[] = [];
		await until(`a tab says ${title}`, async () => {
			tabs = await window.tabs();
			return tabs.some((tab) => tab.includes(title));
		}).catch((cause) => {
			throw new Error(`no tab says ${title}: ${tabs.join(" | ")}`, { cause });
		});
		await diff().locator(".editor.modified .view-line").first().waitFor();
	}

	it("opens VS Code's diff with the call before, asks what to compare and says what is the same", async () => {
		const { window } = session();
		await window.traces.click("retry");
		await window.spanDetail.waitForText("It comes on Monday.");
		await window.quickInput.runCommand("Traceway: Compare with Previous Call");
		await window.quickInput.row("Output").waitFor();
		expect(await window.quickInput.input.getAttribute("placeholder")).toContain("Compare draft ↔ retry");
		await window.quickInput.row("Prompt").click();
		await waitForDiff("draft ↔ retry (Prompt)");
		await until("both sides are there", async () => {
			const [left, right] = [await side("original"), await side("modified")].map((text) =>
				text.replaceAll("\u00a0", " "),
			);
			return left.includes("Where is my order?") && right.includes("Where is my order, please?");
		});
		await until("the language is Markdown", async () =>
			(await window.page.locator("[id='status.editor.mode']").innerText()).includes("Markdown"),
		);
	});

	it("marks a span, shows that it is marked, and compares another one with it", async () => {
		const { window } = session();
		await window.traces.click("draft");
		await window.spanDetail.waitForText("On its way.");
		await window.quickInput.runCommand("Traceway: Mark for Compare");
		await window.spanDetail.waitForText("Marked for compare");
		await window.traces.waitForRow("draft", "says that it is marked", ({ description }) =>
			description.startsWith("marked"),
		);
		await window.traces.click("twin");
		await window.spanDetail.waitForText("It comes on Monday.");
		expect(await window.spanDetail.text()).not.toContain("Marked for compare");
		await (await window.spanDetail.button("Compare…")).click();
		await window.quickInput.pick("Compare with Marked");
		await window.quickInput.row("Output").click();
		await waitForDiff("draft ↔ twin (Output)");
		await until("the answers are there", async () => (await side("modified")).includes("Monday"));
	});

	it("says that spans are the same instead of opening a diff without differences", async () => {
		const { window } = session();
		await window.traces.click("twin");
		await window.spanDetail.waitForText("It comes on Monday.");
		const before = (await window.tabs()).length;
		await window.quickInput.runCommand("Traceway: Compare with Previous Call");
		await window.notifications.toast(/retry ↔ twin\. The same in both: Prompt, Output/).waitFor();
		expect((await window.tabs()).length).toBe(before);
	});

	it("is in the menu of a row of the waterfall, for the row under the pointer", async () => {
		const { window } = session();
		await window.traces.click("compared");
		await window.waterfall.waitForSpanCount(3);
		await (await window.waterfall.row("retry")).click({ button: "right" });
		await window.chooseFromMenu("Mark for Compare");
		await window.traces.waitForRow("retry", "says that it is marked", ({ description }) =>
			description.startsWith("marked"),
		);
		await window.traces.waitForRow(
			"draft",
			"is not marked any more",
			({ description }) => !description.includes("marked"),
		);
	});

	it("forgets the mark with its trace", async () => {
		const { window } = session();
		await server.api.deleteTrace(traceId);
		await until("the trace is gone", async () => (await window.traces.visible()).length === 0);
		traceId = await server.api.trace("compared");
		await call("draft", "Again?", "Yes.");
		await window.traces.expand("compared");
		await window.traces.click("draft");
		await window.spanDetail.waitForText("Yes.");
		await (await window.spanDetail.button("Compare…")).click();
		await window.quickInput.row("Mark for Compare").waitFor();
		expect(await window.quickInput.row("Compare with Marked").count()).toBe(0);
		await window.quickInput.cancel();
	});
});
