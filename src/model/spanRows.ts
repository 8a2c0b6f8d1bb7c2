import type { Timestamp } from "../base/timestamp.ts";
import { Orphans } from "./orphans.ts";
import { estimateCostUsd, isEstimated } from "./prices.ts";
import { SPAN_STATES, type SpanInput, SpanStateCode, type SpanSummary } from "./span.ts";
import { type CountColumn, Parent, SpanColumns, SpanFlag, type TextColumn } from "./spanColumns.ts";
import { SpanIndex } from "./spanIndex.ts";
import { NO_STRING, StringTable, WordCodes } from "./stringTable.ts";

/** What `SpanRows.write` changed: nothing, something that shows, or, beyond that, what sums over spans depend on. */
export const Written = { nothing: 0, shown: 1, usage: 2 } as const;
export type Written = (typeof Written)[keyof typeof Written];

/** What a value may do to a field: fill it only while it is unknown; set it where it is known; set it, to unknown as well. */
type Way = "fill" | "set" | "replace";

/**
 * The spans of the store, by rows: one typed column a field, texts that many spans share interned, what few spans have in
 * maps. Knows of traces only their index.
 */
export class SpanRows {
	readonly columns = new SpanColumns();
	readonly strings = new StringTable();
	readonly #kindTypes = new WordCodes();
	readonly #index = new SpanIndex(this.columns);
	readonly #errors = new Map<number, string>();
	/** Files of the few spans that name one. */
	readonly #paths = new Map<number, string>();
	/** Nanoseconds to the first token of the calls that tell it: streamed ones. */
	readonly #firstTokens = new Map<number, number>();
	readonly #orphans = new Orphans(this.columns);

	/** Row of a span of this id, of whichever trace. */
	findAny(spanId: string): number | undefined {
		return this.#index.findAny(spanId);
	}

	find(spanId: string, traceIndex: number): number | undefined {
		return this.#index.find(spanId, traceIndex);
	}

