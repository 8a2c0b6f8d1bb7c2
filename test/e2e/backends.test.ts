import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sourceDefinition } from "../../src/sources/registry.ts";
import type { AddedTrace, SourceFixture, SourcePeer } from "../contract/support/sourceFixture.ts";
import { cloudgridFixture } from "../contract/support/sources/cloudgridFixture.ts";
import { tempoFixture } from "../contract/support/sources/tempoFixture.ts";
import { traceExplorerFixture } from "../contract/support/sources/traceExplorerFixture.ts";
import { tracellmFixture } from "../contract/support/sources/tracellmFixture.ts";
import { tracewayFixture } from "../contract/support/sources/tracewayFixture.ts";
import { OUTPUT_DIR, useSession } from "./support/session.ts";
import { until } from "./support/wait.ts";

/** Pictures for people, one a backend. */
const SHOTS_DIR = join(OUTPUT_DIR, "screenshots");

/** What a backend needs before it is on the screen: polls, and Tempo's own time until a trace can be found. */
const SLOW_MS = 30_000;

const FIXTURES: readonly SourceFixture[] = [
	tracewayFixture,
	traceExplorerFixture,
	tempoFixture,
	tracellmFixture,
	cloudgridFixture,
];

/** One window for all of them: each backend is added by its address, watched, killed and brought back. */
describe("every backend of the field", () => {
	const session = useSession();
	const peers: SourcePeer[] = [];

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.sources.expand();
		await window.run("Traceway: Show Live Panel");
	});

	afterAll(async () => {
		for (const peer of peers) await peer.close();
	});

	/** Answers the questions of Add Source: the address, and the name. */
	async function addSource(url: string, label: string): Promise<void> {
		const { quickInput, run } = asUser();
		await run("Traceway: Add Source…");
		await quickInput.widget.getByText("Add Source", { exact: true }).waitFor();
		await quickInput.type(url);
		await quickInput.widget
			.locator(".quick-input-message")
			.filter({ hasText: `Found ${label} at ` })
			.waitFor();
		await quickInput.type(label);
	}

	function asUser() {
		const { window } = session();
		return { quickInput: window.quickInput, run: (title: string) => window.run(title) };
	}

	/** Of a trace, not of its root, which may be called the same. */
	function traceRow(label: string) {
		const { traces, page } = session().window;
		return traces.row(label).and(page.locator('[aria-level="1"]'));
	}

	describe.each(FIXTURES)("$label", (fixture) => {
		const label = sourceDefinition(fixture.type)?.label ?? "";
		let peer: SourcePeer;
		let seen: AddedTrace;

		/** Trace Explorer has sessions, which are called by their ids. */
		const rowOf = (name: string, { traceId }: AddedTrace) => (fixture.type === "traceExplorer" ? traceId : name);

		beforeAll(async () => {
			peer = await fixture.start();
			peers.push(peer);
			seen = await peer.addTrace({ name: `seen in ${fixture.type}` });
		});

		it("is added by its address, and shows its traces in the tree, the waterfall, the details and the live panel", async () => {
			const { window } = session();
			await window.closeEditors();
			await addSource(peer.url, label);
			await window.sources.waitFor(label, /^Live/);
			const row = rowOf(`seen in ${fixture.type}`, seen);
			await window.traces.waitForRow(row, "is there", () => true, SLOW_MS);
			await until("the live panel has it", async () => (await window.live.names()).includes(row), SLOW_MS);

			const [wanted] = await peer.traces();
			await window.traces.click(row);
			await window.waterfall.waitForTrace(seen.traceId);
			await window.waterfall.waitForSpanCount(wanted.spans.length);
			const { name } = wanted.spans.find(({ spanId }) => spanId === seen.spanId) ?? { name: "" };
			await (await window.waterfall.row(name)).last().click();
			await window.waterfall.waitForSelected(seen.spanId);
			await window.waterfall.press("Enter");
			await until("the details are of that span", async () => (await window.spanDetail.title()) === name);
			// Its payload, as far as the wire brings one.
			const payload = seen.payload.trim().slice(0, 40);
			await (await window.spanDetail.root()).getByText(payload).first().waitFor();
			await mkdir(SHOTS_DIR, { recursive: true });
			await window.page.screenshot({ path: join(SHOTS_DIR, `backend-${fixture.type}.png`) });
		});

		it("brings a new trace to the tree and to the live panel by itself", async () => {
			const { window } = session();
			const name = `live in ${fixture.type}`;
			const row = rowOf(name, await peer.addTrace({ name }));
			await window.traces.waitForRow(row, "has come", () => true, SLOW_MS);
			await until("the live panel has it", async () => (await window.live.names()).includes(row), SLOW_MS);
		});

		it("says that it is away, keeps what is on show, and catches up with what it missed", async () => {
			const { window } = session();
			const row = rowOf(`seen in ${fixture.type}`, seen);
			await peer.kill();
			await window.sources.waitFor(label, /^(?!Live)/);
			await window.statusBar.item.filter({ hasText: label }).waitFor();
			await traceRow(row).waitFor();
			await window.page.screenshot({ path: join(SHOTS_DIR, `backend-${fixture.type}-away.png`) });

			const name = `missed in ${fixture.type}`;
			const missed = rowOf(name, await peer.addTrace({ name }));
			await peer.revive();
			await window.statusBar.click();
			await window.sources.waitFor(label, /^Live/);
			await window.traces.waitForRow(missed, "was caught up with", () => true, SLOW_MS);
			const wanted = (await peer.traces()).length;
			await window.sources.waitFor(label, new RegExp(`^Live · ${wanted} traces`));
			expect(await traceRow(row).count()).toBe(1);
			expect(await traceRow(missed).count()).toBe(1);
		});
	});
});
