/**
 * What Trace Explorer computes from the spans of OpenCode, by its reference (sections 2 and 4): session list, spans of a
 * session with placeholders, overview. Pure; times are nanoseconds since the epoch as `bigint`.
 */

/** A span as Tempo has it. Ids are hex already: the base64 of Tempo never leaves the backend. */
export interface StoredSpan {
	readonly trace_id: string;
	readonly span_id: string;
	readonly parent_span_id: string | null;
	readonly span_name: string;
	readonly start_ns: bigint;
	readonly end_ns: bigint;
	readonly attributes: Readonly<Record<string, unknown>>;
}

export interface WireSpan {
	readonly trace_id: string;
	readonly span_id: string;
	readonly parent_span_id: string | null;
	readonly span_name: string;
	readonly start_ns: bigint;
	readonly duration_ms: number;
	readonly depth: number;
	readonly attributes: Readonly<Record<string, unknown>>;
}

export const RANGES_NS: Readonly<Record<string, bigint | undefined>> = {
	"1h": 3_600_000_000_000n,
	"6h": 21_600_000_000_000n,
	"24h": 86_400_000_000_000n,
	all: undefined,
};

const BUCKETS = 60;
const NEWEST = 100;

export function sessionOf(span: StoredSpan): string {
	return String(span.attributes["session.id"]);
}

const isModelCall = (span: StoredSpan) => "llm.model_name" in span.attributes;
const isToolCall = (span: StoredSpan) => !isModelCall(span) && "tool.name" in span.attributes;
const numberOf = (span: StoredSpan, name: string) => Number(span.attributes[name] ?? 0);
const durationMs = (span: StoredSpan) => Number(span.end_ns - span.start_ns) / 1e6;
const least = (values: readonly bigint[]) => values.reduce((a, b) => (b < a ? b : a));
const greatest = (values: readonly bigint[]) => values.reduce((a, b) => (b > a ? b : a));

/** The session that a `task` span says to have started. */
function startedBy(span: StoredSpan): string | undefined {
	if (span.attributes["tool.name"] !== "task") return undefined;
	return /<task id="(ses_\w+)/.exec(String(span.attributes["output.value"] ?? ""))?.[1];
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
	const groups = new Map<string, T[]>();
	for (const item of items) {
		const key = keyOf(item);
		const group = groups.get(key);
		if (group === undefined) groups.set(key, [item]);
		else group.push(item);
	}
	return groups;
}

/** The range limits which traces are found; all spans of a found trace count. */
export function spansInRange(spans: readonly StoredSpan[], range: string, nowNs: bigint): StoredSpan[] {
	const lengthNs = RANGES_NS[range];
	if (lengthNs === undefined) return [...spans];
	const found = new Set(spans.filter((span) => span.end_ns >= nowNs - lengthNs).map((span) => span.trace_id));
	return spans.filter((span) => found.has(span.trace_id));
}

/** `GET /api/sessions`. */
export function sessionList(spans: readonly StoredSpan[], nowNs: bigint): Record<string, unknown>[] {
	const parents = new Map<string, string>();
	for (const span of spans) {
		const started = startedBy(span);
		if (started !== undefined) parents.set(started, sessionOf(span));
	}
	const rows = [...groupBy(spans, sessionOf)].map(([id, own]) => {
		const start = least(own.map((span) => span.start_ns));
		const isOpen = !own.some((span) => span.span_name === "opencode.session");
		const lastEnd = greatest(own.map((span) => span.end_ns));
		const end = isOpen && nowNs > lastEnd ? nowNs : lastEnd;
		const calls = own.filter(isModelCall);
		const names = (list: readonly StoredSpan[], name: string) =>
			[
				...new Set(
					list.flatMap((span) => (span.attributes[name] === undefined ? [] : [String(span.attributes[name])])),
				),
			].sort();
		return {
			session_id: id,
			start_ns: start,
			end_ns: end,
			duration_ms: Number(end - start) / 1e6,
			is_open: isOpen,
			llm_calls: calls.length,
			tool_calls: own.filter(isToolCall).length,
			total_cost_usd: calls.reduce((sum, span) => sum + numberOf(span, "cost_usd"), 0),
			total_tokens: calls.reduce((sum, span) => sum + numberOf(span, "llm.token_count.total"), 0),
			models: names(calls, "llm.model_name"),
			agents: names(own, "agent.name"),
			parent_session_id: parents.get(id) ?? null,
		};
	});
	return rows.sort((a, b) => (a.start_ns < b.start_ns ? 1 : a.start_ns > b.start_ns ? -1 : 0));
}

