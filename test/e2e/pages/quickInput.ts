import type { Locator, Page } from "playwright-core";
import { until } from "../support/wait.ts";

/** The box at the top of the window: palette, pick lists and questions for a text. */
export class QuickInput {
	readonly #page: Page;
	readonly widget: Locator;
	readonly input: Locator;

	constructor(page: Page) {
		this.#page = page;
		this.widget = page.locator(".quick-input-widget");
		this.input = this.widget.locator(".quick-input-box input");
	}

	async runCommand(title: string): Promise<void> {
		await until(`command "${title}" is run`, async () => {
			// Only when it is open: in a tree Escape takes the selection away.
			if (await this.widget.isVisible()) await this.#page.keyboard.press("Escape");
			// The first F1 of a window can get lost while it starts.
			await this.#page.keyboard.press("F1");
			await this.input.waitFor({ timeout: 2000 });
			// An editor that has just loaded may take the focus, which closes the palette: then it is opened again.
			await this.input.fill(`>${title}`, { timeout: 2000 });
			// Enter would take the first row, which is the best match and not always this command.
			await this.row(title).click({ timeout: 3000 });
			return true;
		});
	}

	/** A row by its label; one with a key binding or a description has more behind it. */
	row(label: string): Locator {
		const text = label.replaceAll('"', '\\"');
		return this.widget
			.locator(`.monaco-list-row[aria-label="${text}"], .monaco-list-row[aria-label^="${text},"]`)
			.first();
	}

	async pick(label: string): Promise<void> {
		await this.input.waitFor();
		await this.input.fill(label);
		await this.row(label).click();
	}

	/** Answers a question for a text. */
	async type(text: string): Promise<void> {
		await this.input.waitFor();
		await this.input.fill(text);
		await this.#page.keyboard.press("Enter");
	}

	/** Names a file in VS Code's own dialog, which stands here in the browser. */
	async chooseFile(path: string, button: "OK" | "Import"): Promise<void> {
		const accept = this.widget.getByRole("button", { name: button, exact: true });
		await accept.waitFor();
		// The dialog reads the folder first, and puts its own path in the box when it has: over one that was typed before.
		await until("the dialog has named its folder", async () => (await this.input.inputValue()) !== "");
		await until(`${path} is accepted`, async () => {
			await this.input.fill(path, { timeout: 2000 });
			await accept.click({ timeout: 2000 });
			await this.widget.waitFor({ state: "hidden", timeout: 2000 });
			return true;
		});
	}

	async message(): Promise<string> {
		return (await this.widget.locator(".quick-input-message").textContent()) ?? "";
	}

	async cancel(): Promise<void> {
		await this.#page.keyboard.press("Escape");
		await this.widget.waitFor({ state: "hidden" });
	}
}
