import type { Locator, Page } from "playwright-core";
import { until } from "../support/wait.ts";

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

	/** Names of the rows from top to bottom. */
	async names(): Promise<string[]> {
		return await this.pane.locator(".monaco-list-row .label-name").allTextContents();
	}

	async description(name: string): Promise<string> {
		return (await this.row(name).locator(".label-description").textContent()) ?? "";
	}

	/** Waits until a row says what is wanted of it. */
	async waitFor(name: string, words: RegExp, timeoutMs = 30_000): Promise<void> {
		let last = "";
		const isThere = async () => {
			last = await this.description(name);
			return words.test(last);
		};
		await until(`${name} says ${words}`, isThere, timeoutMs).catch((cause) => {
			throw new Error(`${name} says "${last}", not ${words}`, { cause });
		});
	}

	/** Shows the traces of a source. */
	async select(name: string): Promise<void> {
		await this.row(name).locator(".label-name").click();
	}

	/** Labels of the buttons on a row. */
	async actions(name: string): Promise<string[]> {
		const row = this.row(name);
		await row.hover();
		const labels = row.locator(".actions .action-label");
		return await labels.evaluateAll((all) => all.map((one) => one.getAttribute("aria-label") ?? ""));
	}

	/** Clicks a button of a row. */
	async run(name: string, action: string): Promise<void> {
		await until(`"${action}" of ${name} is clicked`, async () => {
			const row = this.row(name);
			await row.hover({ timeout: 2000 });
			await row.locator(`.actions .action-label[aria-label="${action}"]`).click({ timeout: 2000 });
			return true;
		});
	}
}