/** The spans of one session, depth-first, with a placeholder for each parent that is referenced but absent. */
export function sessionSpans(all: readonly StoredSpan[], sessionId: string): WireSpan[] {
	const own = all.filter((span) => sessionOf(span) === sessionId);
	const ids = new Set(own.map((span) => span.span_id));
	const orphans = own.filter((span) => span.parent_span_id !== null && !ids.has(span.parent_span_id));
	const placeholders = [...groupBy(orphans, (span) => span.parent_span_id ?? "")].map(
		([id, children]): StoredSpan => ({
			trace_id: children[0].trace_id,
			span_id: id,
			parent_span_id: null,
			span_name: "opencode.session",
			start_ns: least(children.map((span) => span.start_ns)),
			end_ns: greatest(children.map((span) => span.end_ns)),
			attributes: {
				"session.id": sessionId,
				"agent.name": children.map((span) => span.attributes["agent.name"]).find((name) => name !== undefined) ?? null,
				"session.is_open": true,
			},
		}),
	);
	const children = groupBy([...placeholders, ...own], (span) => span.parent_span_id ?? "");
	const wire: WireSpan[] = [];
	const visit = (span: StoredSpan, depth: number) => {
		const { end_ns: _, ...rest } = span;
		const started = startedBy(span);
		const attributes = started === undefined ? span.attributes : { ...span.attributes, "subagent.session_id": started };
		wire.push({ ...rest, duration_ms: durationMs(span), depth, attributes: flat(attributes) });
		for (const child of byStart(children.get(span.span_id) ?? [])) visit(child, depth + 1);
	};
	for (const root of byStart(children.get("") ?? [])) visit(root, 0);
	return wire;
}

function byStart(spans: readonly StoredSpan[]): StoredSpan[] {
	return [...spans].sort((a, b) => (a.start_ns < b.start_ns ? -1 : 1));
}

/** Array and key-value-list attributes become `null`. */
function flat(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(attributes).map(([name, value]) => [name, typeof value === "object" ? null : value]),
	);
}

const cut = (value: unknown) => {
	const text = value === undefined ? null : String(value);
	return text !== null && text.length > 200 ? `${text.slice(0, 200)}...` : text;
};

