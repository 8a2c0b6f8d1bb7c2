import type { Locator, Page } from "playwright-core";
import { until } from "../support/wait.ts";
import { LivePanel } from "./livePanel.ts";
import { Notifications } from "./notifications.ts";
import { Overview } from "./overview.ts";
import { QuickInput } from "./quickInput.ts";
import { SourcesTree } from "./sourcesTree.ts";
import { SpanDetail } from "./spanDetail.ts";
import { StatusBar } from "./statusBar.ts";
import { TracesTree } from "./tracesTree.ts";
import { Waterfall } from "./waterfall.ts";

export type Theme = "Dark Modern" | "Light Modern" | "Dark High Contrast" | "Light High Contrast";

const THEME_CLASS: Record<Theme, string> = {
	"Dark Modern": "vs-dark",
	"Light Modern": "vs",
	"Dark High Contrast": "hc-black",
	"Light High Contrast": "hc-light",
};

/** One VS Code window: a page of the browser with the workbench in it. */
export class Window {
	readonly page: Page;
	readonly quickInput: QuickInput;
	readonly traces: TracesTree;
	readonly sources: SourcesTree;
	readonly statusBar: StatusBar;
	readonly notifications: Notifications;
	readonly waterfall: Waterfall;
	readonly spanDetail: SpanDetail;
	readonly live: LivePanel;
	readonly overview: Overview;
	/** Lines that the page wrote to the browser's console as errors, Content Security Policy violations among them. */
	readonly consoleErrors: string[] = [];

	constructor(page: Page) {
		this.page = page;
		this.quickInput = new QuickInput(page);
		this.traces = new TracesTree(page);
		this.sources = new SourcesTree(page);
		this.statusBar = new StatusBar(page);
		this.notifications = new Notifications(page);
		this.waterfall = new Waterfall(page);
		this.spanDetail = new SpanDetail(page);
		this.live = new LivePanel(page);
		this.overview = new Overview(page);
		page.on("console", (message) => {
			if (message.type() === "error") this.consoleErrors.push(message.text());
		});
		page.on("pageerror", (error) => this.consoleErrors.push(String(error)));
	}

	async open(url: string): Promise<void> {
		// Never "networkidle": a workbench always talks.
		await this.page.goto(url, { waitUntil: "commit" });
		await this.whenReady();
	}

	/** The side bar has its Traceway icon: contributions are read and the extension host can be asked. */
	async whenReady(): Promise<void> {
		await this.#activityIcon.waitFor({ timeout: 60_000 });
	}

	get #activityIcon(): Locator {
		return this.page.locator('.activitybar .action-item:has(a.action-label[aria-label^="Traceway"])');
	}

	/** The number on the activity bar's icon; undefined without one. */
	async badge(): Promise<number | undefined> {
		const badge = this.page.locator('.activitybar .action-item:has(a[aria-label^="Traceway"]) .badge-content');
		return (await badge.count()) === 0 || !(await badge.first().isVisible())
			? undefined
			: Number(await badge.first().textContent());
	}

	/** Opens the Traceway side bar as a person does. */
	async openView(): Promise<void> {
		await this.#toggleView(true);
	}

	async closeSideBar(): Promise<void> {
		await this.#toggleView(false);
	}

	async #toggleView(isWanted: boolean): Promise<void> {
		const { pane } = this.traces;
		await until(`the Traceway side bar is ${isWanted ? "open" : "closed"}`, async () => {
			if ((await pane.isVisible()) === isWanted) return true;
			// Two clicks within 300 ms count as a double click, and VS Code ignores the second.
			await this.#activityIcon.click();
			await pane.waitFor({ state: isWanted ? "visible" : "hidden", timeout: 1000 });
			return true;
		});
	}

	/** Runs a command by its title in the palette, such as `Traceway: Reconnect`. */
	async run(title: string): Promise<void> {
		await this.quickInput.runCommand(title);
	}

	/** Picks an entry of the menu that is open. */
	async chooseFromMenu(label: string): Promise<void> {
		const item = this.page.locator(".monaco-menu .action-item").filter({ hasText: label });
		await until(`"${label}" is chosen`, async () => {
			// A menu takes no click in its first moments, which may be the end of the one that opened it.
			await item.click({ timeout: 1000 });
			await item.waitFor({ state: "hidden", timeout: 1000 });
			return true;
		});
	}

	async reload(): Promise<void> {
		await this.page.reload({ waitUntil: "commit" });
		await this.whenReady();
	}

	/**
	 * Everything that VS Code keeps in the browser's storage. A window in a browser writes there every few seconds, a desktop
	 * window when it closes.
	 */
	async storedState(): Promise<string> {
		return await this.page.evaluate(async () => {
			const done = <T>(request: IDBRequest<T>): Promise<T> =>
				new Promise((resolve, reject) => {
					request.onsuccess = () => resolve(request.result);
					request.onerror = () => reject(request.error);
				});
			const texts: string[] = [];
			for (const { name = "" } of await indexedDB.databases()) {
				if (!name.startsWith("vscode-web-state-db")) continue;
				const database = await done(indexedDB.open(name));
				for (const store of database.objectStoreNames) {
					texts.push(...(await done(database.transaction(store).objectStore(store).getAll())).map(String));
				}
				database.close();
			}
			return texts.join("\n");
		});
	}

	async setTheme(theme: Theme): Promise<void> {
		await this.run("Preferences: Color Theme");
		await this.quickInput.pick(theme);
		await this.page.locator(`.monaco-workbench.${THEME_CLASS[theme]}`).waitFor();
	}

	async closeEditors(): Promise<void> {
		await this.run("View: Close All Editors");
		await until(
			"all editors are closed",
			async () => (await this.page.locator(".editor-group-container .tab").count()) === 0,
		);
	}

	/** Titles of the open editor tabs. */
	async tabs(): Promise<string[]> {
		return await this.page.locator(".editor-group-container .tab .label-name").allTextContents();
	}
}
