import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";
import { type LiveView, liveRow, liveRows, liveStats, openLive, seenNames, TEN, TestLiveHost } from "./liveHost.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["live"]);
});
afterAll(() => harness?.dispose());

/** Opens a page, runs a test on it, and lets no test pass that broke the page's policy or threw. */
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

/** Texts of a row's cells, without icons. */
function cells(view: LiveView, index: number): Promise<string[]> {
	return view.page
		.locator(".row")
		.nth(index)
		.locator("[role=gridcell]:not(.actions)")
		.evaluateAll((all) => all.map((cell) => (cell.querySelector("span + span") ?? cell).textContent ?? ""));
}

async function scrollBy(view: LiveView, px: number): Promise<void> {
	await view.page.locator(".grid").evaluate(
		(grid, by) =>
			new Promise<void>((resolve) => {
				grid.addEventListener("scroll", () => requestAnimationFrame(() => resolve()), { once: true });
				grid.scrollTop += by;
			}),
		px,
	);
}

describe("the live panel's page", () => {
	it("says ready with the protocol version, and stays small", async () => {
		await withPage(async (view) => {
			expect(await view.waitForPost("page/ready")).toMatchObject({ protocolVersion: 1 });
			expect(harness.entryBytes("live")).toBeLessThan(200_000);
		});
	});

	it("shows rows with their numbers, and what is unknown by a dash", async () => {
		await withPage(
			async (view, host) => {
				const known = liveRow(1, {
					name: "known",
					state: "completed",
					latencyNs: 1.5e9,
					model: "gpt-4o",
					modelCount: 3,
					spanCount: 4,
					stepCount: 3,
					inputTokens: 1200,
					outputTokens: 34,
					costUsd: 0.0421,
					isCostEstimated: true,
				});
				const unknown = liveRow(2, {
					name: "unknown",
					state: "running",
					isRunning: false,
					startMs: undefined,
					latencyNs: undefined,
					model: undefined,
					modelCount: 0,
					spanCount: 0,
					stepCount: 0,
					inputTokens: undefined,
					outputTokens: undefined,
					costUsd: undefined,
				});
				await view.send(host.snapshot([unknown, known]), {
					type: "prompts/known",
					prompts: [
						["trace-1", "Say hello"],
						["trace-2", null],
					],
				});
				const shown = [
					"10:00:01",
					"completed",
					"known",
					"gpt-4o +2",
					"4",
					"1.5 s",
					"1,234",
					"~$0.0421",
					"3",
					"Say hello",
				];
				expect(await cells(view, 0)).toEqual(shown);
				expect(await cells(view, 1)).toEqual(["–", "running", "unknown", "–", "0", "–", "–", "–", "–", "–"]);
			},
			{ width: 1400 },
		);
	});

	it("sums up what the host says, what nobody knows by a dash, and says of how many", async () => {
		await withPage(async (view, host) => {
			const cards = () =>
				view.page
					.locator(".card")
					.evaluateAll((all) => all.map((card) => card.textContent?.replace(/\s+/g, " ").trim()));
			await view.send(host.snapshot(liveRows(0, 3), { stats: liveStats({ traces: 3, allTraces: 1234 }) }));
			expect(await cards()).toEqual([
				"Traces 3 of 1,234",
				"Running 3",
				"Failed 12",
				"Avg latency 1.84 s",
				"p95 latency 7.2 s",
				"Tokens 4.81M",
				"Cost ~$12.35",
				"Events/s 42",
			]);
			const none = { averageLatencyNs: undefined, p95LatencyNs: undefined, tokens: undefined, costUsd: undefined };
			await view.send(
				host.delta([], { stats: liveStats({ ...none, traces: 3, allTraces: 3, eventsPerSecond: undefined }) }),
			);
			expect((await cards()).slice(3)).toEqual(["Avg latency –", "p95 latency –", "Tokens –", "Cost –", "Events/s –"]);
		});
	});

	it("lets new traces in on top, and has no more rows in the page than are in view", async () => {
		await withPage(async (view, host) => {
			await view.send(host.snapshot(liveRows(0, 400)));
			expect((await seenNames(view.page))[0]).toContain("399");
			await view.send(host.news([liveRow(400), liveRow(401)]));
			expect((await seenNames(view.page)).slice(0, 3).map((name) => name.match(/\d+$/)?.[0])).toEqual([
				"401",
				"400",
				"399",
			]);
			expect(await view.page.locator(".row").count()).toBeLessThan(600 / 22 + 14);
			expect(await view.page.locator(".grid").getAttribute("aria-rowcount")).toBe("403");
			expect(await view.page.getByRole("button", { name: /new trace/ }).count()).toBe(0);
		});
	});

	it("flashes new rows once, and none with reduced motion", async () => {
		const flashing = (view: LiveView) =>
			view.page.locator(".row").evaluateAll((rows) => rows.filter((row) => row.getAnimations().length > 0).length);
		await withPage(async (view, host) => {
			await view.send(host.snapshot(liveRows(0, 5)), host.news([liveRow(5), liveRow(6)]));
			expect(await flashing(view)).toBe(2);
		});
		await withPage(
			async (view, host) => {
				await view.send(host.snapshot(liveRows(0, 5)), host.news([liveRow(5), liveRow(6)]));
				expect(await view.page.locator(".row").count()).toBe(7);
				expect(await flashing(view)).toBe(0);
			},
			{ reducedMotion: "reduce" },
		);
	});

	it("points at none while many come at once", async () => {
		await withPage(async (view, host) => {
			await view.send(host.snapshot(liveRows(0, 5)), host.news(liveRows(5, 12)));
			const moving = view.page
				.locator(".row")
				.evaluateAll((rows) => rows.flatMap((row) => row.getAnimations({ subtree: true })).length);
			expect(await moving).toBe(0);
			expect(await view.page.locator(".row").count()).toBe(12);
		});
	});

	it("keeps rows where they are while scrolled away, and jumps to the new ones on request", async () => {
		await withPage(async (view, host) => {
			await view.send(host.snapshot(liveRows(0, 400)));
			await scrollBy(view, 1000);
			const before = await seenNames(view.page);
			await view.send(host.news([liveRow(400)]), host.news([liveRow(401)]));
			expect(await seenNames(view.page)).toEqual(before);
			await view.page.getByRole("button", { name: "2 new traces" }).click();
			await view.page.getByRole("button", { name: /new trace/ }).waitFor({ state: "detached" });
			expect((await seenNames(view.page))[0]).toContain("401");
			await view.send(host.news([liveRow(402)]));
			expect((await seenNames(view.page))[0]).toContain("402");
		});
	});

	it("is live again when one scrolls back to the top", async () => {
		await withPage(async (view, host) => {
			await view.send(host.snapshot(liveRows(0, 400)));
			await scrollBy(view, 500);
			await view.send(host.news([liveRow(400)]));
			await scrollBy(view, -500);
			await view.page.getByRole("button", { name: /new trace/ }).waitFor({ state: "detached" });
			expect((await seenNames(view.page))[0]).toContain("400");
		});
	});

	it("keeps the rows in view in their place when others above them are deleted", async () => {
		await withPage(async (view, host) => {
			await view.send(host.snapshot(liveRows(0, 400)));
			await scrollBy(view, 2200);
			const before = await seenNames(view.page);
			await view.send(host.delta([], { removed: ["trace-390", "trace-395", "trace-2"] }));
			expect(await seenNames(view.page)).toEqual(before);
		});
	});

	it("sorts by the head that is clicked, the other way by the next click, and says so", async () => {
		await withPage(
			async (view, host) => {
				await view.send(
					host.snapshot([liveRow(1, { costUsd: 1 }), liveRow(2, { costUsd: 3 }), liveRow(3, { costUsd: undefined })]),
				);
				const numbers = async () => (await seenNames(view.page)).map((name) => name.match(/\d+$/)?.[0]).join();
				const cost = view.page.getByRole("columnheader", { name: "Cost" });
				await cost.getByRole("button").click();
				expect(await cost.getAttribute("aria-sort")).toBe("descending");
				expect(await numbers()).toBe("2,1,3");
				await view.send(host.news([liveRow(4, { costUsd: 9 })]));
				expect(await numbers()).toBe("2,1,3");
				await cost.getByRole("button").click();
				expect(await numbers()).toBe("1,2,4,3");
				expect(await cost.getAttribute("aria-sort")).toBe("ascending");
				await view.send(host.delta([liveRow(1, { costUsd: 99 })]));
				await view.page.getByRole("button", { name: "Order has changed" }).click();
				expect(await numbers()).toBe("2,4,1,3");
				// An order in the filter goes before that of the heads.
				await view.send(host.snapshot([liveRow(1), liveRow(2)], { filter: "sort:name order:asc" }));
				expect(await view.page.getByRole("columnheader", { name: "Name" }).getAttribute("aria-sort")).toBe("ascending");
			},
			{ width: 1400 },
		);
	});

	it("asks for a snapshot, once, when a delta does not fit", async () => {
		await withPage(async (view, host) => {
			await view.send(host.snapshot(liveRows(0, 3)));
			await view.send(host.delta([liveRow(7)], { baseRevision: 99 }), host.delta([liveRow(8)]));
			expect((await view.posted()).filter(({ type }) => type === "live/resync")).toHaveLength(1);
			expect(await view.page.locator(".row").count()).toBe(3);
			await view.send(host.snapshot(liveRows(0, 9)));
			expect(await view.page.locator(".row").count()).toBe(9);
		});
	});

	it("lets the latency of what runs grow, and stands still while paused", async () => {
		await withPage(
			async (view, host) => {
				const runs = liveRow(1, { name: "runs", state: "running", isRunning: true, latencyNs: undefined });
				await view.send(host.snapshot([runs], { stats: liveStats({ running: 1 }) }));
				const latency = view.page.locator(".row .latency");
				expect(await latency.textContent()).toBe("29 m 59 s");
				await view.page.clock.setFixedTime(TEN + 45 * 60_000);
				await latency.filter({ hasText: "44 m 59 s" }).waitFor();
				const paused = {
					type: "live/paused",
					pausedAtMs: TEN + 46 * 60_000,
					waiting: { newTraces: 1, events: 7 },
				} as const;
				await view.send(paused, host.delta([runs]));
				await view.page.getByText("1 new trace, 7 events waiting").waitFor();
				await view.page.clock.setFixedTime(TEN + 50 * 60_000);
				await view.send(host.delta([{ ...runs, spanCount: 9 }]));
				expect(await latency.textContent()).toBe("45 m 59 s");
				await view.page.getByRole("button", { name: "Resume" }).click();
				expect(await view.waitForPost("action/run")).toEqual({ type: "action/run", action: "resume" });
				await view.send({ type: "live/resumed" });
				expect(await view.page.getByText("events waiting").count()).toBe(0);
				await latency.filter({ hasText: "49 m 59 s" }).waitFor();
			},
			{ width: 1400 },
		);
	});

	it("asks for the prompts of the rows in view, and not again for those that have none", async () => {
		await withPage(
			async (view, host) => {
				await view.send(host.snapshot(liveRows(0, 200)));
				const { traceIds } = await view.waitForPost("prompts/load");
				expect(traceIds[0]).toBe("trace-199");
				expect(traceIds.length).toBeLessThan(20);
				await view.send({ type: "prompts/known", prompts: traceIds.map((traceId) => [traceId, null] as const) });
				await view.clearPosted();
				await view.send(host.news([liveRow(200)]));
				expect((await view.waitForPost("prompts/load")).traceIds).toEqual(["trace-200"]);
			},
			{ width: 1400, height: 300 },
		);
	});

	it("tells in place of rows how things stand, each with what to do", async () => {
		await withPage(async (view, host) => {
			const { page } = view;
			const offers = async (phase: NonNullable<Parameters<TestLiveHost["snapshot"]>[1]>["phase"]) => {
				await view.send(host.snapshot([], { phase }));
				return await page.locator(".message .buttons button").allTextContents();
			};
			expect(await offers("starting")).toEqual([]);
			expect(await offers("connecting")).toEqual(["Show Log"]);
			expect(await offers("empty")).toEqual(["Send Demo Traces", "Copy Server Address"]);
			expect(await offers("emptyRemote")).toEqual(["Select Another Source"]);
			expect(await offers("noMatch")).toEqual(["Clear Filter"]);
			expect(await offers("unauthorized")).toEqual(["Set Token", "Reconnect"]);
			expect(await offers("failed")).toEqual(["Reconnect", "Show Log"]);
			expect(await offers("disconnected")).toEqual(["Reconnect"]);
			await page.locator(".message .buttons button").click();
			expect(await view.waitForPost("action/run")).toEqual({ type: "action/run", action: "reconnect" });
			await view.send({ type: "connection/changed", connection: { indicator: "connecting", text: "Next try in 4 s" } });
			expect(await page.locator(".notice").count()).toBe(0);
			await view.send(host.snapshot(liveRows(0, 3)));
			expect(await page.locator(".notice").textContent()).toContain("Next try in 4 s");
			await page.getByRole("button", { name: /Click to reconnect/ }).click();
		});
	});

	it("shows names from traces as text, whatever they hold", async () => {
		await withPage(async (view, host) => {
			const name = '<img src=x onerror="alert(1)">';
			await view.send(host.snapshot([liveRow(1, { name, model: "<b>bold</b>" })]));
			expect(await view.page.locator(".row .name").textContent()).toBe(name);
			expect(await view.page.locator(".row img, .row b").count()).toBe(0);
		});
	});
});
