import { type OtlpSpan, otlpSpanId, sendOtlp } from "../e2e/support/otlp.ts";

/** Name of the trace and of its root. */
export const BIG_RUN = "big run";
const TURN = 50;
const CALL = 5;
const STEP_MS = 2;
const PART = 2500;

/** A trace that has been sent, and how it goes on. */
export interface BigRun {
	readonly traceId: string;
	readonly spanCount: number;
	/** The spans with the next numbers, each at the end of the trace or anywhere in it. */
	later(count: number): OtlpSpan[];
}

/** Sends a finished run of an agent: turns of fifty spans, in them model calls with four tools each, some of them failed. */
export async function sendBigRun(url: string, traceId: string, spanCount: number): Promise<BigRun> {
	const startMs = Date.now() - 3_600_000;
	const span = (number: number): OtlpSpan => spanOf(traceId, startMs, number, spanCount);
	for (let from = 0; from < spanCount; from += PART) {
		await sendOtlp(
			url,
			Array.from({ length: Math.min(PART, spanCount - from) }, (_, index) => span(from + index)),
		);
	}
	let next = spanCount;
	return {
		traceId,
		spanCount,
		later(count) {
			return Array.from({ length: count }, () => {
				const number = next++;
				// Every other one belongs to a turn long past: rows come in above what is read.
				const turn = 1 + TURN * Math.floor((number % 2 === 0 ? number / 3 : number) / TURN);
				const parent = turn < spanCount ? turn : 0;
				const parentStartMs = startMs + parent * STEP_MS;
				const offsetMs = parent === 0 ? number * STEP_MS : 99;
				return {
					traceId,
					spanId: otlpSpanId(number),
					parentSpanId: otlpSpanId(parent),
					name: `late_${number % 5}`,
					startMs: parentStartMs + offsetMs,
					endMs: parentStartMs + offsetMs + 1,
				};
			});
		},
	};
}

function spanOf(traceId: string, startMs: number, number: number, spanCount: number): OtlpSpan {
	const at = startMs + number * STEP_MS;
	const common = { traceId, spanId: otlpSpanId(number), startMs: at };
	if (number === 0) return { ...common, name: BIG_RUN, endMs: startMs + spanCount * STEP_MS };
	const place = (number - 1) % TURN;
	const turn = number - place;
	if (place === 0) {
		const name = `turn ${Math.floor(number / TURN)}`;
		return { ...common, name, parentSpanId: otlpSpanId(0), endMs: at + TURN * STEP_MS - 1 };
	}
	const call = number - ((place - 1) % CALL);
	const isCall = call === number;
	return {
		...common,
		name: isCall ? "chat" : `tool_${number % 7}`,
		parentSpanId: otlpSpanId(isCall ? turn : call),
		endMs: at + (isCall ? CALL * STEP_MS - 1 : 1),
		isFailed: number % 997 === 0,
	};
}
