import type { Locator, Page } from "playwright-core";
import { until } from "../support/wait.ts";

export interface TreeRow {
	/** 1 for traces. */
	readonly level: number;
	readonly label: string;
	readonly description: string;
	/** Codicon without its prefix, with `~spin` when it turns. */
	readonly icon: string;
	readonly iconColor: string;
	readonly isExpanded: boolean | undefined;
	readonly ariaLabel: string;
}

/** VS Code counts notches of the wheel, however far each says that it goes. */
const WHEEL_NOTCH = 100;

/** The setting by which a notch scrolls a list by 300 pixels, half a view, instead of 50. */
export const FAST_WHEEL = { "workbench.list.mouseWheelScrollSensitivity": 6 };

/** The tree of traces in the side bar. */
export class TracesTree {
	readonly #page: Page;
	readonly pane: Locator;
	readonly rows: Locator;

	constructor(page: Page) {
		this.#page = page;
		this.pane = page.locator('.pane:has(> .pane-header[aria-label^="Traces"])');
		// Not the copies that stick to the top of a scrolled list.
		this.rows = this.pane.locator(".monaco-list-rows > .monaco-list-row");
	}

	/** Lines of text and titles of buttons that an empty view shows. */
	get welcome(): Locator {
		return this.pane.locator(".welcome-view-content");
	}

