import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LiveViewState } from "../../src/protocol/liveMessages.ts";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";
import { type LiveView, liveRow, liveRows, openLive, seenNames, TestLiveHost } from "./liveHost.ts";
import { THEME_NAMES } from "./themes.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["live"]);
});
afterAll(() => harness?.dispose());

async function withPage(
	run: (view: LiveView, host: TestLiveHost) => Promise<void>,
	options: OpenOptions = {},
): Promise<void> {
	const view = await openLive(harness, options);
	try {
		await run(view, new TestLiveHost());
		expect(await view.problems()).toEqual([]);
	} finally {
		await view.close();
	}
}

/** Number of the selected row, once it is drawn. */
async function selected({ page }: LiveView): Promise<string | undefined> {
	await seenNames(page);
	const [name] = await page.locator(".row[aria-selected=true] .name").allTextContents();
	return name?.match(/\d+$/)?.[0];
}

function columns({ page }: LiveView): Promise<string[]> {
	return page
		.locator(".head-cell")
		.evaluateAll((heads) => heads.map((head) => (head as HTMLElement).dataset.column ?? ""));
}

describe("the table by keyboard", () => {
	it("is one stop, moves its selection by arrows, pages and ends, and keeps it in view", async () => {
		await withPage(
			async (view, host) => {
				const { page } = view;
				await view.send(host.snapshot(liveRows(0, 100)));
				await page.locator(".grid").focus();
				const press = async (...keys: string[]) => {
					for (const key of keys) await page.keyboard.press(key);
					const name = await selected(view);
					expect((await seenNames(page)).some((seen) => seen.endsWith(` ${name}`))).toBe(true);
					return name;
				};
				expect(await press("ArrowDown")).toBe("99");
				expect(await press("ArrowDown", "ArrowDown", "ArrowUp")).toBe("98");
				expect(await press("End")).toBe("0");
				expect(await press("ArrowDown")).toBe("0");
				expect(await press("Home")).toBe("99");
				const paged = Number(await press("PageDown"));
				expect(paged).toBeLessThan(99);
				expect(await press("PageUp")).toBe("99");
				const grid = page.locator(".grid");
				const active = await grid.getAttribute("aria-activedescendant");
				expect(await page.locator(`#${active}`).getAttribute("aria-selected")).toBe("true");
				expect(await page.locator(`#${active}`).getAttribute("aria-rowindex")).toBe("2");
			},
			{ height: 300 },
		);
	});

	it("opens, copies and deletes what is selected, and tells the host of the selection", async () => {
		await withPage(async (view, host) => {
			const { page } = view;
			await view.send(host.snapshot(liveRows(0, 10)));
			await page.locator(".row").nth(1).click();
			expect(await view.waitForPost("trace/select")).toEqual({ type: "trace/select", traceId: "trace-8" });
			await page.keyboard.press("Enter");
			expect(await view.waitForPost("trace/open")).toEqual({ type: "trace/open", traceId: "trace-8" });
			await page.keyboard.press("Control+c");
			expect(await view.waitForPost("trace/copyId")).toEqual({ type: "trace/copyId", traceId: "trace-8" });
			await page.keyboard.press("Delete");
			expect(await view.waitForPost("trace/delete")).toEqual({ type: "trace/delete", traceId: "trace-8" });
			// What took its place is selected: the next key goes on from there.
			await view.send(host.news([liveRow(10)]), host.delta([], { removed: ["trace-8"] }));
			expect(await selected(view)).toBe("7");
			await page.locator(".row").nth(5).dblclick();
			expect(await view.waitForPost("trace/open")).toEqual({ type: "trace/open", traceId: "trace-4" });
		});
	});

	it("keeps the selection by its trace while rows come in above it", async () => {
		await withPage(async (view, host) => {
			await view.send(host.snapshot(liveRows(0, 10)));
			await view.page.locator(".row").nth(2).click();
			await view.send(host.news([liveRow(10), liveRow(11)]), host.delta([liveRow(7, { spanCount: 99 })]));
			expect(await selected(view)).toBe("7");
			await view.send(host.snapshot(liveRows(5, 15)));
			expect(await selected(view)).toBe("7");
			// Out of a filter's sight, and back.
			await view.send(host.snapshot(liveRows(0, 3), { filter: "status:failed" }));
			expect(await selected(view)).toBeUndefined();
			await view.send(host.snapshot(liveRows(0, 9)));
			expect(await selected(view)).toBe("7");
		});
	});

	it("asks for VS Code's menu of a row by pointer, key and button, and for none elsewhere", async () => {
		await withPage(async (view, host) => {
			const { page } = view;
			await view.send(host.snapshot(liveRows(0, 3)));
			await page.evaluate(() => {
				window.addEventListener("contextmenu", (event) => {
					const { dataset } = event.target as HTMLElement;
					document.body.dataset.menus = `${document.body.dataset.menus ?? ""}${event.defaultPrevented ? "none" : dataset.vscodeContext}\n`;
					event.preventDefault();
				});
			});
			const menus = async () =>
				((await page.evaluate(() => document.body.dataset.menus)) ?? "")
					.trim()
					.split("\n")
					.map((line) => (line === "none" ? line : (JSON.parse(line) as { traceId: string }).traceId));
			await page.locator(".row").nth(1).click({ button: "right" });
			await page.locator(".row").nth(2).hover();
			await page.locator(".row").nth(2).getByRole("button", { name: "Actions of the trace" }).click();
			await page.keyboard.press("ArrowUp");
			await page.keyboard.press("ContextMenu");
			expect(await menus()).toEqual(["trace-1", "trace-0", "trace-1"]);
			expect(await selected(view)).toBe("1");
		});
	});
});

