import { type BenchRow, interleave, measure, median, ratioRow, runChild, valueRow } from "./bench.mts";
import { layOutInterned, layOutObjects, layOutTexts, layoutInput, onePass } from "./layoutPeers.mts";
import { type Arrival, agentSpans, arrivalOrder } from "./pages/agentTrace.ts";

export const name = "layout";

const SIZES = [1_000, 10_000, 100_000, 250_000, 1_000_000] as const;
/** Spans a contender lays out in one round, over and over where a trace has fewer. */
const SPANS_A_ROUND = 100_000;
const ROUNDS = 5;
/** Of the slow ones, which need no more than a ratio. */
const MAX_OBJECTS = 250_000;

/**
 * Nanoseconds of processor time a span to lay out a trace as rows in pre-order: ours from ordinals and from ids, an algorithm with
 * objects, and one indexed copy as the limit of what is possible.
 */
export async function run(): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	for (const arrival of ["start", "shuffled"] as const) {
		for (const count of SIZES) rows.push(...(await timeRows(count, arrival)));
	}
	for (const count of [10_000, 100_000]) rows.push(await memoryRow(count));
	return rows;
}

async function timeRows(count: number, arrival: Arrival): Promise<BenchRow[]> {
	const input = layoutInput(count, arrival);
	const order = arrivalOrder(agentSpans(count, false), arrival);
	const times = Math.max(1, Math.round(SPANS_A_ROUND / count));
	const time = (work: () => unknown) => async (): Promise<number> => {
		const { cpuMs } = await measure(() => {
			for (let repeat = 0; repeat < times; repeat++) work();
		});
		return (cpuMs * 1e6) / (count * times);
	};
	const contenders: Record<string, () => Promise<number>> = {
		interned: time(() => layOutInterned(input)),
		copy: time(() => onePass(input, order)),
	};
	if (count <= MAX_OBJECTS && arrival === "shuffled") {
		contenders.texts = time(() => layOutTexts(input));
		contenders.objects = time(() => layOutObjects(input));
	}
	// The compiler's round.
	await interleave(1, contenders);
	const taken = await interleave(ROUNDS, contenders);
	const named = `${name}-${count}-${arrival}`;
	const interned = median(taken.interned);
	const rows = [
		valueRow(`${named}-ns`, interned, "ns/span", "<= 60 ns/span"),
		ratioRow(`${named}-pass`, interned, median(taken.copy), "ns/span", ""),
	];
	if (taken.objects === undefined) return rows;
	return [
		...rows,
		ratioRow(`${named}-interned`, interned, median(taken.objects), "ns/span", "<= 0.1 ratio"),
		ratioRow(`${named}-texts`, median(taken.texts), median(taken.objects), "ns/span", "<= 0.4 ratio"),
	];
}

async function memoryRow(count: number): Promise<BenchRow> {
	const child = new URL("children/layoutMemory.mts", import.meta.url);
	const held = async (way: string): Promise<number> => {
		const result = await runChild(child, { nodeArguments: ["--expose-gc"], arguments: [way, String(count)] });
		return (result as { readonly bytesPerSpan: number }).bytesPerSpan;
	};
	const { typed, objects } = await interleave(3, { typed: () => held("typed"), objects: () => held("objects") });
	return ratioRow(`${name}-${count}-retained`, median(typed), median(objects), "bytes/span", "<= 0.25 ratio");
}