/** `GET /api/overview`. */
export function overview(spans: readonly StoredSpan[], range: string, nowNs: bigint): Record<string, unknown> {
	const calls = spans.filter(isModelCall);
	const tools = spans.filter(isToolCall);
	const lengthNs = RANGES_NS[range];
	const isEmpty = spans.length === 0;
	const lastEnd = isEmpty ? nowNs : greatest(spans.map((span) => span.end_ns));
	const end = lengthNs === undefined && lastEnd > nowNs ? lastEnd : nowNs;
	const hourNs = RANGES_NS["1h"] ?? 0n;
	const start =
		lengthNs !== undefined ? nowNs - lengthNs : isEmpty ? nowNs - hourNs : least(spans.map((span) => span.start_ns));
	const width = (end - start) / BigInt(BUCKETS) || 1n;
	const bucketOf = (span: StoredSpan) => {
		const index = Number((span.start_ns - start) / width);
		return Math.max(0, Math.min(BUCKETS - 1, index));
	};
	const series = (list: readonly StoredSpan[], name: string, amountOf: (span: StoredSpan) => number) =>
		Object.fromEntries(
			[...groupBy(list, (span) => String(span.attributes[name]))].map(([key, group]) => {
				const values = Array.from({ length: BUCKETS }, () => 0);
				for (const span of group) values[bucketOf(span)] += amountOf(span);
				return [key, values];
			}),
		);
	const sum = (list: readonly StoredSpan[], name: string) =>
		list.reduce((total, span) => total + numberOf(span, name), 0);
	const byModel = [...groupBy(calls, (span) => String(span.attributes["llm.model_name"]))].map(([model, list]) => ({
		model,
		calls: list.length,
		cost: sum(list, "cost_usd"),
		prompt_tokens: sum(list, "llm.token_count.prompt"),
		completion_tokens: sum(list, "llm.token_count.completion"),
		cache_read_tokens: sum(list, "llm.token_count.prompt_details.cache_read"),
		cache_write_tokens: sum(list, "llm.token_count.prompt_details.cache_write"),
		reasoning_tokens: sum(list, "llm.token_count.completion_details.reasoning"),
		total_tokens: sum(list, "llm.token_count.total"),
		providers: [
			...new Set(list.flatMap((span) => (span.attributes["llm.provider"] as string | undefined) ?? [])),
		].sort(),
	}));
	const byAgent = [...groupBy(calls, (span) => String(span.attributes["agent.name"] ?? "unknown"))].map(
		([agent, list]) => ({
			agent,
			calls: list.length,
			cost: sum(list, "cost_usd"),
			total_tokens: sum(list, "llm.token_count.total"),
		}),
	);
	const byTool = [...groupBy(tools, (span) => String(span.attributes["tool.name"]))].map(([tool, list]) => ({
		tool,
		calls: list.length,
		total_duration_ms: list.reduce((total, span) => total + durationMs(span), 0),
		succeeded: list.filter(({ attributes }) => ["true", true].includes(attributes["tool.success"] as never)).length,
		failed: list.filter(({ attributes }) => ["false", false].includes(attributes["tool.success"] as never)).length,
	}));
	const newest = (list: readonly StoredSpan[]) => byStart(list).reverse().slice(0, NEWEST);
	return {
		total_sessions: new Set(spans.map(sessionOf)).size,
		total_cost_usd: byModel.reduce((total, row) => total + row.cost, 0),
		total_tokens: byModel.reduce((total, row) => total + row.total_tokens, 0),
		total_llm_calls: calls.length,
		total_tool_calls: tools.length,
		by_model: byModel.sort((a, b) => b.cost - a.cost),
		by_agent: byAgent.sort((a, b) => b.cost - a.cost),
		by_tool: byTool.sort((a, b) => b.calls - a.calls),
		llm_calls: newest(calls).map((span) => ({
			start_ns: span.start_ns,
			session_id: sessionOf(span),
			agent: span.attributes["agent.name"] ?? null,
			model: span.attributes["llm.model_name"],
			input: cut(span.attributes["input.value"]),
			finish_reason: span.attributes["llm.finish_reason"] ?? null,
			cost_usd: span.attributes.cost_usd ?? null,
			duration_ms: durationMs(span),
		})),
		tool_calls: newest(tools).map((span) => ({
			start_ns: span.start_ns,
			session_id: sessionOf(span),
			tool: span.attributes["tool.name"],
			parameters: cut(span.attributes["tool.parameters"]),
			success: span.attributes["tool.success"] ?? null,
			output: cut(span.attributes["output.value"]),
			duration_ms: durationMs(span),
		})),
		timeseries: {
			bucket_starts_ns: Array.from({ length: BUCKETS }, (_, index) => start + BigInt(index) * width),
			cost_by_model: series(calls, "llm.model_name", (span) => numberOf(span, "cost_usd")),
			tokens_by_model: series(calls, "llm.model_name", (span) => numberOf(span, "llm.token_count.total")),
			tool_calls_by_tool: series(tools, "tool.name", () => 1),
		},
	};
}
