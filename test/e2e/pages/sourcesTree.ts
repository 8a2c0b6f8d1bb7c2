import type { Locator, Page } from "playwright-core";

/** The view of configured sources under the traces. */
export class SourcesTree {
	readonly #page: Page;
	readonly pane: Locator;

	constructor(page: Page) {
		this.#page = page;
		this.pane = page.locator('.pane:has(> .pane-header[aria-label^="Sources"])');
	}

	async expand(): Promise<void> {
		const header = this.pane.locator(".pane-header");
		if ((await header.getAttribute("aria-expanded")) !== "true") await header.click();
		await this.pane.locator(".monaco-list-row").first().waitFor();
	}

	row(name: string): Locator {
		return this.pane.locator(".monaco-list-row").filter({
			has: this.#page.locator(".label-name", { hasText: name }),
		});
	}

	async description(name: string): Promise<string> {
		return (await this.row(name).locator(".label-description").textContent()) ?? "";
	}
}
