import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallCommand } from "../../src/protocol/messages.ts";
import { agentSpans, TestHostTrace } from "./agentTrace.ts";
import type { Waterfall } from "./bars.ts";
import { type Harness, startHarness } from "./harness.ts";
import { THEME_NAMES } from "./themes.ts";
import { withWaterfall } from "./waterfallViews.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

/** A node as Chromium tells it to a screen reader. */
interface AxNode {
	readonly nodeId: string;
	readonly ignored: boolean;
	readonly parentId?: string;
	readonly role?: { readonly value: string };
	readonly name?: { readonly value: string };
	readonly description?: { readonly value: string };
	readonly properties?: readonly {
		readonly name: string;
		readonly value: {
			readonly value?: unknown;
			readonly relatedNodes?: readonly { readonly backendDOMNodeId: number }[];
		};
	}[];
	readonly backendDOMNodeId?: number;
}

async function axNodes({ page }: Waterfall): Promise<AxNode[]> {
	const cdp = await page.context().newCDPSession(page);
	const { nodes } = (await cdp.send("Accessibility.getFullAXTree")) as unknown as { readonly nodes: AxNode[] };
	await cdp.detach();
	return nodes.filter(({ ignored }) => !ignored);
}

function property(node: AxNode | undefined, name: string): unknown {
	return node?.properties?.find((one) => one.name === name)?.value.value;
}

/** One line a row: its level, whether it is folded, and all that is said of it. */
function spokenRows(nodes: readonly AxNode[]): string[] {
	return nodes
		.filter(({ role }) => role?.value === "treeitem")
		.map((node) => {
			const expanded = property(node, "expanded");
			const fold = expanded === undefined ? "" : expanded === true ? " open" : " folded";
			return `${property(node, "level")}${fold}: ${node.name?.value}`;
		});
}

const command = (run: WaterfallCommand): HostToWaterfall => ({ type: "view/run", command: run });

describe("what a screen reader is told", () => {
	it("is name, status, duration and level of each row, what is folded and what a fold hides", async () => {
		await withWaterfall(
			harness,
			async (waterfall) => {
				const { page } = waterfall;
				await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
				await page.locator(".row", { hasText: "turn 2" }).locator(".twistie").click();
				await page.locator(".row.hides-failure").waitFor();
				expect(spokenRows(await axNodes(waterfall))).toEqual([
					"1 open: support_agent.run, completed, 8.4 s",
					"2: load_history, completed, 57.5 ms",
					"2 open: turn 1, completed, 2.65 s",
					"3: plan gpt-4o-mini, completed, 900 ms",
					"3 open: search_docs, completed, 320 ms",
					"4: embed query text-embedding-3-small, completed, 43 ms",
					"4: vector_store.query, completed, 260 ms",
					"3: get_order, completed, 280 ms",
					"3: answer gpt-4o-mini, completed, 1.09 s",
					"2 folded: turn 2 6, completed, 2.65 s, hides a failed span",
					"2 open: turn 3, completed, 2.65 s",
					"3: plan claude-sonnet-4, completed, 900 ms",
					"3 open: search_docs, completed, 320 ms",
					"4: embed query text-embedding-3-small, completed, 43 ms",
					"4: vector_store.query, completed, 260 ms",
					"3: get_order, completed, 280 ms",
					"3: answer claude-sonnet-4, completed, 1.09 s",
					"1 open: Parent lost-parent has not arrived",
					"2: audit.write, completed, 3 ms",
				]);
			},
			{ height: 700 },
		);
	});

	it("follows the selection: the tree has the focus, the row is the active one and says all of its facts", async () => {
		await withWaterfall(harness, async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await page.locator(".tree").focus();
			for (const key of ["Home", "ArrowDown", "ArrowDown", "ArrowDown"]) await page.keyboard.press(key);
			await page.locator(".row.selected", { hasText: "plan" }).waitFor();
			const nodes = await axNodes(waterfall);
			const tree = nodes.find(({ role }) => role?.value === "tree");
			expect(tree?.name?.value).toBe("Spans of support_agent.run");
			expect(property(tree, "focused")).toBe(true);
			const active = tree?.properties?.find(({ name }) => name === "activedescendant")?.value.relatedNodes?.[0];
			const row = nodes.find(({ backendDOMNodeId }) => backendDOMNodeId === active?.backendDOMNodeId);
			expect(row?.name?.value).toBe("plan gpt-4o-mini, completed, 900 ms");
			expect(property(row, "selected")).toBe(true);
			for (const fact of ["900.123456 ms", "+85 ms", "1,240 in, 212 out", "$0.000313"]) {
				expect(row?.description?.value).toContain(fact);
			}
			const selected = nodes.filter((node) => node.role?.value === "treeitem" && property(node, "selected") === true);
			expect(selected.length).toBe(1);
		});
	});

	it("is nothing twice: canvases, icons and the parts of a row are silent", async () => {
		await withWaterfall(harness, async (waterfall) => {
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			const nodes = await axNodes(waterfall);
			const byId = new Map(nodes.map((node) => [node.nodeId, node]));
			const inRows = nodes.filter(({ parentId }) => byId.get(parentId ?? "")?.role?.value === "treeitem");
			expect(inRows.map(({ role, name }) => `${role?.value} ${name?.value}`)).toEqual([]);
			// Private use characters are codicons.
			expect(nodes.filter(({ name }) => /[\uE000-\uF8FF]/.test(name?.value ?? ""))).toEqual([]);
			const unnamed = nodes.filter(
				({ role, name }) => /^(button|slider|splitter|img|Canvas)$/.test(role?.value ?? "") && !name?.value,
			);
			expect(unnamed.map(({ role }) => role?.value)).toEqual([]);
		});
	});
});