describe("columns", () => {
	it("are hidden and shown by a menu, which keys can work, and that is remembered", async () => {
		await withPage(
			async (view, host) => {
				const { page } = view;
				await view.send(host.snapshot(liveRows(0, 3)));
				const button = page.getByRole("button", { name: "Columns" });
				await button.focus();
				await page.keyboard.press("Enter");
				const model = page.getByRole("menuitemcheckbox", { name: "Model" });
				expect(await model.getAttribute("aria-checked")).toBe("true");
				await page.keyboard.press("ArrowDown");
				await page.keyboard.press("ArrowDown");
				await page.keyboard.press("Space");
				expect(await columns(view)).not.toContain("model");
				expect(await model.getAttribute("aria-checked")).toBe("false");
				expect(await page.locator(".row .model").count()).toBe(0);
				await page.keyboard.press("Escape");
				expect(await page.getByRole("menu").count()).toBe(0);
				expect(await button.evaluate((element) => element.matches(":focus"))).toBe(true);
				await page.waitForFunction(() => sessionStorage.getItem("state")?.includes("model"));
				await page.reload();
				await view.send(host.snapshot(liveRows(0, 3)));
				expect(await columns(view)).not.toContain("model");
				await page.locator(".head-cell.cost").click({ button: "right" });
				await page.getByRole("menuitem", { name: "Reset Columns" }).click();
				expect(await columns(view)).toContain("model");
			},
			{ width: 1400 },
		);
	});

	it("are resized by dragging and by keys, get their width back by a double click, and that is remembered", async () => {
		await withPage(
			async (view, host) => {
				const { page } = view;
				await view.send(host.snapshot(liveRows(0, 3)));
				const head = page.locator(".head-cell.model");
				const widthPx = async () => Math.round((await head.boundingBox())?.width ?? 0);
				const before = await widthPx();
				const handle = await head.locator(".handle").boundingBox();
				if (handle === null) throw new Error("the head has no handle");
				const [x, y] = [handle.x + 3, handle.y + 5];
				await page.mouse.move(x, y);
				await page.mouse.down();
				await page.mouse.move(x + 60, y, { steps: 4 });
				await page.mouse.up();
				expect(await widthPx()).toBe(before + 60);
				await head.getByRole("button").focus();
				await page.keyboard.press("Shift+ArrowLeft");
				expect(await widthPx()).toBe(before + 50);
				const state = async () => (await view.state()) as LiveViewState | null;
				await expect.poll(async () => (await state())?.columnWidths).toEqual({ model: before + 50 });
				await head.locator(".handle").dblclick();
				expect(await widthPx()).toBe(before);
				expect(await head.getAttribute("aria-sort")).toBeNull();
				await page.keyboard.press("ArrowRight");
				expect(await page.locator(".head-cell.spans button").evaluate((element) => element.matches(":focus"))).toBe(
					true,
				);
				await page.keyboard.press("Enter");
				expect(await page.locator(".head-cell.spans").getAttribute("aria-sort")).toBe("descending");
			},
			{ width: 1400 },
		);
	});
});

