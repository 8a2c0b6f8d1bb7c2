import type { Browser } from "playwright-core";
import { Window } from "../e2e/pages/window.ts";
import { TestServer } from "../e2e/support/server.ts";
import { withSource } from "../e2e/support/sources.ts";
import { launchBrowser } from "../workbench/browser.mts";
import { startWorkbench, type Workbench, type WorkbenchOptions } from "../workbench/workbench.mts";

const VIEWPORT = { width: 1440, height: 900 };

/** A real VS Code, and a browser for its windows. */
export interface BrowsedWorkbench {
	readonly workbench: Workbench;
	/** Opens a window in a browser profile of its own and returns it once the extension's icon is there. */
	openWindow(): Promise<Window>;
	/** Ends workbench and browser; nothing stays behind. */
	dispose(): Promise<void>;
}

export async function browseWorkbench(options: WorkbenchOptions = {}): Promise<BrowsedWorkbench> {
	const workbench = await startWorkbench(options);
	let browser: Browser;
	try {
		browser = await launchBrowser();
	} catch (error) {
		await workbench.dispose();
		throw error;
	}
	return {
		workbench,
		async openWindow() {
			const window = new Window(await browser.newPage({ viewport: VIEWPORT }));
			await window.open(workbench.url);
			return window;
		},
		async dispose() {
			await browser.close();
			await workbench.dispose();
		},
	};
}

/** The product at work: a server of its own, a real VS Code whose one source it is, and a window that shows the view. */
export interface LiveWindow {
	readonly server: TestServer;
	readonly workbench: Workbench;
	readonly window: Window;
	/** Ends server, workbench and browser; nothing stays behind. */
	dispose(): Promise<void>;
}

/** Resolves once the view is open and the indicator says Live. */
export async function openLiveWindow(): Promise<LiveWindow> {
	const server = await TestServer.start();
	let browsed: BrowsedWorkbench | undefined;
	const dispose = async () => {
		await browsed?.dispose();
		await server.dispose();
	};
	try {
		browsed = await browseWorkbench(withSource(server.url));
		const window = await browsed.openWindow();
		await window.openView();
		await window.statusBar.waitFor("Live", 60_000);
		return { server, workbench: browsed.workbench, window, dispose };
	} catch (error) {
		await dispose();
		throw error;
	}
}

export function delay(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