describe("axe", () => {
	for (const theme of THEME_NAMES) {
		it(`finds nothing in the ${theme} theme, zoomed, measured, folded, with the critical path and orphans, wide and narrow`, async () => {
			for (const width of [1000, 420, 320]) {
				await withWaterfall(
					harness,
					async (waterfall) => {
						const { page } = waterfall;
						await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
						await page.locator(".row", { hasText: "turn 2" }).locator(".twistie").click();
						await page.locator(".tree").focus();
						await page.keyboard.press("End");
						await waterfall.send(
							command("toggleCriticalPath"),
							command("zoomIn"),
							command("zoomIn"),
							command("panRight"),
						);
						if (width > 420) {
							await page.keyboard.down("Shift");
							await page.mouse.move(600, 300);
							await page.mouse.down();
							await page.mouse.move(800, 300, { steps: 3 });
							await page.mouse.up();
							await page.keyboard.up("Shift");
						}
						expect(await waterfall.axe()).toEqual([]);
					},
					{ theme, width },
				);
			}
		});
	}
});

describe("keys in the page", () => {
	it("reach every control, show where the focus is, and lead out again", async () => {
		await withWaterfall(harness, async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()), command("find"));
			await page.getByRole("search").waitFor();
			// Out at the end, so that the next one is the first.
			for (let step = 0; step < 40 && (await page.evaluate(focusedControl)).label !== ""; step++) {
				await page.keyboard.press("Tab");
			}
			const seen: string[] = [];
			const unmarked: string[] = [];
			for (let step = 0; step < 40; step++) {
				await page.keyboard.press("Tab");
				const { label, isMarked } = await page.evaluate(focusedControl);
				if (label === "") break;
				seen.push(label);
				if (!isMarked) unmarked.push(label);
			}
			expect(unmarked).toEqual([]);
			expect(new Set(seen).size).toBe(seen.length);
			for (const wanted of [
				/^tree Spans of/,
				/^separator/,
				/^slider/,
				/^input /,
				/^button Close/,
				/^button .*[Ff]ilter/,
			]) {
				expect(
					seen.filter((label) => wanted.test(label)),
					`${wanted} in ${seen.join(" | ")}`,
				).not.toEqual([]);
			}
		});
	});
});

/** Runs in the page: what has the focus, and whether one sees it by an outline, a border of its own or a row that is marked. */
function focusedControl(): { readonly label: string; readonly isMarked: boolean } {
	let active: Element | null = document.activeElement;
	while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
	if (active === null || active === document.body) return { label: "", isMarked: true };
	const isOutlined = (element: Element | null): boolean => {
		if (element === null) return false;
		const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
		return (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
	};
	const role = active.getAttribute("role") ?? active.localName;
	const words = active.getAttribute("aria-label") ?? active.getAttribute("title") ?? active.textContent ?? "";
	return {
		label: `${role} ${words.trim()}`,
		isMarked: isOutlined(active) || active.matches(".find-text") || isOutlined(active.querySelector(".selected, .row")),
	};
}