	/** A new row, written; the trace has no span of this id. Returns the rows that waited for it as their parent, too. */
	add(
		input: SpanInput,
		traceIndex: number,
		ordinal: number,
	): { readonly row: number; readonly children: readonly number[] } {
		const row = this.columns.allocate(input.spanId, traceIndex);
		this.columns.ordinal[row] = ordinal;
		this.#index.add(row);
		this.write(row, input);
		return { row, children: this.#orphans.adopt(row) };
	}

	/** Frees a row; rows that name it as their parent are the caller's (`orphan`). */
	release(row: number): void {
		this.#orphans.remove(row);
		this.#errors.delete(row);
		this.#paths.delete(row);
		this.#firstTokens.delete(row);
		this.#index.remove(row);
		this.columns.release(row);
		this.strings.noteGarbage(4);
	}

	/** The parent of a row is about to be released: it waits for it again. */
	orphan(row: number): void {
		this.#orphans.add(row, this.columns.ids[this.columns.parentRow[row]]);
	}

	clear(): void {
		this.#index.clear();
		this.columns.clear();
		this.strings.clear();
		this.#kindTypes.clear();
	}

	/** Texts that no row has any more leave the table. Indexes move: not while somebody holds one. */
	compact(): void {
		const c = this.columns;
		const rare = [c.toolName, c.agentName, c.session].map(({ indexes }) => indexes).filter(({ length }) => length > 0);
		this.strings.compact(c.traceIndex, c.used, [c.name, c.kindName, c.model, c.provider, ...rare]);
	}

	nameOf(row: number): string | undefined {
		return this.strings.at(this.columns.name[row]);
	}

	modelOf(row: number): string | undefined {
		return this.strings.at(this.columns.model[row]);
	}

	/** Text of a failed span. */
	errorOf(row: number): string | undefined {
		return this.#errors.get(row);
	}

	/** File that a span names. */
	pathOf(row: number): string | undefined {
		return this.#paths.get(row);
	}

	/** Nanoseconds from a call's start to its first token; NaN while unknown. */
	firstTokenNsAt(row: number): number {
		return this.#firstTokens.get(row) ?? Number.NaN;
	}

	/** Id of a parent that was named but not received. */
	missingParentOf(row: number): string | undefined {
		return this.#orphans.parentIdOf(row);
	}

	/**
	 * Discriminator of a span's kind on the wire; `custom` while unknown. A wire with more than 254 of them gets the name of
	 * the kind for the further ones.
	 */
	kindTypeOf(row: number): string {
		const c = this.columns;
		const type = this.#kindTypes.at(c.kindType[row]);
		if (type !== undefined) return type;
		return (c.kindType[row] === 0 ? undefined : this.strings.at(c.kindName[row])) ?? "custom";
	}

	isRollup(row: number): boolean {
		return (this.columns.flags[row] & SpanFlag.rollup) !== 0;
	}

	/** Cost of a span: the server's word, else the estimate; NaN when unknown. */
	costUsdAt(row: number): number {
		const said = this.columns.costUsd[row];
		return Number.isNaN(said) ? (this.#estimateAt(row) ?? Number.NaN) : said;
	}

	/** What our server would say of the same span; where the kind is not known yet, too. */
	#estimateAt(row: number): number | undefined {
		const c = this.columns;
		const model = this.modelOf(row);
		// Either way has a price of its own.
		if (model === undefined || (c.flags[row] & SpanFlag.tokenTotal) !== 0) return undefined;
		if (c.kindType[row] !== 0 && !isEstimated(this.kindTypeOf(row), this.isRollup(row))) return undefined;
		return estimateCostUsd({
			model,
			provider: this.strings.at(c.provider[row]),
			inputTokens: known(c.inputTokens.get(row)),
			outputTokens: known(c.outputTokens.get(row)),
			cacheReadTokens: known(c.cacheReadTokens.get(row)),
			cacheWriteTokens: known(c.cacheWriteTokens.get(row)),
			reasoningTokens: known(c.reasoningTokens.get(row)),
			atMs: known(c.startMs[row]),
		});
	}

	/** A span as an object. */
	summaryAt(row: number, traceId: string): SpanSummary {
		const c = this.columns;
		const saidCostUsd = known(c.costUsd[row]);
		const costUsd = saidCostUsd ?? this.#estimateAt(row);
		const parentRow = c.parentRow[row];
		const parentSpanId =
			parentRow >= 0
				? c.ids[parentRow]
				: parentRow === Parent.orphan
					? this.missingParentOf(row)
					: parentRow === Parent.root
						? null
						: undefined;
		const kindType = this.kindTypeOf(row);
		return {
			traceId,
			spanId: c.ids[row],
			parentSpanId,
			isOrphan: parentRow === Parent.orphan,
			name: this.nameOf(row) ?? c.ids[row],
			kindType,
			kindName: this.strings.at(c.kindName[row]) ?? kindType,
			model: this.modelOf(row),
			provider: this.strings.at(c.provider[row]),
			inputTokens: known(c.inputTokens.get(row)),
			outputTokens: known(c.outputTokens.get(row)),
			cacheReadTokens: known(c.cacheReadTokens.get(row)),
			cacheWriteTokens: known(c.cacheWriteTokens.get(row)),
			reasoningTokens: known(c.reasoningTokens.get(row)),
			costUsd,
			isCostEstimated: saidCostUsd === undefined && costUsd !== undefined,
			firstTokenNs: this.#firstTokens.get(row),
			isRollup: this.isRollup(row),
			...((c.flags[row] & SpanFlag.tokenTotal) === 0 ? undefined : { isTokenTotal: true }),
			state: SPAN_STATES[c.state[row]],
			error: this.#errors.get(row),
			start: timeAt(c.startMs[row], c.startSubNs[row]),
			end: timeAt(c.endMs[row], c.endSubNs[row]),
		};
	}

	/**
	 * Whether a span with usage is above or below this row, which has usage: called after each change of a row's usage or
	 * parent. As long as no call of a trace was answered with true, none of its spans repeats another one. Marks what is above
	 * a span with usage, each row once, so all calls of a trace together take as long as it has rows.
	 */
	isUsageNested(row: number): boolean {
		const c = this.columns;
		const { flags, parentRow } = c;
		const hasBelow = (flags[row] & SpanFlag.usageBelow) !== 0;
		const hasUsage = c.hasUsage(row);
		if (hasUsage && hasBelow) return true;
		if (!hasUsage && !hasBelow) return false;
		for (let above = parentRow[row]; above >= 0; above = parentRow[above]) {
			if (c.hasUsage(above)) return true;
			// What is above a marked row was marked, and asked, with it. A circle of parents ends here, too.
			if ((flags[above] & SpanFlag.usageBelow) !== 0) break;
			flags[above] |= SpanFlag.usageBelow;
		}
		return false;
	}

	/** Writes what `input` says into a row. */
	write(row: number, input: SpanInput): Written {
		const c = this.columns;
		const before = c.state[row];
		const after = input.state === undefined ? before : SpanStateCode[input.state];
		// A running version that comes after the terminal one is late: it may only fill in what is still unknown.
		const isLate = before !== SpanStateCode.running && after === SpanStateCode.running;
		const way = isLate ? "fill" : "set";
		let hasChanged = false;
		if (!isLate && after !== before) {
			c.state[row] = after;
			hasChanged = true;
		}
		if (this.#setText(c.name, row, input.name, way)) hasChanged = true;
		if (setTime(c.startMs, c.startSubNs, row, input.start, way)) hasChanged = true;
		if (after !== SpanStateCode.running && setTime(c.endMs, c.endSubNs, row, input.end, way)) hasChanged = true;
		// A span that failed and was told anew as one that completed.
		if (input.state === "completed" && input.error === undefined && this.#errors.delete(row)) hasChanged = true;
		if (input.error !== undefined && !isLate && this.#errors.get(row) !== input.error) {
			this.#errors.set(row, input.error);
			hasChanged = true;
		}
		if (this.#setRareText(c.session, row, input.sessionId, way)) hasChanged = true;
		const kind = this.#writeKind(row, input, isLate, after !== SpanStateCode.running);
		if (input.parentSpanId !== undefined && !(isLate && c.parentRow[row] !== Parent.unknown)) {
			if (this.#setParent(row, input.parentSpanId)) return Written.usage;
		}
		return kind === Written.nothing && hasChanged ? Written.shown : kind;
	}

	#writeKind(row: number, input: SpanInput, isLate: boolean, isTerminal: boolean): Written {
		const c = this.columns;
		if (isLate && (c.flags[row] & SpanFlag.kindSettled) !== 0) return Written.nothing;
		const isWhole = input.hasWholeKind === true;
		const way = isLate ? "fill" : isWhole ? "replace" : "set";
		if (isWhole && isTerminal) c.flags[row] |= SpanFlag.kindSettled;
		let hasChanged = false;
		if (this.#setKindType(row, input.kindType, way)) hasChanged = true;
		if (this.#setText(c.kindName, row, input.kindName, way)) hasChanged = true;
		if (this.#setText(c.provider, row, input.provider, way)) hasChanged = true;
		if (setRare(this.#paths, row, input.path, way)) hasChanged = true;
		if (setRare(this.#firstTokens, row, input.firstTokenNs, way)) hasChanged = true;
		if (this.#setRareText(c.toolName, row, input.toolName, way)) hasChanged = true;
		if (this.#setRareText(c.agentName, row, input.agentName, way)) hasChanged = true;
		let hasUsageChanged = false;
		if (this.#setText(c.model, row, input.model, way)) hasUsageChanged = true;
		if (setCount(c.inputTokens, row, input.inputTokens, way)) hasUsageChanged = true;
		if (setCount(c.outputTokens, row, input.outputTokens, way)) hasUsageChanged = true;
		if (setCount(c.cacheReadTokens, row, input.cacheReadTokens, way)) hasUsageChanged = true;
		if (setCount(c.cacheWriteTokens, row, input.cacheWriteTokens, way)) hasUsageChanged = true;
		if (setCount(c.reasoningTokens, row, input.reasoningTokens, way)) hasUsageChanged = true;
		if (setNumber(c.costUsd, row, input.costUsd, way)) hasUsageChanged = true;
		if (this.#setRollup(row, input.isRollup, way)) hasUsageChanged = true;
		if (this.#setTokenTotal(row, input.isTokenTotal, way)) hasUsageChanged = true;
		return hasUsageChanged ? Written.usage : hasChanged ? Written.shown : Written.nothing;
	}

	#setText(column: Int32Array, row: number, text: string | undefined, way: Way): boolean {
		const current = column[row];
		if (text === undefined) {
			if (way !== "replace" || current === NO_STRING) return false;
			column[row] = NO_STRING;
		} else {
			// Most texts that come a second time are what they were, and comparing is cheaper than looking up.
			if (current !== NO_STRING && (way === "fill" || this.strings.at(current) === text)) return false;
			column[row] = this.strings.intern(text);
		}
		if (current !== NO_STRING) this.strings.noteGarbage(1);
		return true;
	}

	#setRareText(column: TextColumn, row: number, text: string | undefined, way: Way): boolean {
		// Most programs name none: their columns take no memory.
		if (text === undefined && column.get(row) === NO_STRING) return false;
		return this.#setText(column.filled(), row, text, way);
	}

	#setKindType(row: number, type: string | undefined, way: Way): boolean {
		const { kindType } = this.columns;
		if (type === undefined ? way !== "replace" : way === "fill" && kindType[row] !== 0) return false;
		const code = type === undefined ? 0 : this.#kindTypes.code(type);
		if (code === kindType[row]) return false;
		kindType[row] = code;
		return true;
	}

	#setRollup(row: number, isRollup: boolean | undefined, way: Way): boolean {
		const { flags } = this.columns;
		const before = flags[row];
		if (isRollup === undefined ? way !== "replace" : way === "fill" && (before & SpanFlag.rollupKnown) !== 0)
			return false;
		const others = before & ~(SpanFlag.rollup | SpanFlag.rollupKnown);
		flags[row] =
			isRollup === undefined ? others : others | SpanFlag.rollupKnown | (isRollup === true ? SpanFlag.rollup : 0);
		return ((flags[row] ^ before) & SpanFlag.rollup) !== 0;
	}

	#setTokenTotal(row: number, isTotal: boolean | undefined, way: Way): boolean {
		if (isTotal === undefined && way !== "replace") return false;
		const { flags } = this.columns;
		const before = flags[row];
		flags[row] = isTotal === true ? before | SpanFlag.tokenTotal : before & ~SpanFlag.tokenTotal;
		return flags[row] !== before;
	}

	#setParent(row: number, parentSpanId: string | null): boolean {
		const c = this.columns;
		const before = c.parentRow[row];
		if (parentSpanId === null) {
			if (before === Parent.root) return false;
			this.#orphans.remove(row);
			c.parentRow[row] = Parent.root;
			return true;
		}
		if (before >= 0 && c.ids[before] === parentSpanId) return false;
		if (before === Parent.orphan && this.#orphans.parentIdOf(row) === parentSpanId) return false;
		const parentRow = this.#index.find(parentSpanId, c.traceIndex[row]);
		if (parentRow === undefined) {
			this.#orphans.add(row, parentSpanId);
			return true;
		}
		this.#orphans.remove(row);
		c.parentRow[row] = parentRow;
		return true;
	}
}

/** Of a field that few spans have. */
function setRare<T>(values: Map<number, T>, row: number, value: T | undefined, way: Way): boolean {
	const current = values.get(row);
	if (value === current || (value === undefined ? way !== "replace" : way === "fill" && current !== undefined)) {
		return false;
	}
	if (value === undefined) values.delete(row);
	else values.set(row, value);
	return true;
}

function setCount(column: CountColumn, row: number, value: number | undefined, way: Way): boolean {
	if (value === undefined && way !== "replace") return false;
	const current = column.get(row);
	const isKnown = !Number.isNaN(current);
	const next = value ?? Number.NaN;
	if (current === next || (Number.isNaN(next) && (!isKnown || way !== "replace")) || (way === "fill" && isKnown)) {
		return false;
	}
	column.set(row, next);
	return true;
}

function setNumber(column: Float64Array, row: number, value: number | undefined, way: Way): boolean {
	if (value === undefined && way !== "replace") return false;
	const next = value ?? Number.NaN;
	if (Object.is(next, column[row]) || (way === "fill" && !Number.isNaN(column[row]))) return false;
	column[row] = next;
	return true;
}

function setTime(ms: Float64Array, subNs: Uint32Array, row: number, time: Timestamp | undefined, way: Way): boolean {
	if (time === undefined || (way === "fill" && !Number.isNaN(ms[row]))) return false;
	if (ms[row] === time.ms && subNs[row] === time.subNs) return false;
	ms[row] = time.ms;
	subNs[row] = time.subNs;
	return true;
}

/** NaN in columns is undefined in objects. */
export function known(value: number): number | undefined {
	return Number.isNaN(value) ? undefined : value;
}

export function timeAt(ms: number, subNs: number): Timestamp | undefined {
	return Number.isNaN(ms) ? undefined : { ms, subNs };
}
