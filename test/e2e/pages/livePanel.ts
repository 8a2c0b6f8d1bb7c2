import type { Locator, Page } from "playwright-core";
import { WebviewFrame } from "./webviewFrame.ts";

/** The live panel at the bottom. */
export class LivePanel extends WebviewFrame {
	constructor(page: Page) {
		super(page, "traceway-live");
	}

	/** Names of the rows in view, as they stand, top to bottom. */
	async names(): Promise<string[]> {
		return await (await this.root()).locator(".row .name").allTextContents();
	}

	async row(name: string): Promise<Locator> {
		const frame = await this.frame();
		return (await this.root()).locator(".row").filter({ has: frame.locator(".name", { hasText: name }) });
	}

	/** Text of one cell of a row; empty while there is no such row. */
	async cell(name: string, column: string): Promise<string> {
		const cell = (await this.row(name)).locator(`.${column}`);
		return (await cell.count()) === 0 ? "" : ((await cell.first().textContent()) ?? "").trim();
	}

	/** Value of one of the numbers at the top. */
	async card(label: string): Promise<string> {
		const frame = await this.frame();
		const card = (await this.root()).locator(".card").filter({ has: frame.locator("dt", { hasText: label }) });
		return ((await card.locator("dd").textContent()) ?? "").trim();
	}

	async filter(text: string): Promise<void> {
		const input = (await this.root()).getByRole("combobox", { name: "Filter traces" });
		await input.fill(text);
		await input.press("Enter");
	}

	async button(name: string | RegExp): Promise<Locator> {
		return (await this.root()).getByRole("button", { name });
	}
}
