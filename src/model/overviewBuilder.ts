import {
	type AgentTotals,
	bucketOf,
	type ModelTotals,
	OVERVIEW_BUCKETS,
	OVERVIEW_CALLS,
	OVERVIEW_ROWS,
	OVERVIEW_SERIES,
	type Overview,
	type OverviewRange,
	type OverviewSeries,
	type OverviewWindow,
	type ToolTotals,
	type UsageTotals,
} from "./overview.ts";
import { SpanStateCode } from "./span.ts";
import { plus } from "./usage.ts";

/** What the overview needs of one span. One object is filled anew for each: half a million of them a second are garbage. */
export interface OverviewSpan {
	/** Number by which the caller finds the span again, for the lists of newest calls. */
	ref: number;
	/** Milliseconds since the epoch with a fraction; NaN while unknown. */
	startMs: number;
	/** NaN while it runs. */
	durationMs: number;
	/** Code of `SpanStateCode`. */
	state: number;
	isModelCall: boolean;
	/** Not for a model call: a span counts once. */
	isToolCall: boolean;
	/** Whatever tells traces and sessions apart; undefined for none. */
	trace: number;
	session: number | string | undefined;
	model: string | null;
	provider: string | null;
	agent: string | null;
	/** Name of the tool, else of the span; for tool calls. */
	tool: string | null;
	/** False for usage that repeats what spans below report (`usage.ts`). */
	counts: boolean;
	/** NaN while unknown; so the next ones. */
	inputTokens: number;
	outputTokens: number;
	cacheReadTokens: number;
	cacheWriteTokens: number;
	reasoningTokens: number;
	/** Whole nano-dollars. */
	costNano: number;
	isCostEstimated: boolean;
}

export function emptyOverviewSpan(): OverviewSpan {
	return {
		ref: 0,
		startMs: Number.NaN,
		durationMs: Number.NaN,
		state: SpanStateCode.running,
		isModelCall: false,
		isToolCall: false,
		trace: 0,
		session: undefined,
		model: null,
		provider: null,
		agent: null,
		tool: null,
		counts: true,
		inputTokens: Number.NaN,
		outputTokens: Number.NaN,
		cacheReadTokens: Number.NaN,
		cacheWriteTokens: Number.NaN,
		reasoningTokens: Number.NaN,
		costNano: Number.NaN,
		isCostEstimated: false,
	};
}

/** An overview but for the newest calls, of which there are the callers' numbers, newest first. */
export interface BuiltOverview {
	readonly overview: Omit<Overview, "newestModelCalls" | "newestToolCalls">;
	readonly modelCallRefs: readonly number[];
	readonly toolCallRefs: readonly number[];
}

/** Names told apart in one table; what comes later counts under no name. Hostile traces can make up any number. */
const MAX_NAMES = 2000;
const MAX_PROVIDERS = 50;
/** Values sorted in one go; about ten milliseconds. */
const SORTED_PER_TURN = 100_000;

/** Adds spans up, in any order, to the same numbers. */
export class OverviewBuilder {
	readonly #range: OverviewRange;
	readonly #window: OverviewWindow;
	readonly #traces = new Set<number>();
	readonly #sessions = new Set<number | string>();
	readonly #usage = new UsageTally();
	readonly #models = new Map<string | null, ModelTally>();
	readonly #agents = new Map<string | null, UsageTally>();
	readonly #tools = new Map<string | null, ToolTally>();
	/** Durations of ended model calls by the bucket they began in, milliseconds. */
	readonly #latencies: number[][] = Array.from({ length: OVERVIEW_BUCKETS }, () => []);
	readonly #failedModelCalls = zeros();
	readonly #failedToolCalls = zeros();
	readonly #failedOthers = zeros();
	readonly #newestModelCalls = new Newest();
	readonly #newestToolCalls = new Newest();
	#spans = 0;
	#failedSpans = 0;
	#toolCalls = 0;

