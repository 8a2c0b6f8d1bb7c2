import type { HostToSpanDetail, SpanDetailToHost } from "../../src/protocol/messages.ts";
import { viewOf } from "../webview/spanDetailViews.ts";
import { type BenchRow, interleave, median, ratioRow, valueRow } from "./bench.mts";
import { openPage, openPeer, withThreadTime } from "./chromium.mts";
import { payloadOf } from "./pages/payload.ts";

export const name = "detail-open";

const ROUNDS = 5;
const WATCHED_ROUNDS = 3;
const SIZES = { "64kB": 64_000, "1MB": 1_000_000, "5MB": 5_000_000, "20MB": 20_000_000 } as const;
/** Above this nobody waits for a `<pre>`. */
const MAX_PRE_BYTES = 5_000_000;
const FRAME_MS = 1000 / 60;

/**
 * Milliseconds from the host's message to the frame that has the first rows of a JSON payload, in a fresh page. What is cut comes
 * by its beginning (`first`); `whole` is what the button behind it brings, as far as a page takes it.
 */
export async function run(): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	for (const [size, bytes] of Object.entries(SIZES)) {
		const view = viewOf({ input: payloadOf(bytes) }, { kindType: "custom", kindName: "tool" });
		const isCut = view.input?.isCut === true;
		const canBeWhole = isCut && bytes < 8_000_000;
		const open = async (isWatched: boolean) => {
			const { page, close } = await openPage<SpanDetailToHost, HostToSpanDetail>("spanDetail", "detailPage.mts");
			const first = await page.evaluate((shown) => globalThis.detail.open(shown), view);
			let whole = Number.NaN;
			let longestMs = Number.NaN;
			if (canBeWhole) {
				await page.evaluate((size) => globalThis.detail.prepare(size), bytes);
				const show = () => page.evaluate(() => globalThis.detail.showWhole());
				if (isWatched) {
					const { thread } = await withThreadTime(page, show);
					longestMs = thread.longestMs;
				} else whole = await show();
			}
			await close();
			return { first, whole, longestMs };
		};
		const { ours, pre, parse } = await interleave<"ours" | "pre" | "parse", Awaited<ReturnType<typeof open>>>(ROUNDS, {
			ours: () => open(false),
			pre: async () => ({ ...NOTHING, whole: bytes > MAX_PRE_BYTES ? Number.NaN : await openPre(bytes) }),
			parse: async () => ({ ...NOTHING, whole: await parseTime(bytes) }),
		});
		const wholeOf = (results: readonly { readonly whole: number }[]): number =>
			median(results.map(({ whole }) => whole));
		const first = median(ours.map((result) => result.first));
		const shown = canBeWhole ? wholeOf(ours) : first;
		const limit = 3 * wholeOf(parse) + 2 * FRAME_MS;
		rows.push(valueRow(`${name}-${size}-first`, first, "ms", ""));
		if (canBeWhole) rows.push(valueRow(`${name}-${size}-whole`, shown, "ms", ""));
		if (bytes <= MAX_PRE_BYTES) {
			const goal = bytes === MAX_PRE_BYTES ? "<= 0.1 ratio" : "";
			rows.push(ratioRow(`${name}-${size}-pre`, shown, wholeOf(pre), "ms", goal));
		}
		// The baseline is three times JSON.parse of the same text, and two frames.
		rows.push(ratioRow(`${name}-${size}-parse`, shown, limit, "ms", "<= 1 ratio"));
		if (!canBeWhole) continue;
		const tasks: number[] = [];
		for (let round = 0; round < WATCHED_ROUNDS; round++) tasks.push((await open(true)).longestMs);
		rows.push(valueRow(`${name}-${size}-task`, median(tasks), "ms", "<= 50 ms"));
	}
	return rows;
}

const NOTHING = { first: Number.NaN, longestMs: Number.NaN };

async function openPre(bytes: number): Promise<number> {
	const page = await openPeer("prePage.mts");
	const took = await page.evaluate((size) => globalThis.preformatted.open(size), bytes);
	await page.context().close();
	return took;
}

async function parseTime(bytes: number): Promise<number> {
	const page = await openPeer("prePage.mts");
	const took = await page.evaluate((size) => globalThis.preformatted.parse(size), bytes);
	await page.context().close();
	return took;
}
