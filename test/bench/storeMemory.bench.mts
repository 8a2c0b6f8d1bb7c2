import { type BenchRow, median, ratioRow, runChild, valueRow } from "./bench.mts";

export const name = "store-memory";

const SPANS = 100_000;
const ROUNDS = 3;

/** What each of two ways of keeping the same spans holds on to, in a process of its own: bytes of heap and buffers a span. */
export async function run(): Promise<BenchRow[]> {
	const child = new URL("children/storeMemory.mts", import.meta.url);
	const bytes: Record<string, number[]> = { store: [], objects: [] };
	for (let round = 0; round < ROUNDS; round++) {
		for (const way of ["store", "objects"]) {
			const result = await runChild(child, {
				nodeArguments: ["--expose-gc"],
				arguments: [way, String(SPANS)],
			});
			bytes[way].push(bytesPerSpan(result));
		}
	}
	const store = median(bytes.store);
	return [
		ratioRow("store-memory-ratio", store, median(bytes.objects), "bytes/span", "<= 0.45 ratio"),
		valueRow("store-memory-bytes", store, "bytes", "<= 200 bytes"),
	];
}

function bytesPerSpan(result: unknown): number {
	const value = (result as { bytesPerSpan?: unknown } | null)?.bytesPerSpan;
	if (typeof value !== "number") throw new Error("the child told no bytes per span");
	return value;
}
