import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, beforeEach, type TestContext } from "vitest";
import { launchBrowser } from "../../workbench/browser.mts";
import { ROOT, startWorkbench, type Workbench, type WorkbenchOptions } from "../../workbench/workbench.mts";
import { FAST_WHEEL } from "../pages/tracesTree.ts";
import { Window } from "../pages/window.ts";

export const OUTPUT_DIR = join(ROOT, "test", ".output");

const VIEWPORT = { width: 1440, height: 900 };

/** A workbench with a browser: what one test file works with. */
export class Session {
	readonly workbench: Workbench;
	readonly windows: Window[] = [];
	readonly #browser: Browser;
	readonly #context: BrowserContext;

	private constructor(workbench: Workbench, browser: Browser, context: BrowserContext) {
		this.workbench = workbench;
		this.#browser = browser;
		this.#context = context;
	}

	static async start(options: WorkbenchOptions = {}): Promise<Session> {
		const [workbench, browser] = await Promise.all([
			startWorkbench({ logLevel: "debug", ...options, settings: { ...FAST_WHEEL, ...options.settings } }),
			launchBrowser(),
		]);
		const context = await browser.newContext({ viewport: VIEWPORT });
		return new Session(workbench, browser, context);
	}

	get window(): Window {
		const [window] = this.windows;
		if (window === undefined) throw new Error("no window is open yet");
		return window;
	}

	/** Opens another window on the same server and profile, as a second browser tab does. */
	async openWindow(url = this.workbench.url): Promise<Window> {
		const window = new Window(await this.#context.newPage());
		this.windows.push(window);
		await window.open(url);
		return window;
	}

	async closeWindow(window: Window): Promise<void> {
		// A page that is closed at once says no good-bye, and the server would keep its extension host for a reconnection.
		await window.page.goto("about:blank");
		await window.page.close();
		this.windows.splice(this.windows.indexOf(window), 1);
	}

	/** What the extension wrote to its output channel, in all windows so far. */
	async extensionLog(): Promise<string> {
		return await this.workbench.readLogs("Traceway Live");
	}

	/** For a test that failed: pictures of the windows and the extension's last lines. */
	async report(test: TestContext): Promise<void> {
		const name = test.task.name.replace(/[^a-z0-9]+/gi, "-").slice(0, 80);
		await mkdir(OUTPUT_DIR, { recursive: true });
		for (const [index, { page }] of this.windows.entries()) {
			const path = join(OUTPUT_DIR, `failed-${name}-${index + 1}.png`);
			await page.screenshot({ path, timeout: 5000 }).catch((error: Error) => console.log(error.message));
			console.log(`Picture: ${path}`);
		}
		const lines = (await this.extensionLog()).trimEnd().split("\n");
		console.log(`The extension's log, last ${Math.min(80, lines.length)} of ${lines.length} lines:`);
		console.log(lines.slice(-80).join("\n"));
	}

	async dispose(): Promise<void> {
		await this.#browser.close();
		await this.workbench.dispose();
	}
}

/**
 * One workbench and one window for the tests of a file. A failed test leaves a picture and the extension's log.
 *
 * @param prepare Runs before the workbench starts; what it returns are the workbench's options.
 */
export function useSession(prepare: () => Promise<WorkbenchOptions> | WorkbenchOptions = () => ({})): () => Session {
	let session: Session | undefined;
	const current = (): Session => {
		if (session === undefined) throw new Error("the workbench did not start");
		return session;
	};
	beforeAll(async () => {
		session = await Session.start(await prepare());
		await session.openWindow();
	});
	afterAll(async () => {
		await session?.dispose();
	});
	beforeEach((test) => {
		test.onTestFailed(() => session?.report(test));
	});
	return current;
}
