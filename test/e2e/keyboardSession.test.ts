import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OtlpSpan, otlpSpanId, sendOtlp } from "./support/otlp.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const TRACE_ID = "6b65796b65796b65796b65796b65796b";
const TURNS = 20;
const TURN = 10;
const SPANS = 1 + TURNS * TURN;
/** The last step of the 13th turn. */
const FAILED = 13 * TURN;
const startMs = Date.now() - 600_000;

interface ChartElement extends HTMLElement {
	readonly timeWindow: { readonly startNs: number; readonly endNs: number } | undefined;
	readonly showsCriticalPath: boolean;
}

function span(number: number): OtlpSpan {
	const place = (number - 1) % TURN;
	const parent = number === 0 ? undefined : place === 0 ? 0 : number - place;
	return {
		traceId: TRACE_ID,
		spanId: otlpSpanId(number),
		parentSpanId: parent === undefined ? undefined : otlpSpanId(parent),
		name: number === 0 ? "by keys" : place === 0 ? `turn ${1 + (number - 1) / TURN}` : `step ${number}`,
		startMs: startMs + number * 100,
		endMs: startMs + number * 100 + (number === 0 ? SPANS * 100 : place === 0 ? TURN * 100 - 50 : 80),
		isFailed: number === FAILED,
	};
}

describe("a session by keyboard alone", () => {
	let server: TestServer;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});
	const waterfall = () => session().window.waterfall;
	const keyboard = () => session().window.page.keyboard;

	/** Presses keys one after the other, wherever the focus is. */
	async function press(...keys: readonly string[]): Promise<void> {
		for (const key of keys) await keyboard().press(key);
	}

	/** Runs a command as one does who knows its name. */
	async function type(command: string): Promise<void> {
		const { input, widget } = session().window.quickInput;
		await until(`the palette is open for ${command}`, async () => {
			await press("F1");
			await input.waitFor({ timeout: 2000 });
			return true;
		});
		await keyboard().type(command);
		// What fits best stands first, which need not be it.
		await until(`${command} is chosen`, async () => {
			const label = await widget.locator(".monaco-list-row.focused").getAttribute("aria-label", { timeout: 2000 });
			if (label !== null && new RegExp(`(^|: )${command}(,|$)`).test(label)) return true;
			await press("ArrowDown");
			return false;
		});
		await press("Enter");
		await widget.waitFor({ state: "hidden" });
	}

	function chart<T>(read: (element: ChartElement) => T): Promise<T> {
		return waterfall()
			.chart()
			.then((locator) => locator.evaluate(read as (element: HTMLElement | SVGElement) => T));
	}

	beforeAll(async () => {
		const { window } = session();
		await window.statusBar.waitFor("Live").catch(() => undefined);
		await sendOtlp(
			server.url,
			Array.from({ length: SPANS }, (_, number) => span(number)),
		);
	});

	afterAll(() => server?.dispose());

	it("opens a trace out of the tree", async () => {
		const { traces } = session().window;
		await type("Focus on Traces View");
		await traces.row("by keys").waitFor();
		// While the tree had no rows, VS Code gave the focus to the box around it.
		await type("Focus on Traces View");
		await until("the trace is open", async () => {
			await press("Home", "Enter");
			await waterfall().frame(2000);
			return true;
		});
		await waterfall().waitForSpanCount(SPANS);
	});

	it("comes into the waterfall by VS Code's own key, and walks, folds and unfolds", async () => {
		await press("Control+1");
		await until("the arrow selects the first span", async () => {
			await press("Home");
			return (await waterfall().selectedId()) === otlpSpanId(0);
		});
		await press("ArrowDown", "ArrowDown", "ArrowDown");
		await waterfall().waitForSelected(otlpSpanId(3));
		await press("ArrowLeft", "ArrowLeft");
		await until("the turn is folded", async () => (await waterfall().visibleRowCount()) === SPANS - (TURN - 1));
		await press("[");
		await until("all is folded", async () => (await waterfall().visibleRowCount()) === 1);
		await press("*");
		await until("all is unfolded", async () => (await waterfall().visibleRowCount()) === SPANS);
		await press("End");
		await waterfall().waitForSelected(otlpSpanId(SPANS - 1));
	});

	it("searches, steps through what was found and comes back to the rows", async () => {
		await press("Control+f");
		const find = (await waterfall().frame()).getByRole("search");
		await find.waitFor();
		await keyboard().type("turn 1");
		// turn 1 and turns 10 … 19.
		await find.getByText("? of 11").waitFor();
		await press("Enter", "Enter");
		await find.getByText("2 of 11").waitFor();
		await press("Shift+Enter");
		await find.getByText("1 of 11").waitFor();
		await press("F3", "F3");
		await find.getByText("3 of 11").waitFor();
		await waterfall().waitForSelected(otlpSpanId(1 + 10 * TURN));
		await press("Escape");
		await find.waitFor({ state: "hidden" });
		await press("ArrowDown");
		await waterfall().waitForSelected(otlpSpanId(2 + 10 * TURN));
	});

	it("steps to the failure, looks closer and shows the critical path", async () => {
		await press("e");
		await waterfall().waitForSelected(otlpSpanId(FAILED));
		await press("f");
		await until("its time is shown", () => chart(({ timeWindow }) => timeWindow !== undefined));
		await press("0");
		await until("all of the time is shown", () => chart(({ timeWindow }) => timeWindow === undefined));
		await press("c");
		await until("the path is shown", () => chart(({ showsCriticalPath }) => showsCriticalPath));
	});

	it("reads the keys, opens the details, and comes back to where it was", async () => {
		const { spanDetail } = session().window;
		await press("Shift+Slash");
		const sheet = (await waterfall().frame()).getByRole("dialog");
		await sheet.waitFor();
		await press("Escape");
		await sheet.waitFor({ state: "hidden" });
		await press("Enter");
		await until("the details are of the failed span", async () => (await spanDetail.title()) === `step ${FAILED}`);
		await press("Control+1");
		await until("an arrow moves in the waterfall", async () => {
			await press("ArrowUp");
			return (await waterfall().selectedId()) !== otlpSpanId(FAILED);
		});
	});

	it("finds its place again when another editor stood in front", async () => {
		await type("File: New Untitled Text File");
		await until("the waterfall is hidden", async () => (await waterfall().find()) === undefined);
		await keyboard().type("a note");
		await type("View: Open Previous Editor in Group");
		await waterfall().waitForTrace(TRACE_ID);
		const before = await waterfall().selectedId();
		expect(before).toBeDefined();
		await until("an arrow moves in the waterfall", async () => {
			await press("ArrowUp");
			return (await waterfall().selectedId()) !== before;
		});
	});
});
