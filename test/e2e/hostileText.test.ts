import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

/** Sets a global wherever it should run as what it looks like. */
const SCRIPT = "globalThis.__wasRun = true";
const HTML = `<img src=x onerror="${SCRIPT}"><script>${SCRIPT}</script>`;
const MARKDOWN = "$(zap) [go](command:workbench.action.closeSidebar) ![i](http://127.0.0.1:9/i.png)";
const ANSI = "\u001b[31mred\u001b[0m\u001b]8;;http://127.0.0.1:9\u0007link\u001b]8;;\u0007";
const RIGHT_TO_LEFT = "\u202egnp.exe\u202c \u2066hidden\u2069 \u200f";
const BROKEN = "lone \ud83d and \udc00, nul \u0000, bell \u0007";
const HUGE = `begin ${"all work and no play ".repeat(250_000)}end`;

const NAME = `${MARKDOWN} ${HTML} ${ANSI} ${RIGHT_TO_LEFT} ${BROKEN}`;
/** Characters that change how what stands around them is shown, or end texts where they should not end. */
const FORBIDDEN = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

describe("a program that sends hostile text", () => {
	let server: TestServer;
	let failedId: string;
	let hugeId: string;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});

	beforeAll(async () => {
		const { window } = session();
		window.page.on("dialog", (dialog) => {
			dialogs.push(dialog.message());
			void dialog.dismiss();
		});
		await window.openView();
		await window.statusBar.waitFor("Live");
		const { api } = server;
		const traceId = await api.trace(`trace ${NAME}`, [`session:${NAME}`, NAME]);
		const attributes = { [NAME]: NAME, __proto__: NAME, constructor: { [HTML]: [BROKEN, ANSI] } };
		failedId = await api.span(traceId, `fails ${NAME}`, {
			kind: { type: "custom", kind: `kind ${NAME}`, attributes },
			input: [{ role: `role ${HTML}`, content: NAME }],
		});
		await api.fail(failedId, `error ${NAME}\nsecond line ${NAME}`);
		hugeId = await api.span(traceId, "huge", {
			kind: { type: "llm_call", model: `model ${NAME}`, provider: HTML },
			input: [{ role: "user", content: HUGE }],
		});
		await api.complete(hugeId, { output: HUGE });
		await window.traces.expand(/^trace /);
	});

	afterAll(() => server?.dispose());

	const dialogs: string[] = [];

	it("gets it shown as text in the tree and its tooltip", async () => {
		const { window } = session();
		const row = await window.traces.waitForRow(/^trace /, "is there", ({ icon }) => icon === "error");
		expect(row.label).toContain("[go](command:");
		expect(row.label).toContain("<img src=x onerror=");
		expect(row.label).toContain("$(zap)");
		expect(row.label).not.toMatch(FORBIDDEN);
		await window.traces.row(/^trace /).hover();
		const hover = window.page.locator(".workbench-hover-container .monaco-hover");
		await hover.filter({ hasText: "Started" }).waitFor();
		expect(await hover.locator("img, script, a[data-href^='command:'], .codicon-zap").count()).toBe(0);
		const span = await window.traces.waitForRow(/^fails /, "is there", ({ icon }) => icon === "error");
		expect(span.description).toContain("error $(zap)");
		expect(`${span.label} ${span.description}`).not.toMatch(FORBIDDEN);
	});

	it("gets it shown as text in the waterfall", async () => {
		const { window } = session();
		await window.traces.click(/^trace /);
		await window.waterfall.waitForSpanCount(2);
		const text = await window.waterfall.text();
		expect(text).toContain("<img src=x onerror=");
		expect(text).not.toMatch(FORBIDDEN);
		expect(await (await window.waterfall.root()).locator("img, script, a").count()).toBe(0);
	});

	it("gets it shown as text in the details of the failed span, error first", async () => {
		const { window } = session();
		await window.traces.click(/^fails /);
		await window.spanDetail.waitForText("second line $(zap)");
		const text = await window.spanDetail.text();
		expect(text).not.toMatch(FORBIDDEN);
		expect(text).toContain("<script>");
		expect(await (await window.spanDetail.root()).locator("img, script, a").count()).toBe(0);
	});

	it("gets five megabytes cut in the details, with the true size, and whole in the editor", async () => {
		const { window } = session();
		await window.traces.click("huge");
		await window.spanDetail.waitForText(/Showing .* of 5(\.\d+)? M/, 30_000);
		await (await window.spanDetail.button("Open Input in editor")).first().click();
		await until("the input is open in an editor", async () =>
			(await window.tabs()).some((title) => /input/i.test(title)),
		);
		await window.page
			.locator(".editor-instance .view-line")
			.filter({ hasText: "all work and no play" })
			.first()
			.waitFor();
	});

	it("runs nothing, asks nothing and breaks nothing", async () => {
		const { window } = session();
		for (const frame of window.page.frames()) {
			const wasRun = await frame.evaluate(() => "__wasRun" in globalThis).catch(() => false);
			expect(wasRun).toBe(false);
		}
		expect(dialogs).toEqual([]);
		expect(window.consoleErrors.filter((line) => /content security/i.test(line))).toEqual([]);
		await server.api.trace("still at work");
		await window.traces.row("still at work").waitFor();
		expect(await window.statusBar.text()).toMatch(/^Live/);
	});
});
