import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OtlpSpan, otlpSpanId, sendOtlp } from "./support/otlp.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const TRACE_ID = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";
const GROUPS = 96;
const GROUP_SIZE = 500;
const WIDE_CHILDREN = 1998;
/** A root, groups of one span with 499 children each, and one span with 1,998 children. */
const SPANS = 1 + GROUPS * GROUP_SIZE + 1 + WIDE_CHILDREN;
/** Rows in the DOM beside those in view. */
const OVERSCAN = 40;

const startMs = Date.now() - 600_000;

function span(number: number, parent: number | undefined, name: string, lengthMs = 5): OtlpSpan {
	return {
		traceId: TRACE_ID,
		spanId: otlpSpanId(number),
		parentSpanId: parent === undefined ? undefined : otlpSpanId(parent),
		name,
		// Later numbers start later: the order of the rows is the order of the numbers.
		startMs: startMs + number * 10,
		endMs: startMs + number * 10 + lengthMs,
	};
}

function bigTrace(): OtlpSpan[] {
	const spans = [span(0, undefined, "big root", SPANS * 10)];
	for (let group = 0; group < GROUPS; group++) {
		const first = spans.length;
		spans.push(span(first, 0, `group ${group}`, GROUP_SIZE * 10));
		for (let child = 1; child < GROUP_SIZE; child++) spans.push(span(spans.length, first, `step ${group}.${child}`));
	}
	const wide = spans.length;
	spans.push(span(wide, 0, "wide", WIDE_CHILDREN * 10));
	for (let child = 0; child < WIDE_CHILDREN; child++) spans.push(span(spans.length, wide, `item ${child}`));
	return spans;
}

/** Spans that keep coming, each at its time, until `stop`. */
class Trickle {
	sent = 0;
	readonly #send: (number: number) => Promise<void>;
	#isStopped = false;
	#running: Promise<void> | undefined;

	/** @param send Sends the spans of one tick; called ten times a second, one call after the other. */
	constructor(send: (number: number) => Promise<void>) {
		this.#send = send;
	}

	start(): void {
		this.#running = (async () => {
			for (let tick = 0; !this.#isStopped; tick++) {
				const due = performance.now() + 100;
				await this.#send(tick);
				this.sent++;
				await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
			}
		})();
	}

	async stop(): Promise<void> {
		this.#isStopped = true;
		await this.#running;
	}
}

