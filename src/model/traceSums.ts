import { SpanStateCode } from "./span.ts";
import { Parent, type SpanColumns } from "./spanColumns.ts";
import { nanoUsd, plus } from "./usage.ts";

/**
 * What a trace's summary needs of a range of its spans. Sums of parts merge to the sums of the whole, whatever the order
 * of rows and parts: numbers add up exactly (whole tokens, whole nano-dollars), and of rows that tie in time the one with
 * the smaller span id counts. Rows are -1 for none.
 */
export class TraceSums {
	running = 0;
	failed = 0;
	/** Earliest start, of all spans and of the roots. */
	firstRow = -1;
	rootRow = -1;
	/** Latest end of a span that is not running. */
	lastRow = -1;
	/** Earliest start of a failed span. */
	failedRow = -1;
	/** NaN while no span knows it; so the next two. */
	inputTokens = Number.NaN;
	outputTokens = Number.NaN;
	costNanoUsd = Number.NaN;
	isCostEstimated = false;

	/** `isCounting` is false for a span that repeats what spans below it report. */
	add(c: SpanColumns, row: number, costUsd: number, isCounting: boolean): void {
		this.firstRow = earlier(c, row, this.firstRow);
		if (c.parentRow[row] === Parent.root) this.rootRow = earlier(c, row, this.rootRow);
		const state = c.state[row];
		if (state === SpanStateCode.running) this.running++;
		else this.lastRow = later(c, row, this.lastRow);
		if (state === SpanStateCode.failed) {
			this.failed++;
			this.failedRow = earlier(c, row, this.failedRow);
		}
		if (!isCounting) return;
		this.inputTokens = plus(this.inputTokens, c.inputTokens.get(row));
		this.outputTokens = plus(this.outputTokens, c.outputTokens.get(row));
		if (Number.isNaN(costUsd)) return;
		this.costNanoUsd = plus(this.costNanoUsd, nanoUsd(costUsd));
		if (Number.isNaN(c.costUsd[row])) this.isCostEstimated = true;
	}

	merge(c: SpanColumns, part: TraceSums): void {
		this.running += part.running;
		this.failed += part.failed;
		if (part.firstRow >= 0) this.firstRow = earlier(c, part.firstRow, this.firstRow);
		if (part.rootRow >= 0) this.rootRow = earlier(c, part.rootRow, this.rootRow);
		if (part.lastRow >= 0) this.lastRow = later(c, part.lastRow, this.lastRow);
		if (part.failedRow >= 0) this.failedRow = earlier(c, part.failedRow, this.failedRow);
		this.inputTokens = plus(this.inputTokens, part.inputTokens);
		this.outputTokens = plus(this.outputTokens, part.outputTokens);
		this.costNanoUsd = plus(this.costNanoUsd, part.costNanoUsd);
		this.isCostEstimated ||= part.isCostEstimated;
	}
}

/** The one of two rows that starts first; an unknown start is later than all. `other` may be -1. */
function earlier(c: SpanColumns, row: number, other: number): number {
	if (other < 0) return row;
	const a = c.startMs[row];
	const b = c.startMs[other];
	if (a < b) return row;
	if (b < a) return other;
	if (a === b) {
		const difference = c.startSubNs[row] - c.startSubNs[other];
		if (difference !== 0) return difference < 0 ? row : other;
	} else if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? other : row;
	return c.ids[row] < c.ids[other] ? row : other;
}

/** The one of two rows that ends last; an unknown end is earlier than all. `other` may be -1. */
function later(c: SpanColumns, row: number, other: number): number {
	if (other < 0) return row;
	const a = c.endMs[row];
	const b = c.endMs[other];
	if (a > b) return row;
	if (b > a) return other;
	if (a === b) return c.endSubNs[row] > c.endSubNs[other] ? row : other;
	return Number.isNaN(a) ? other : row;
}