	/** Which spans are in the range is the caller's to say. */
	constructor(range: OverviewRange, window: OverviewWindow) {
		this.#range = range;
		this.#window = window;
	}

	add(span: OverviewSpan): void {
		const bucket = bucketOf(this.#window, span.startMs);
		this.#spans++;
		this.#traces.add(span.trace);
		if (span.session !== undefined) this.#sessions.add(span.session);
		if (span.state === SpanStateCode.failed) {
			this.#failedSpans++;
			const failed = span.isModelCall
				? this.#failedModelCalls
				: span.isToolCall
					? this.#failedToolCalls
					: this.#failedOthers;
			failed[bucket]++;
		}
		if (span.isModelCall || (span.counts && hasUsage(span))) this.#addUsage(span, bucket);
		if (span.isModelCall) {
			if (!Number.isNaN(span.durationMs)) this.#latencies[bucket].push(span.durationMs);
			this.#newestModelCalls.add(span.ref, span.startMs);
		} else if (span.isToolCall) this.#addToolCall(span, bucket);
	}

	/** `turn` lets others have the thread, between sorting many values. */
	async finish(turn: () => Promise<void>): Promise<BuiltOverview> {
		const latency = await this.#sortedLatencies(turn);
		const models = [...this.#models].map(([model, tally]) => tally.totals(model)).sort(byCost("model"));
		const agents = [...this.#agents].map(([agent, tally]): AgentTotals => ({ agent, ...tally.result() }));
		agents.sort(byCost("agent"));
		const tools = [...this.#tools].map(([tool, tally]) => tally.totals(tool));
		tools.sort((a, b) => b.calls - a.calls || compareNames(a.tool, b.tool));
		return {
			overview: {
				range: this.#range,
				...this.#window,
				traces: this.#traces.size,
				sessions: this.#sessions.size,
				spans: this.#spans,
				failedSpans: this.#failedSpans,
				toolCalls: this.#toolCalls,
				usage: this.#usage.result(),
				latencyP50Ms: percentile(latency.all, 0.5),
				latencyP95Ms: percentile(latency.all, 0.95),
				models: models.slice(0, OVERVIEW_ROWS),
				agents: agents.slice(0, OVERVIEW_ROWS),
				tools: tools.slice(0, OVERVIEW_ROWS),
				omitted: {
					models: Math.max(0, models.length - OVERVIEW_ROWS),
					agents: Math.max(0, agents.length - OVERVIEW_ROWS),
					tools: Math.max(0, tools.length - OVERVIEW_ROWS),
				},
				costByModel: seriesOf(this.#models, ({ costs }) => costs, 1e9),
				tokensByModel: seriesOf(this.#models, ({ tokens }) => tokens, 1),
				callsByTool: seriesOf(this.#tools, ({ callsByBucket }) => callsByBucket, 1),
				failures: {
					model: [...this.#failedModelCalls],
					tool: [...this.#failedToolCalls],
					other: [...this.#failedOthers],
				},
				latency: {
					p50Ms: latency.buckets.map((values) => percentile(values, 0.5)),
					p95Ms: latency.buckets.map((values) => percentile(values, 0.95)),
				},
			},
			modelCallRefs: this.#newestModelCalls.refs(),
			toolCallRefs: this.#newestToolCalls.refs(),
		};
	}

	#addUsage(span: OverviewSpan, bucket: number): void {
		this.#usage.add(span);
		const model = tallyOf(this.#models, span.model, () => new ModelTally());
		model.addTo(span, bucket);
		tallyOf(this.#agents, span.agent, () => new UsageTally()).add(span);
	}

	#addToolCall(span: OverviewSpan, bucket: number): void {
		this.#toolCalls++;
		tallyOf(this.#tools, span.tool, () => new ToolTally()).add(span, bucket);
		this.#newestToolCalls.add(span.ref, span.startMs);
	}

	async #sortedLatencies(turn: () => Promise<void>) {
		const buckets: Float64Array[] = [];
		let waiting = 0;
		for (const list of this.#latencies) {
			// Not `from`, which asks for one value after the other: ten times slower.
			buckets.push(new Float64Array(list).sort());
			waiting += list.length;
			if (waiting < SORTED_PER_TURN) continue;
			waiting = 0;
			await turn();
		}
		const all = new Float64Array(buckets.reduce((sum, { length }) => sum + length, 0));
		let at = 0;
		for (const values of buckets) {
			all.set(values, at);
			at += values.length;
		}
		return { buckets, all: all.sort() };
	}
}

/** Sums of tokens and cost; NaN as long as no span knew any. */
class UsageTally {
	#calls = 0;
	#failedCalls = 0;
	#costNano = Number.NaN;
	#isCostEstimated = false;
	#input = Number.NaN;
	#output = Number.NaN;
	#cacheRead = Number.NaN;
	#cacheWrite = Number.NaN;
	#reasoning = Number.NaN;

	add(span: OverviewSpan): void {
		if (span.isModelCall) {
			this.#calls++;
			if (span.state === SpanStateCode.failed) this.#failedCalls++;
		}
		if (!span.counts) return;
		this.#input = plus(this.#input, span.inputTokens);
		this.#output = plus(this.#output, span.outputTokens);
		this.#cacheRead = plus(this.#cacheRead, span.cacheReadTokens);
		this.#cacheWrite = plus(this.#cacheWrite, span.cacheWriteTokens);
		this.#reasoning = plus(this.#reasoning, span.reasoningTokens);
		if (Number.isNaN(span.costNano)) return;
		this.#costNano = plus(this.#costNano, span.costNano);
		if (span.isCostEstimated) this.#isCostEstimated = true;
	}

	result(): UsageTotals {
		return {
			calls: this.#calls,
			failedCalls: this.#failedCalls,
			costUsd: Number.isNaN(this.#costNano) ? null : this.#costNano / 1e9,
			isCostEstimated: this.#isCostEstimated,
			inputTokens: orNull(this.#input),
			outputTokens: orNull(this.#output),
			cacheReadTokens: orNull(this.#cacheRead),
			cacheWriteTokens: orNull(this.#cacheWrite),
			reasoningTokens: orNull(this.#reasoning),
		};
	}
}

class ModelTally extends UsageTally {
	/** Nano-dollars. */
	readonly costs = zeros();
	readonly tokens = zeros();
	readonly #providers = new Set<string>();

	addTo(span: OverviewSpan, bucket: number): void {
		this.add(span);
		if (span.provider !== null && this.#providers.size < MAX_PROVIDERS) this.#providers.add(span.provider);
		if (!span.counts) return;
		if (!Number.isNaN(span.costNano)) this.costs[bucket] += span.costNano;
		const tokens = plus(span.inputTokens, span.outputTokens);
		if (!Number.isNaN(tokens)) this.tokens[bucket] += tokens;
	}

	totals(model: string | null): ModelTotals {
		return { model, providers: [...this.#providers].sort(), ...this.result() };
	}
}

class ToolTally {
	readonly callsByBucket = zeros();
	#calls = 0;
	#succeeded = 0;
	#failed = 0;
	#durationMs = 0;
	#ended = 0;

	add(span: OverviewSpan, bucket: number): void {
		this.#calls++;
		this.callsByBucket[bucket]++;
		if (span.state === SpanStateCode.completed) this.#succeeded++;
		else if (span.state === SpanStateCode.failed) this.#failed++;
		if (Number.isNaN(span.durationMs)) return;
		// Whole nanoseconds: they add up to the same sum in any order.
		this.#durationMs += Math.round(span.durationMs * 1e6);
		this.#ended++;
	}

	totals(tool: string | null): ToolTotals {
		return {
			tool,
			calls: this.#calls,
			succeeded: this.#succeeded,
			failed: this.#failed,
			averageMs: this.#ended === 0 ? null : this.#durationMs / 1e6 / this.#ended,
		};
	}
}

/** The newest of many, in any order: kept are a few too many, sorted out when they have doubled. */
class Newest {
	#kept: { readonly ref: number; readonly startMs: number }[] = [];
	/** What begins earlier is not among the newest any more. */
	#fromMs = Number.NEGATIVE_INFINITY;

	add(ref: number, startMs: number): void {
		// What has no time is no news.
		if (Number.isNaN(startMs) || startMs < this.#fromMs) return;
		this.#kept.push({ ref, startMs });
		if (this.#kept.length >= 2 * OVERVIEW_CALLS) this.#cut();
	}

	refs(): readonly number[] {
		this.#cut();
		return this.#kept.map(({ ref }) => ref);
	}

	#cut(): void {
		this.#kept.sort((a, b) => b.startMs - a.startMs);
		this.#kept.length = Math.min(this.#kept.length, OVERVIEW_CALLS);
		if (this.#kept.length === OVERVIEW_CALLS) this.#fromMs = this.#kept[OVERVIEW_CALLS - 1].startMs;
	}
}

function zeros(): Float64Array {
	return new Float64Array(OVERVIEW_BUCKETS);
}

function tallyOf<T>(tallies: Map<string | null, T>, name: string | null, make: () => T): T {
	const known = tallies.get(name);
	if (known !== undefined) return known;
	if (tallies.size >= MAX_NAMES && name !== null) return tallyOf(tallies, null, make);
	const tally = make();
	tallies.set(name, tally);
	return tally;
}

function hasUsage(span: OverviewSpan): boolean {
	return !(
		Number.isNaN(span.inputTokens) &&
		Number.isNaN(span.outputTokens) &&
		Number.isNaN(span.costNano) &&
		Number.isNaN(span.cacheReadTokens) &&
		Number.isNaN(span.cacheWriteTokens) &&
		Number.isNaN(span.reasoningTokens)
	);
}

/** The names with the greatest sums, greatest first, and the sum of all others; names of nothing are left out. */
function seriesOf<T>(
	tallies: ReadonlyMap<string | null, T>,
	valuesOf: (tally: T) => Float64Array,
	divisor: number,
): readonly OverviewSeries[] {
	const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
	const all = [...tallies]
		.map(([name, tally]) => ({ name, values: valuesOf(tally), total: sum(valuesOf(tally)) }))
		.filter(({ values }) => values.some((value) => value !== 0))
		.sort((a, b) => b.total - a.total || compareNames(a.name, b.name));
	// One more than that is shown rather than a rest of one.
	const shown = all.length <= OVERVIEW_SERIES + 1 ? all : all.slice(0, OVERVIEW_SERIES);
	const divided = (values: Float64Array) => [...values].map((value) => value / divisor);
	const series = shown.map(({ name, values }): OverviewSeries => ({ name, isRest: false, values: divided(values) }));
	if (shown.length === all.length) return series;
	const rest = zeros();
	for (const { values } of all.slice(shown.length))
		for (const [bucket, value] of values.entries()) rest[bucket] += value;
	return [...series, { name: null, isRest: true, values: divided(rest) }];
}

/** Nearest rank of sorted values. */
function percentile(sorted: Float64Array, share: number): number | null {
	return sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

function byCost<Key extends string>(key: Key) {
	const tokens = (row: UsageTotals) => (row.inputTokens ?? 0) + (row.outputTokens ?? 0);
	return <Row extends UsageTotals & Readonly<Record<Key, string | null>>>(a: Row, b: Row): number =>
		(b.costUsd ?? -1) - (a.costUsd ?? -1) || tokens(b) - tokens(a) || compareNames(a[key], b[key]);
}

/** By UTF-16 units, as the same everywhere; what has no name comes last. */
function compareNames(a: string | null, b: string | null): number {
	if (a === b) return 0;
	if (a === null) return 1;
	return b !== null && a > b ? 1 : -1;
}

function orNull(value: number): number | null {
	return Number.isNaN(value) ? null : value;
}
