import type { Locator, Page } from "playwright-core";
import { until } from "../support/wait.ts";
import { WebviewFrame } from "./webviewFrame.ts";

/** The overview panel. */
export class Overview extends WebviewFrame {
	constructor(page: Page) {
		super(page, "traceway-overview");
	}

	/** Text of a card: its number and what stands below. */
	async card(label: string): Promise<string> {
		const cards = (await this.root()).locator(".card");
		const texts = await cards.allInnerTexts();
		return texts.find((text) => text.startsWith(`${label}\n`))?.slice(label.length + 1) ?? "";
	}

	async waitForCard(label: string, text: string | RegExp): Promise<void> {
		let last = "";
		const has = async () => {
			last = await this.card(label).catch((error: Error) => error.message);
			return typeof text === "string" ? last.startsWith(text) : text.test(last);
		};
		await until(`the card ${label} shows ${text}`, has, 20_000).catch((cause) => {
			throw new Error(`the card ${label} shows ${text}; it shows: ${last}`, { cause });
		});
	}

	async selectRange(label: string): Promise<void> {
		await (await this.root()).locator(".ranges label", { hasText: label }).click();
	}

	async selectedRange(): Promise<string> {
		return (await (await this.root()).locator(".ranges input:checked + span").textContent()) ?? "";
	}

	async rows(table: string): Promise<Locator> {
		return (await this.root()).locator(`[data-table="${table}"] tbody tr`);
	}
}