describe("a trace of 50,000 spans", () => {
	let server: TestServer;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});
	const waterfall = () => session().window.waterfall;

	/** At most what is in view and the overscan is in the page, at any place. */
	async function expectFewRows(): Promise<void> {
		const inView = await waterfall().rowsInViewport();
		const inPage = await (await waterfall().rows()).count();
		expect(inPage).toBeGreaterThanOrEqual(inView - 2);
		expect(inPage).toBeLessThanOrEqual(inView + OVERSCAN);
	}

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		const spans = bigTrace();
		expect(spans.length).toBe(50_000);
		for (let from = 0; from < spans.length; from += 2500) await sendOtlp(server.url, spans.slice(from, from + 2500));
		expect((await server.api.stats()).span_count).toBe(SPANS);
		await window.traces.click("big root");
	});

	afterAll(() => server?.dispose());

	it("opens whole, says its number of spans and knows the server's last one", async () => {
		await waterfall().waitForSpanCount(SPANS, 60_000);
		await waterfall().waitForText("50,000 spans");
		const ids = new Set((await waterfall().spans()).map(({ id }) => id));
		const wire = await server.api.spans(TRACE_ID);
		expect(wire.length).toBe(SPANS);
		expect(wire.filter(({ id }) => !ids.has(id))).toEqual([]);
		await waterfall().press("End");
		expect(wire.at(-1)?.name).toBe(`item ${WIDE_CHILDREN - 1}`);
		await waterfall().waitForSelected(wire.at(-1)?.id ?? "");
	});

	it("keeps few rows in the page wherever it is scrolled to", async () => {
		await waterfall().press("Home");
		await until("the top is in view", async () => (await waterfall().scrollOffset()) === 0);
		await expectFewRows();
		let before = -1;
		for (const pixels of [300, 5000, 100_000, 400_000, 2_000_000, -50_000]) {
			await waterfall().scrollBy(pixels);
			await until("the rows have moved", async () => (await waterfall().scrollOffset()) !== before);
			before = await waterfall().scrollOffset();
			await until("rows are drawn", async () => (await waterfall().topName()) !== "");
			await expectFewRows();
		}
		expect(before).toBeGreaterThan(500_000);
	});

	it("walks by arrows, Home and End, folds one and all, and selects by a click", async () => {
		const id = otlpSpanId;
		await waterfall().press("Home");
		await waterfall().waitForSelected(id(0));
		for (let step = 1; step <= 3; step++) await waterfall().press("ArrowDown");
		await waterfall().waitForSelected(id(3));
		await waterfall().press("ArrowUp");
		await waterfall().waitForSelected(id(2));
		// To the parent, which a second time folds.
		await waterfall().press("ArrowLeft");
		await waterfall().waitForSelected(id(1));
		await waterfall().press("ArrowLeft");
		await until("one group is folded", async () => (await waterfall().visibleRowCount()) === SPANS - (GROUP_SIZE - 1));
		await waterfall().press("ArrowDown");
		await waterfall().waitForSelected(id(1 + GROUP_SIZE));
		await waterfall().press("[");
		await until("all is folded", async () => (await waterfall().visibleRowCount()) === 1);
		await waterfall().waitForSelected(id(0));
		await waterfall().press("*");
		await until("all is unfolded", async () => (await waterfall().visibleRowCount()) === SPANS);
		await waterfall().press("End");
		await waterfall().waitForSelected(id(SPANS - 1));
		await (await waterfall().row("item 1990")).click();
		await waterfall().waitForSelected(id(SPANS - WIDE_CHILDREN + 1990));
		await expectFewRows();
	});

	it("is followed by the tree, and never thrown back by it, when keys come fast", async () => {
		const { traces } = session().window;
		await waterfall().press("Home");
		for (let round = 1; round <= 3; round++) {
			// As fast as they can be sent: each one asks the tree for another row before the last one was shown.
			for (let step = 0; step < 20; step++) await waterfall().press("ArrowDown");
			const number = round * 20;
			await waterfall().waitForSelected(otlpSpanId(number));
			const selected = traces.row(`step 0.${number - 1}`).and(session().window.page.locator(".selected"));
			await selected.waitFor();
			expect(await waterfall().selectedId()).toBe(otlpSpanId(number));
		}
	});

	it("opens the details of a span at its far end", async () => {
		const { spanDetail } = session().window;
		await waterfall().press("End");
		await waterfall().press("Enter");
		await spanDetail.waitForText(`item ${WIDE_CHILDREN - 1}`);
		await until("it is the last span", async () => (await spanDetail.title()) === `item ${WIDE_CHILDREN - 1}`);
		await spanDetail.waitForText(otlpSpanId(SPANS - 1));
	});

	it("offers in the tree to load more than 500 children", async () => {
		const { traces } = session().window;
		await traces.scrollToTop();
		await traces.expand("big root");
		// The trace and its root span have one name.
		const root = traces.row("big root").nth(1);
		await root.waitFor();
		if ((await root.getAttribute("aria-expanded")) === "false") await root.locator(".monaco-tl-twistie").click();
		await traces.scrollTo("wide");
		await traces.expand("wide");
		await traces.scrollTo("Load more");
		const first = await traces.waitForRow("Load more", "counts", ({ description }) => description !== "");
		expect(first.description.replaceAll(/\D+/g, " ").trim()).toBe("500 1998");
		expect(await traces.row("item 499").count()).toBe(1);
		expect(await traces.row("item 500").count()).toBe(0);
		await traces.click("Load more");
		await traces.row("item 500").waitFor();
	});

	it("leaves place and selection alone while 200 spans a second arrive above and below", async () => {
		await waterfall().press("End");
		// Away from the end, where the list could only stay.
		await waterfall().scrollBy(-400_000);
		await until("the rows have moved", async () => /^step /.test(await waterfall().topName()));
		const row = (await waterfall().rows()).nth(5);
		const name = (await row.locator(".name").textContent()) ?? "";
		await row.click();
		await until("a row in view is selected", async () => (await waterfall().selectedId()) !== otlpSpanId(SPANS - 1));
		const selected = await waterfall().selectedId();
		const top = await waterfall().topName();
		const offset = await waterfall().scrollOffset();
		const trickle = new Trickle(async (tick) => {
			const late = Array.from({ length: 20 }, (_, index): OtlpSpan => {
				const number = SPANS + tick * 20 + index;
				// Under the first group and under the last span, in turn.
				const parent = index % 2 === 0 ? 1 : SPANS - WIDE_CHILDREN - 1;
				return {
					...span(number, parent, `late ${number}`),
					startMs: startMs + parent * 10 + 6,
					endMs: startMs + parent * 10 + 9,
				};
			});
			await sendOtlp(server.url, late);
		});
		trickle.start();
		try {
			for (let spans = 200; spans <= 1000; spans += 200) {
				await until(`${spans} spans more are shown`, async () => (await waterfall().spanCount()) >= SPANS + spans);
				expect(await waterfall().topName()).toBe(top);
				expect(await waterfall().selectedId()).toBe(selected);
				expect(await (await waterfall().row(name)).getAttribute("aria-selected")).toBe("true");
			}
		} finally {
			await trickle.stop();
		}
		await waterfall().waitForSpanCount(SPANS + trickle.sent * 20);
		// Rows came in above: the place in the list grew by them, what is read stayed.
		expect(await waterfall().scrollOffset()).toBeGreaterThan(offset);
		expect(await waterfall().topName()).toBe(top);
		await expectFewRows();
	});

	it("opens what is clicked in the tree while all of it is drawn anew all the time", async () => {
		const { window } = session();
		const { api } = server;
		const ids = new Map<string, string>();
		// Other names for each attempt, or a second one would click what the first one left.
		const attempt = `clicked${Date.now().toString(36)}`;
		const names = [`${attempt} left`, `${attempt} right`] as const;
		for (const name of names) ids.set(name, await api.trace(name));
		// In a filtered tree every span may change what is shown, so each one draws the whole of it anew.
		await until(
			"two rows are left",
			async () => {
				await window.run("Traceway: Filter Traces…");
				// The palette may give the focus back to a panel, which closes the box.
				await window.quickInput.input.fill(attempt, { timeout: 2000 });
				await window.page.keyboard.press("Enter");
				return await until("the tree is filtered", async () => (await window.traces.visible()).length === 2, 15_000);
			},
			60_000,
		);
		const trickle = new Trickle(async (tick) => {
			await Promise.all([...ids].map(([name, traceId]) => api.span(traceId, `${name} ${tick}`)));
		});
		trickle.start();
		try {
			for (let round = 0; round < 6; round++) {
				const name = round % 2 === 0 ? names[0] : names[1];
				// An open panel would follow the selection as well.
				await window.closeEditors();
				await window.traces.click(name);
				await until(`${name} is open`, async () => (await waterfall().traceId()) === ids.get(name), 5000);
			}
		} finally {
			await trickle.stop();
		}
		await window.run("Traceway: Clear Filter");
	});
});