	/** @param label The whole label, or a pattern. */
	row(label: string | RegExp): Locator {
		const pattern = typeof label === "string" ? wholeText(label) : label;
		return this.rows.filter({ has: this.#page.locator(".label-name", { hasText: pattern }) });
	}

	/** What the first row with this label shows, once there is one. */
	async read(label: string | RegExp): Promise<TreeRow> {
		return (await readRows(this.row(label).first()))[0] as TreeRow;
	}

	/** Rows in view, from top to bottom. */
	async visible(): Promise<TreeRow[]> {
		return await readRows(this.rows);
	}

	/** Waits until the first row with this label is as the test says. */
	async waitForRow(
		label: string | RegExp,
		what: string,
		isWanted: (row: TreeRow) => boolean,
		timeoutMs = 10_000,
	): Promise<TreeRow> {
		let last: TreeRow | undefined;
		try {
			return await until(
				`row ${label} ${what}`,
				async () => {
					[last] = await readRows(this.row(label));
					return last !== undefined && isWanted(last) ? last : undefined;
				},
				timeoutMs,
			);
		} catch (cause) {
			throw new Error(`row ${label} ${what}; it is ${JSON.stringify(last)}`, { cause });
		}
	}

	async click(label: string | RegExp): Promise<void> {
		await this.row(label).first().click();
	}

	/** Unfolds a row without opening what a click on it opens. */
	async expand(label: string | RegExp): Promise<void> {
		await this.#fold(label, true);
	}

	async collapse(label: string | RegExp): Promise<void> {
		await this.#fold(label, false);
	}

	async #fold(label: string | RegExp, isExpanded: boolean): Promise<void> {
		const row = this.row(label).first();
		await until(`row ${label} is ${isExpanded ? "unfolded" : "folded"}`, async () => {
			if ((await row.getAttribute("aria-expanded")) === String(isExpanded)) return true;
			// A row that has just been replaced swallows the click.
			await row.locator(".monaco-tl-twistie").click({ timeout: 2000 });
			await this.row(label)
				.and(this.#page.locator(`[aria-expanded="${isExpanded}"]`))
				.first()
				.waitFor({ timeout: 2000 });
			return true;
		});
	}

	async scrollToTop(): Promise<void> {
		await this.#list.hover();
		await until("the tree is at its top", async () => {
			if ((await this.rows.and(this.#page.locator('[data-index="0"]')).count()) > 0) return true;
			await this.#page.mouse.wheel(0, -WHEEL_NOTCH);
			return false;
		});
	}

	/** Scrolls down from the top until a row with this label is in view. */
	async scrollTo(label: string): Promise<void> {
		if (await this.#isWholeInView(label)) return;
		await this.scrollToTop();
		while (!(await this.#isWholeInView(label))) {
			if (!(await this.#scrollDown())) throw new Error(`the tree has no row ${label}`);
		}
	}

	/** Every row of the tree, collected by scrolling through it from the top. */
	async readAll(): Promise<TreeRow[]> {
		await this.scrollToTop();
		const found = new Map<number, TreeRow>();
		do {
			for (const [index, row] of await readIndexed(this.rows)) found.set(index, row);
		} while (await this.#scrollDown());
		const indexes = [...found.keys()].sort((a, b) => a - b);
		if (indexes.at(-1) !== indexes.length - 1) throw new Error("the test scrolled past rows without reading them");
		return indexes.map((index) => found.get(index) as TreeRow);
	}

	/** Number of rows that can be scrolled to. */
	async rowCount(): Promise<number> {
		return (await this.#position()).total;
	}

	get #list(): Locator {
		return this.pane.locator(".monaco-list").first();
	}

	async #isWholeInView(label: string): Promise<boolean> {
		const [row] = await this.row(label).all();
		if (row === undefined) return false;
		return await row
			.evaluate(
				(element) => {
					const list = element.closest(".monaco-list")?.getBoundingClientRect();
					const { top, bottom } = element.getBoundingClientRect();
					return list !== undefined && top >= list.top && bottom <= list.bottom;
				},
				undefined,
				{ timeout: 1000 },
			)
			.catch(() => false);
	}

	/** False when the last row is in the page already. The pointer has to be over the tree. */
	async #scrollDown(): Promise<boolean> {
		const before = await this.#position();
		if (before.last + 1 >= before.total) return false;
		await this.#page.mouse.wheel(0, WHEEL_NOTCH);
		await until("the tree scrolls", async () => (await this.#position()).last !== before.last);
		return true;
	}

	/** Index of the last row in the page, number of rows that the tree has. */
	async #position(): Promise<{ readonly last: number; readonly total: number }> {
		return await this.#list.evaluate((list) => {
			const rows = [...list.querySelectorAll(".monaco-list-rows > .monaco-list-row")];
			const content = list.querySelector<HTMLElement>(".monaco-list-rows");
			const rowPx = rows[0]?.getBoundingClientRect().height ?? 22;
			return {
				last: rows.reduce((last, row) => Math.max(last, Number(row.getAttribute("data-index"))), -1),
				// The list gives its content the height of all rows, those in the page or not.
				total: Math.round(Number.parseFloat(content?.style.height ?? "0") / rowPx),
			};
		});
	}
}

function wholeText(text: string): RegExp {
	return new RegExp(`^${text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`);
}

async function readRows(rows: Locator): Promise<TreeRow[]> {
	return (await readIndexed(rows)).map(([, row]) => row);
}

async function readIndexed(rows: Locator): Promise<[number, TreeRow][]> {
	const found = await rows.evaluateAll((elements) =>
		elements.map((element): [number, TreeRow] => {
			const icon = element.querySelector(".custom-view-tree-node-item-icon");
			const classes = [...(icon?.classList ?? [])];
			const name = classes.find((one) => /^codicon-(?!modifier)/.test(one))?.slice("codicon-".length) ?? "";
			const expanded = element.getAttribute("aria-expanded");
			return [
				Number(element.getAttribute("data-index")),
				{
					level: Number(element.getAttribute("aria-level")),
					label: element.querySelector(".label-name")?.textContent ?? "",
					description: element.querySelector(".label-description")?.textContent ?? "",
					icon: classes.includes("codicon-modifier-spin") ? `${name}~spin` : name,
					iconColor: icon === null ? "" : getComputedStyle(icon).color,
					isExpanded: expanded === null ? undefined : expanded === "true",
					ariaLabel: element.getAttribute("aria-label") ?? "",
				},
			];
		}),
	);
	return found.sort(([a], [b]) => a - b);
}
