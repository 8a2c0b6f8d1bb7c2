import { isDeepStrictEqual } from "node:util";
import { loadPrices } from "../../src/model/prices.ts";
import { Normaliser } from "../../src/otlp/normalise.ts";
import { decodeProtobuf } from "../../src/otlp/protobufDecode.ts";
import type { SpanSink } from "../../src/otlp/rawSpan.ts";
import { estimateCost } from "../../src/server/spanKind.ts";
import { encodeRequest } from "../peers/otlpProto.ts";
import { type BenchRow, cpuTimeMs, interleave, median, ratioRow, valueRow } from "./bench.mts";
import { BATCH_SPANS, genAiRequest } from "./otlpLoad.mts";
import { decodeWithPbf, decodeWithProtobufjs } from "./otlpPeers.mts";

export const name = "otlp-protobuf";

const ROUNDS = 9;
/** Processor time is counted in steps of milliseconds. */
const ROUND_MS = 300;
const NOW = { ms: 0, subNs: 0 };

const CONTENDERS = {
	ours: (bytes: Buffer, sink: SpanSink) => void decodeProtobuf(bytes, sink),
	pbf: decodeWithPbf,
	protobufjs: decodeWithProtobufjs,
};

/**
 * Spans a second of processor time from the bytes of a request to normalised spans, ready to be stored. The peers decode into
 * objects, which are brought into the same form and go through the same normaliser; all three must give the same.
 */
export async function run(): Promise<BenchRow[]> {
	await loadPrices();
	const rows: BenchRow[] = [];
	for (const [label, chars] of [
		["", 800],
		["-8kb", 8000],
	] as const) {
		const bytes = encodeRequest(genAiRequest(chars));
		const batchOf = (decode: (bytes: Buffer, sink: SpanSink) => void) => {
			const normaliser = new Normaliser(NOW, estimateCost);
			decode(bytes, normaliser);
			return normaliser.batch({ rejectedSpans: 0, firstProblem: undefined });
		};
		const expected = batchOf(CONTENDERS.ours);
		for (const peer of [CONTENDERS.pbf, CONTENDERS.protobufjs]) {
			if (!isDeepStrictEqual(batchOf(peer), expected)) throw new Error("a peer's spans differ from ours");
		}
		const results = await interleave(ROUNDS, {
			ours: () => spansPerCpuS(() => batchOf(CONTENDERS.ours)),
			pbf: () => spansPerCpuS(() => batchOf(CONTENDERS.pbf)),
			protobufjs: () => spansPerCpuS(() => batchOf(CONTENDERS.protobufjs)),
		});
		const ours = median(results.ours);
		const isGoal = label === "";
		rows.push(
			ratioRow(`${name}${label}-pbf`, ours, median(results.pbf), "spans/CPU-s", isGoal ? ">= 2 ratio" : ""),
			ratioRow(
				`${name}${label}-protobufjs`,
				ours,
				median(results.protobufjs),
				"spans/CPU-s",
				isGoal ? ">= 3 ratio" : "",
			),
			valueRow(`${name}${label}-bytes`, bytes.length / BATCH_SPANS, "bytes/span", ""),
		);
	}
	return rows;
}

function spansPerCpuS(work: () => unknown): number {
	let batches = 0;
	const before = cpuTimeMs();
	let cpuMs = 0;
	while (cpuMs < ROUND_MS) {
		for (let turn = 0; turn < 10; turn++) work();
		batches += 10;
		cpuMs = cpuTimeMs() - before;
	}
	return (batches * BATCH_SPANS * 1000) / cpuMs;
}
