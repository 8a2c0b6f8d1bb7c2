import type { Locator, Page } from "playwright-core";
import { WebviewFrame } from "./webviewFrame.ts";

/** The span details panel. */
export class SpanDetail extends WebviewFrame {
	constructor(page: Page) {
		super(page, "traceway-span-detail");
	}

	async title(): Promise<string> {
		return ((await (await this.root()).locator("h1").first().textContent()) ?? "").trim();
	}

	/** "Running", "Completed" or "Failed". */
	async status(): Promise<string> {
		return ((await (await this.root()).locator("header .status > span:last-child").textContent()) ?? "").trim();
	}

	async error(): Promise<Locator> {
		return (await this.root()).locator("section.error");
	}

	/** Value of one of the numbers under the title. */
	async chip(label: string): Promise<string> {
		const frame = await this.frame();
		const chip = (await this.root()).locator(".chip").filter({ has: frame.locator(".label", { hasText: label }) });
		return ((await chip.locator(".value").textContent()) ?? "").trim();
	}

	async button(name: string): Promise<Locator> {
		return (await this.root()).getByRole("button", { name });
	}
}
