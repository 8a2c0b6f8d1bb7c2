import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDemo } from "../../src/cli/demo.ts";
import { FaultProxy, isEventStream } from "../peers/faultProxy.ts";
import { ROOT } from "../workbench/workbench.mts";
import type { WebviewFrame } from "./pages/webviewFrame.ts";
import type { Theme, Window } from "./pages/window.ts";
import { type AgentRun, RUN_NAME, sendAgentRun } from "./support/agentRun.ts";
import { sendDemoDay } from "./support/demoDay.ts";
import { TestServer } from "./support/server.ts";
import { OUTPUT_DIR, useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

/**
 * Pictures for people, in test/.output/screenshots. Each test first waits until what the picture is of is there, so a
 * picture can be trusted to show what its name says.
 */
const SHOTS_DIR = join(OUTPUT_DIR, "screenshots");

/** With this set, the pictures of the README are taken too, of demo traces that take the time that real ones take. */
const TAKES_MEDIA = process.env.TRACEWAY_MEDIA === "1";
const MEDIA_DIR = join(ROOT, "media");
const MEDIA_MAX_BYTES = 300_000;

const THEMES: readonly { readonly theme: Theme; readonly kind: string; readonly file: string }[] = [
	// The one that the workbench starts with, so that every other is a change of the theme.
	{ theme: "Dark High Contrast", kind: "vscode-high-contrast", file: "contrast-dark" },
	{ theme: "Dark Modern", kind: "vscode-dark", file: "dark" },
	{ theme: "Light Modern", kind: "vscode-light", file: "light" },
	{ theme: "Light High Contrast", kind: "vscode-high-contrast-light", file: "contrast-light" },
];

const CALLS = [
	{ name: "check the answer", status: "Running", file: "running" },
	{ name: "write the answer again", status: "Completed", file: "completed" },
	{ name: "write the answer", status: "Failed", file: "failed" },
] as const;

/** Lets the pointer rest over the empty end of the tree, where nothing reacts to it. */
async function parkPointer({ page }: Window): Promise<void> {
	await page.mouse.move(200, (page.viewportSize()?.height ?? 900) - 120);
	await page.locator(".workbench-hover-container .monaco-hover").waitFor({ state: "hidden" });
}

async function picture(window: Window, file: string, part?: string): Promise<void> {
	await mkdir(SHOTS_DIR, { recursive: true });
	const path = join(SHOTS_DIR, `${file}.png`);
	await parkPointer(window);
	await (part === undefined ? window.page : window.page.locator(part)).screenshot({ path });
	// One colour alone would be far below this: something has been painted.
	expect((await stat(path)).size).toBeGreaterThan(part === ".part.statusbar" ? 1500 : 8000);
}

async function mediaPicture(window: Window, file: string): Promise<void> {
	await parkPointer(window);
	const path = join(MEDIA_DIR, `${file}.png`);
	await window.page.screenshot({ path });
	expect((await stat(path)).size).toBeLessThan(MEDIA_MAX_BYTES);
}

/** Fonts are there and the frame after next is painted. */
async function painted(webview: WebviewFrame): Promise<void> {
	await (await webview.root()).evaluate(async (element) => {
		await element.ownerDocument.fonts.ready;
		for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
	});
}

async function themeKind(webview: WebviewFrame): Promise<string | undefined> {
	return await (await webview.root()).evaluate((element) => element.ownerDocument.body.dataset.vscodeThemeKind);
}

/** Contrast of an element's text with what is behind it, by WCAG 2: 1 … 21. */
async function contrast(element: Locator): Promise<number> {
	return await element.evaluate((start) => {
		const channels = (color: string): number[] => (color.match(/\d+(\.\d+)?/g) ?? []).map(Number);
		const luminance = (rgb: readonly number[]): number => {
			const [red = 0, green = 0, blue = 0] = rgb.map((value) => {
				const part = value / 255;
				return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
			});
			return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
		};
		const text = channels(getComputedStyle(start).color).slice(0, 3);
		const layers: number[][] = [];
		for (let node: Node | null = start; node !== null; ) {
			if (node instanceof Element) layers.unshift(channels(getComputedStyle(node).backgroundColor));
			node = node instanceof ShadowRoot ? node.host : ((node as Element).assignedSlot ?? node.parentNode);
		}
		const behind = layers.reduce(
			(below, [red = 0, green = 0, blue = 0, alpha = 1]) =>
				[red, green, blue].map((value, index) => value * alpha + (below[index] as number) * (1 - alpha)),
			[255, 255, 255],
		);
		const [light = 0, dark = 0] = [luminance(text), luminance(behind)].sort((a, b) => b - a);
		return (light + 0.05) / (dark + 0.05);
	});
}

function isReddish(color: string): boolean {
	const [red = 0, green = 0, blue = 0] = (color.match(/\d+(\.\d+)?/g) ?? []).map(Number);
	return red > green + 60 && red > blue + 60;
}

/** Whether something is wider than the page that holds it. */
async function overflows(webview: WebviewFrame): Promise<boolean> {
	return await (await webview.root()).evaluate((element) => element.scrollWidth > element.clientWidth);
}

async function widenSideBar({ page }: Window, widthPx: number): Promise<void> {
	const box = await page.locator(".part.sidebar").boundingBox();
	if (box === null) throw new Error("the side bar is not there");
	const y = box.y + box.height / 2;
	await page.mouse.move(box.x + box.width + 1, y);
	await page.mouse.down();
	await page.mouse.move(box.x + widthPx, y, { steps: 4 });
	await page.mouse.up();
	await until("the side bar is wider", async () => {
		const now = await page.locator(".part.sidebar").boundingBox();
		return now !== null && Math.abs(now.width - widthPx) < 12;
	});
}

describe("pictures of a window with traces", () => {
	let server: TestServer;
	let proxy: FaultProxy;
	let run: AgentRun;
	const session = useSession(async () => {
		server = await TestServer.start();
		proxy = await FaultProxy.start(() => server.url);
		proxy.isMeant = isEventStream;
		return { ...withSource(proxy.url), theme: "Dark High Contrast" };
	});

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		await runDemo({ url: server.url, traces: 11, seed: 2, signal: new AbortController().signal });
		run = await sendAgentRun(server.api);
		await window.traces.waitForRow(RUN_NAME, "fails and runs", ({ icon }) => icon === "loading~spin");
	});

	afterAll(async () => {
		await proxy?.dispose();
		await server?.dispose();
	});

	it("starts in the theme that it was asked for", async () => {
		await session().window.page.locator(".monaco-workbench.hc-black").waitFor({ timeout: 5000 });
	});

	describe.each(THEMES)("in $theme", ({ theme, kind, file }) => {
		beforeAll(async () => {
			const { window } = session();
			await window.setTheme(theme);
			await window.closeEditors();
			await window.traces.click(RUN_NAME);
			await window.waterfall.waitForSpanCount(run.spanCount);
			await window.traces.expand(RUN_NAME);
			await window.traces.expand("travel agent");
		});

		it("shows in the tree by icon and colour what runs, is done and failed", async () => {
			const { window } = session();
			const running = await window.traces.waitForRow("check the answer", "runs", ({ icon }) => icon === "loading~spin");
			const completed = await window.traces.waitForRow("find_trains", "is done", ({ icon }) => icon === "pass");
			const failed = await window.traces.waitForRow("write the answer", "failed", ({ icon }) => icon === "error");
			expect(isReddish(failed.iconColor)).toBe(true);
			expect(new Set([running.iconColor, completed.iconColor, failed.iconColor]).size).toBe(3);
			await picture(window, `${file}-tree`, ".part.sidebar");
		});

		it("shows the waterfall", async () => {
			const { window } = session();
			expect(await themeKind(window.waterfall)).toBe(kind);
			await painted(window.waterfall);
			expect(await overflows(window.waterfall)).toBe(false);
			await picture(window, `${file}-waterfall`);
		});

		it.each(CALLS)("shows the details of a $file call of a model", async (call) => {
			const { window } = session();
			await window.traces.click(call.name);
			await until("the details are of this call", async () => (await window.spanDetail.status()) === call.status);
			expect(await themeKind(window.spanDetail)).toBe(kind);
			const button = (await window.spanDetail.root()).getByText("Show in Waterfall");
			await button.waitFor();
			expect(await contrast(button)).toBeGreaterThan(4.5);
			await painted(window.spanDetail);
			expect(await overflows(window.spanDetail)).toBe(false);
			await picture(window, `${file}-details-${call.file}`);
		});

		it("shows the status bar in its three states, and in the panels why they are not live", async () => {
			const { window } = session();
			await picture(window, `${file}-status-live`, ".part.statusbar");
			await proxy.set({ type: "status", status: 503 });
			proxy.cut();
			await window.statusBar.waitFor("Connecting");
			await window.spanDetail.waitForText("Next try in");
			await picture(window, `${file}-status-connecting`, ".part.statusbar");
			await picture(window, `${file}-connecting`);
			await proxy.set({ type: "status", status: 401 });
			await window.run("Traceway: Reconnect");
			await window.statusBar.waitFor("Disconnected");
			await window.spanDetail.waitForText("The server wants a valid token");
			await window.notifications.toast("The server wants a valid token").first().waitFor();
			await picture(window, `${file}-status-disconnected`, ".part.statusbar");
			await picture(window, `${file}-disconnected`);
			await proxy.set(undefined);
			await window.run("Traceway: Reconnect");
			await window.statusBar.waitFor("Live");
			await window.run("Notifications: Clear All Notifications");
		});
	});

	it("fits into a window of 800 pixels", async () => {
		const { window } = session();
		const before = window.page.viewportSize();
		await window.setTheme("Dark Modern");
		await window.page.setViewportSize({ width: 800, height: 900 });
		for (const webview of [window.waterfall, window.spanDetail]) {
			await until("the page fits", async () => !(await overflows(webview)));
			await painted(webview);
		}
		await picture(window, "dark-narrow");
		if (before !== null) await window.page.setViewportSize(before);
	});

	it.runIf(TAKES_MEDIA)("takes the pictures of the README", { timeout: 300_000 }, async () => {
		const { window } = session();
		await window.closeEditors();
		await server.api.clear();
		await window.page.setViewportSize({ width: 1500, height: 900 });
		await widenSideBar(window, 400);
		await runDemo({
			url: server.url,
			traces: 12,
			rate: 1.5,
			seed: 2,
			isLive: true,
			signal: new AbortController().signal,
		});
		run = await sendAgentRun(server.api);
		const title = /^research: why SQLite/;
		await window.traces.click(title);
		await window.waterfall.waitForSpanCount(20);
		await window.traces.expand(title);
		await window.traces.expand("research");
		await window.traces.click("write report");
		await until("the details are there", async () => (await window.spanDetail.status()) === "Completed");
		await window.run("Traceway: Show Live Panel");
		await (await window.live.row(RUN_NAME)).waitFor();
		for (const [theme, file] of [
			["Dark Modern", "screenshot"],
			["Light Modern", "screenshot-light"],
			["Dark High Contrast", "screenshot-contrast"],
		] as const) {
			await window.setTheme(theme);
			await painted(window.waterfall);
			await painted(window.spanDetail);
			await painted(window.live);
			await mediaPicture(window, file);
		}
	});

	it.runIf(TAKES_MEDIA)("takes the picture of the overview for the README", { timeout: 300_000 }, async () => {
		const { window } = session();
		await server.api.clear();
		await sendDemoDay(server.api, 180, Date.now());
		await window.closeEditors();
		await window.setTheme("Dark Modern");
		await window.run("View: Hide Panel");
		await window.run("View: Toggle Primary Side Bar Visibility");
		await window.run("Traceway: Open Overview");
		await window.overview.waitForCard("Traces", "180");
		await painted(window.overview);
		await mediaPicture(window, "screenshot-overview");
	});
});

describe("pictures of a new profile", () => {
	const session = useSession();

	beforeAll(async () => {
		await session().window.openView();
		await session().window.statusBar.waitFor("Live", 30_000);
		await session().window.traces.welcome.getByText("No traces yet.").waitFor();
	});

	it.each(THEMES)("show in $theme how to send a first trace", async ({ theme, file }) => {
		const { window } = session();
		await window.setTheme(theme);
		await window.traces.welcome.getByRole("button", { name: "Send Demo Traces" }).waitFor();
		await picture(window, `${file}-empty`);
	});
});
