import type { Locator, Page } from "playwright-core";
import { until } from "../support/wait.ts";

export type Word = "Live" | "Connecting" | "Disconnected";

/** The live indicator in the status bar. */
export class StatusBar {
	readonly #page: Page;
	readonly item: Locator;

	constructor(page: Page) {
		this.#page = page;
		this.item = page.locator('.statusbar-item[id$="traceway.status"]');
	}

	/** Its text without the icon: `Live · 12`. */
	async text(): Promise<string> {
		return ((await this.item.textContent()) ?? "").trim();
	}

	async waitFor(word: Word, timeoutMs = 20_000): Promise<void> {
		await this.item.filter({ hasText: word }).waitFor({ timeout: timeoutMs });
	}

	/** Resolves with the milliseconds until the word was another one. */
	async waitUntilNot(word: Word, timeoutMs = 20_000): Promise<void> {
		await this.item.filter({ hasNotText: word }).waitFor({ timeout: timeoutMs });
	}

	async click(): Promise<void> {
		await this.item.locator("a").first().click();
	}

	/** Text of the tooltip, which is drawn by hovering. */
	async tooltip(): Promise<string> {
		const hover = this.#page.locator(".workbench-hover-container .monaco-hover");
		const text = await until("the status bar shows its tooltip", async () => {
			await this.#page.mouse.move(700, 400);
			await hover.waitFor({ state: "hidden", timeout: 2000 });
			await this.item.hover();
			await hover.filter({ hasText: "Click to reconnect" }).waitFor({ timeout: 3000 });
			// Text in Markdown keeps its spaces as no-break spaces.
			return ((await hover.textContent()) ?? "").replaceAll("\u00a0", " ");
		});
		await this.#page.mouse.move(700, 400);
		return text;
	}
}
