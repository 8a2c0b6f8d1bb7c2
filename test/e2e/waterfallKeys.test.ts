import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

/** What of the chart tells which part of the trace is shown. */
interface ChartElement extends HTMLElement {
	readonly timeWindow: { readonly startNs: number; readonly endNs: number } | undefined;
}

describe("keys of the waterfall that are bound to commands", () => {
	let server: TestServer;
	let failedId: string;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});
	const waterfall = () => session().window.waterfall;

	async function isZoomed(): Promise<boolean> {
		return await (await waterfall().chart()).evaluate((chart) => (chart as ChartElement).timeWindow !== undefined);
	}

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		const traceId = await server.api.trace("keyed");
		const first = await server.api.span(traceId, "first");
		failedId = await server.api.span(traceId, "second");
		await server.api.complete(first);
		await server.api.fail(failedId, "no");
		await window.traces.click("keyed");
		await waterfall().waitForSpanCount(2);
	});

	afterAll(() => server?.dispose());

	it("zoom, go back and find failed spans while the waterfall has the focus", async () => {
		// The first press may come before VS Code knows of the focus.
		await until("w zooms in", async () => {
			await waterfall().press("w");
			return await isZoomed();
		});
		await waterfall().press("0");
		await until("0 shows all", async () => !(await isZoomed()));
		await waterfall().press("Backspace");
		await until("Backspace goes back", isZoomed);
		await waterfall().press("e");
		await waterfall().waitForSelected(failedId);
		await waterfall().press("0");
		await until("0 shows all", async () => !(await isZoomed()));
	});

	it("are letters in VS Code's own fields, and commands in its palette", async () => {
		const { page, quickInput } = session().window;
		await page.keyboard.press("F1");
		await quickInput.input.waitFor();
		await page.keyboard.type("www");
		expect(await quickInput.input.inputValue()).toContain("www");
		await page.keyboard.press("Escape");
		expect(await isZoomed()).toBe(false);
		await quickInput.runCommand("Traceway: Waterfall: Zoom In");
		await until("the palette zooms in", isZoomed);
	});
});