describe("the filter bar", () => {
	it("completes keys and known values, by keyboard alone", async () => {
		await withPage(async (view, host) => {
			const { page } = view;
			await view.send(host.snapshot(liveRows(0, 3)));
			const field = page.getByRole("combobox", { name: "Filter traces" });
			await field.focus();
			await view.waitForPost("values/load");
			await view.send({ type: "values/known", values: { model: ["gpt-4o", "claude-sonnet-4-5"] } });
			await field.pressSequentially("mod");
			const options = () => page.getByRole("option").allTextContents();
			expect((await options()).map((text) => text.trim())).toEqual(["model:"]);
			expect(await field.getAttribute("aria-expanded")).toBe("true");
			await page.keyboard.press("Tab");
			expect(await field.inputValue()).toBe("model:");
			expect((await options()).map((text) => text.trim())).toEqual(["gpt-4o", "claude-sonnet-4-5"]);
			await page.keyboard.press("ArrowDown");
			await page.keyboard.press("ArrowDown");
			const active = await field.getAttribute("aria-activedescendant");
			expect(await page.locator(`#${active}`).getAttribute("aria-selected")).toBe("true");
			await page.keyboard.press("Enter");
			expect(await field.inputValue()).toBe("model:claude-sonnet-4-5 ");
			expect(await view.waitForPost("filter/set")).toEqual({ type: "filter/set", text: "model:claude-sonnet-4-5" });
			expect(await page.getByRole("listbox").count()).toBe(0);
		});
	});

	it("applies what can be read when the typing rests, and tells a mistake under the field", async () => {
		await withPage(async (view, host) => {
			const { page } = view;
			await view.send(host.snapshot(liveRows(0, 3)));
			const field = page.getByRole("combobox", { name: "Filter traces" });
			await field.fill("status:failed");
			expect(await view.waitForPost("filter/set")).toEqual({ type: "filter/set", text: "status:failed" });
			await view.clearPosted();
			await field.fill("statsu:failed");
			await page.keyboard.press("Enter");
			await page.getByRole("alert").filter({ hasText: 'Did you mean "status"?' }).waitFor();
			expect(await field.getAttribute("aria-invalid")).toBe("true");
			expect((await view.posted()).filter(({ type }) => type === "filter/set")).toEqual([]);
			await field.fill("");
			await page.keyboard.press("Enter");
			expect(await view.waitForPost("filter/set")).toEqual({ type: "filter/set", text: "" });
			expect(await page.getByRole("alert").count()).toBe(0);
		});
	});

	it("takes over the host's filter, holds new traces back, and is emptied by its button", async () => {
		await withPage(async (view, host) => {
			const { page } = view;
			await view.send(host.snapshot(liveRows(0, 3), { filter: "status:failed" }));
			const field = page.getByRole("combobox", { name: "Filter traces" });
			expect(await field.inputValue()).toBe("status:failed");
			await view.send(host.news([liveRow(3)]));
			await page.getByRole("button", { name: "1 new trace" }).waitFor();
			await page.getByRole("button", { name: "Clear Filter" }).click();
			expect(await view.waitForPost("filter/set")).toEqual({ type: "filter/set", text: "" });
			await view.send({ type: "filter/problem", message: "HTTP 500" });
			const problem = page.getByText("The server could not search payloads, so only names are searched: HTTP 500");
			await problem.waitFor();
			await view.send({ type: "filter/problem", message: undefined });
			expect(await problem.count()).toBe(0);
		});
	});
});

describe.each(THEME_NAMES)("in the %s theme", (theme) => {
	it("axe finds no violation in any state", async () => {
		await withPage(
			async (view, host) => {
				const { page } = view;
				const check = async (state: string) => expect(await view.axe(), state).toEqual([]);
				await view.send(host.snapshot([]));
				await check("empty");
				await view.send(host.snapshot(liveRows(0, 60)), {
					type: "connection/changed",
					connection: { indicator: "disconnected", text: "The server fell silent" },
				});
				await page.locator(".row").nth(1).click();
				await check("rows");
				await page.locator(".grid").evaluate((grid) => {
					grid.scrollTop = 400;
				});
				await seenNames(page);
				await view.send(host.news([liveRow(60)]));
				await view.send({ type: "live/paused", pausedAtMs: 0, waiting: { newTraces: 2, events: 3 } });
				await check("banner and pause");
				await page.getByRole("button", { name: "Columns" }).click();
				await check("menu");
				await page.keyboard.press("Escape");
				const field = page.getByRole("combobox");
				await field.fill("statsu:x");
				await page.keyboard.press("Enter");
				await check("mistake");
				await field.fill("sta");
				await page.keyboard.press("ArrowDown");
				await check("completions");
			},
			{ theme, width: 1200, height: 320 },
		);
	});
});

describe("at any size", () => {
	it.each([
		[300, 700],
		[320, 150],
		[700, 150],
		[1000, 300],
		[1800, 250],
	])("%d × %d px need no sideways scrolling and show rows", async (width, height) => {
		await withPage(
			async (view, host) => {
				await view.send(host.snapshot(liveRows(0, 60)));
				expect((await seenNames(view.page)).length).toBeGreaterThanOrEqual(2);
				const sizes = await view.page
					.locator("traceway-live")
					.evaluate((element) => [element.scrollWidth, element.clientWidth]);
				expect(sizes[0]).toBe(sizes[1]);
				const row = await view.page.locator(".row").first().boundingBox();
				expect(row?.width).toBeLessThanOrEqual(width);
				expect(row?.height).toBe(22);
			},
			{ width, height },
		);
	});
});
