import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallToHost } from "../../src/protocol/messages.ts";
import { agentSpans, TestHostTrace } from "./agentTrace.ts";
import { type Harness, startHarness } from "./harness.ts";
import { THEME_NAMES } from "./themes.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

describe("the sheet of keys", () => {
	it("opens by ? and by the command, keeps the keys from the commands meanwhile, and gives the focus back", async () => {
		const waterfall = await harness.open<WaterfallToHost, HostToWaterfall>("waterfall");
		const { page } = waterfall;
		await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
		const sheet = page.getByRole("dialog", { name: "Keys of the Waterfall" });
		await page.locator(".tree").focus();
		expect((await waterfall.waitForPost("keys/changed")).isWanted).toBe(true);
		await page.keyboard.press("?");
		await sheet.waitFor();
		await expect.poll(async () => (await waterfall.waitForPost("keys/changed")).isWanted).toBe(false);
		await page.keyboard.press("Escape");
		await sheet.waitFor({ state: "hidden" });
		expect(await page.locator(".tree").evaluate((tree) => tree.matches(":focus"))).toBe(true);
		await expect.poll(async () => (await waterfall.waitForPost("keys/changed")).isWanted).toBe(true);
		await waterfall.send({ type: "view/run", command: "showKeys" }, { type: "view/run", command: "showKeys" });
		await page.getByRole("button", { name: "Change Keys…" }).click();
		await waterfall.waitForPost("keys/open");
		await sheet.waitFor({ state: "hidden" });
		expect(await waterfall.problems()).toEqual([]);
		await waterfall.close();
	});

	for (const theme of THEME_NAMES) {
		it(`has no violation in the ${theme} theme, wide and narrow`, async () => {
			for (const width of [1000, 360]) {
				const waterfall = await harness.open<WaterfallToHost, HostToWaterfall>("waterfall", { theme, width });
				await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
				await waterfall.send({ type: "view/run", command: "showKeys" });
				expect(await waterfall.axe()).toEqual([]);
				await waterfall.close();
			}
		});
	}
});
