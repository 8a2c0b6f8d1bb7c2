import type { Locator, Page } from "playwright-core";

/** Toasts at the lower right, and modal dialogs. */
export class Notifications {
	readonly #page: Page;

	constructor(page: Page) {
		this.#page = page;
	}

	toast(text: string | RegExp): Locator {
		return this.#page.locator(".notifications-toasts .notification-list-item").filter({ hasText: text });
	}

	/** Clicks a button of the toast with this text. */
	async click(text: string | RegExp, button: string): Promise<void> {
		await this.toast(text).first().getByRole("button", { name: button, exact: true }).click();
	}

	/** Clicks a button of the modal dialog. */
	async confirm(button: string): Promise<void> {
		await this.#page.locator(".monaco-dialog-box").getByRole("button", { name: button, exact: true }).click();
	}
}
