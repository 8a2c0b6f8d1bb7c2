import type { Frame, Locator, Page } from "playwright-core";
import { until } from "../support/wait.ts";

/**
 * One webview in an editor. VS Code hangs its frames off the workbench's root, not into the editor, and makes new ones
 * when a panel is hidden and shown or the window reloads, so the frame is looked for by its content each time.
 */
export class WebviewFrame {
	readonly page: Page;
	readonly #element: string;

	constructor(page: Page, element: string) {
		this.page = page;
		this.#element = element;
	}

	/** The frame that holds the page's element; undefined when the panel is not open or hidden. */
	async find(): Promise<Frame | undefined> {
		for (const frame of this.page.frames()) {
			if (frame === this.page.mainFrame() || frame.isDetached()) continue;
			const isIt = await frame
				.locator(this.#element)
				.isVisible()
				.catch(() => false);
			if (isIt) return frame;
		}
		return undefined;
	}

	async frame(timeoutMs = 20_000): Promise<Frame> {
		return await until(`<${this.#element}> is shown`, () => this.find(), timeoutMs);
	}

	/** The page's element, which pierces its shadow roots. */
	async root(): Promise<Locator> {
		return (await this.frame()).locator(this.#element);
	}

	/** All text that the page shows. */
	async text(): Promise<string> {
		const root = await this.root();
		return await root.evaluate((element) => {
			const textOf = (node: Node): string => {
				if (node instanceof Text) return node.data;
				if (!(node instanceof Element)) return [...node.childNodes].map(textOf).join("");
				if (node instanceof HTMLStyleElement || getComputedStyle(node).display === "none") return "";
				return [...(node.shadowRoot ?? node).childNodes].map(textOf).join(" ");
			};
			return textOf(element).replaceAll(/\s+/g, " ").trim();
		});
	}

	async waitForText(text: string | RegExp, timeoutMs = 10_000): Promise<void> {
		let last = "";
		const has = async () => {
			last = await this.text();
			return typeof text === "string" ? last.includes(text) : text.test(last);
		};
		await until(`<${this.#element}> shows ${text}`, has, timeoutMs).catch((cause) => {
			throw new Error(`<${this.#element}> shows ${text}; it shows: ${last.slice(0, 1000)}`, { cause });
		});
	}
}
