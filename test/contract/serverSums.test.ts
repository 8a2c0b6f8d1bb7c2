import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { countUsage, nanoUsd } from "../../src/model/usage.ts";
import type { WireSpan, WireTraceItem } from "../../src/protocol/rest.ts";
import { client, start, temporaryDir } from "./support/testServer.ts";

type Api = ReturnType<typeof client>;

/** What a test does to the server, in this order. */
interface Step {
	readonly trace: string;
	readonly id: string;
	readonly parent: string | null;
	readonly kind: Readonly<Record<string, unknown>>;
	readonly session: string | undefined;
	readonly startMs: number;
	readonly end: { readonly durationMs: number; readonly isFailed: boolean } | undefined;
	/** Replaces the kind at the end. */
	readonly lastKind: Readonly<Record<string, unknown>> | undefined;
	readonly isDeleted: boolean;
}

const START = Date.parse("2026-03-06T22:00:00Z");
const HOUR_MS = 3_600_000;

const kind = fc.oneof(
	fc.record(
		{
			type: fc.constant("llm_call"),
			model: fc.constantFrom("home-1", "home-2"),
			provider: fc.constantFrom("p1", "p2"),
			input_tokens: fc.integer({ min: 0, max: 3 }),
			output_tokens: fc.integer({ min: 0, max: 2 }),
			cost: fc.constantFrom(0, 0.1, 0.2, 0.000_000_000_4, 1e-9, 0.3),
		},
		{ requiredKeys: ["type"] },
	),
	fc.record({
		type: fc.constant("custom"),
		kind: fc.constantFrom("agent", "tool_call"),
		usage_scope: fc.constant("subtree"),
		input_tokens: fc.integer({ min: 0, max: 3 }),
		cost: fc.constantFrom(0.1, 0.2),
	}),
	fc.record({ type: fc.constant("custom"), kind: fc.constant("tool_call") }),
);

const steps: fc.Arbitrary<readonly Step[]> = fc
	.array(
		fc.record({
			trace: fc.constantFrom("t1", "t2", "t3", "t4"),
			parentAt: fc.option(fc.nat(30), { nil: undefined }),
			kind,
			session: fc.constantFrom(undefined, undefined, "s1", "s2"),
			// Over hours, days and a Monday.
			startMs: fc.integer({ min: 0, max: 70 }).map((hours) => START + hours * HOUR_MS + 250),
			end: fc.option(fc.record({ durationMs: fc.integer({ min: 0, max: 9 }), isFailed: fc.boolean() }), {
				nil: undefined,
				freq: 4,
			}),
			lastKind: fc.option(kind, { nil: undefined, freq: 1 }),
			isDeleted: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
		}),
		{ minLength: 1, maxLength: 25 },
	)
	.map((list) =>
		list.map(({ parentAt, ...step }, index) => ({
			...step,
			id: `${step.trace}-${index}`,
			// Any span of any trace, itself and later ones too: parents that are missing, and circles.
			parent: parentAt === undefined ? null : `${step.trace}-${parentAt % (list.length + 2)}`,
		})),
	);

async function run(api: Api, list: readonly Step[]): Promise<void> {
	// One trace with a tag; the others have the first session that a span names.
	await api.trace({ id: "t1", name: "Tagged One", tags: ["x", "session:s1"] });
	await api.trace({ id: "t5", tags: ["session_id:s3", "session:s1"], started_at: new Date(START).toISOString() });
	for (const step of list) {
		await api.span({
			id: step.id,
			trace_id: step.trace,
			parent_id: step.parent,
			kind: step.kind,
			session_id: step.session,
			started_at: new Date(step.startMs).toISOString(),
		});
	}
	for (const { id, startMs, end, lastKind } of list) {
		if (end === undefined) continue;
		const endedAt = new Date(startMs + end.durationMs).toISOString();
		if (end.isFailed) await api.post(`/spans/${id}/fail`, { error: "boom", ended_at: endedAt });
		else await api.post(`/spans/${id}/complete`, { kind: lastKind, ended_at: endedAt });
	}
	for (const { id, isDeleted } of list) if (isDeleted) await api.delete(`/spans/${id}`);
}

interface Sums {
	spans: number;
	llmCalls: number;
	failed: number;
	running: number;
	input: number | null;
	output: number | null;
	nano: number | null;
	latencies: number[];
	starts: number[];
	ends: number[];
}

/** A span with whether its usage counts and which session it is in. */
interface Counted {
	readonly span: WireSpan;
	readonly counts: boolean;
	readonly session: string | undefined;
}

function sum(list: readonly Counted[]): Sums {
	const sums: Sums = {
		spans: list.length,
		llmCalls: 0,
		failed: 0,
		running: 0,
		input: null,
		output: null,
		nano: null,
		latencies: [],
		starts: [],
		ends: [],
	};
	for (const { span, counts } of list) {
		const wire = span.kind as { type: string; input_tokens?: number; output_tokens?: number; cost?: number };
		if (wire.type === "llm_call") sums.llmCalls++;
		if (typeof span.status === "object") sums.failed++;
		if (span.status === "running") sums.running++;
		const startMs = Date.parse(span.started_at);
		sums.starts.push(startMs);
		if (span.ended_at !== null) {
			sums.ends.push(Date.parse(span.ended_at));
			sums.latencies.push(Date.parse(span.ended_at) - startMs);
		}
		if (!counts) continue;
		if (wire.input_tokens !== undefined) sums.input = (sums.input ?? 0) + wire.input_tokens;
		if (wire.output_tokens !== undefined) sums.output = (sums.output ?? 0) + wire.output_tokens;
		if (wire.cost !== undefined) sums.nano = (sums.nano ?? 0) + nanoUsd(wire.cost);
	}
	return sums;
}

function tokens({ input, output }: Sums): number | null {
	return input === null && output === null ? null : (input ?? 0) + (output ?? 0);
}

function mean(values: readonly number[]): number | null {
	return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

/** Null plays no part in JSON of a trace, where what is unknown is left out. */
function known(members: Readonly<Record<string, number | null>>): Record<string, number> {
	return Object.fromEntries(Object.entries(members).filter((entry): entry is [string, number] => entry[1] !== null));
}

async function everySpan(api: Api): Promise<readonly WireSpan[]> {
	return (await api.get("/spans?limit=1000")).json.items;
}

/** Counts again, span by span, from what lists of spans and traces say. */
function recount(spans: readonly WireSpan[], traces: readonly WireTraceItem[]): readonly Counted[] {
	return traces.flatMap(({ id, ...trace }) => {
		const own = spans.filter((span) => span.trace_id === id);
		const numbers = own.map(({ kind: wire }) => wire as unknown as Record<string, number | string | undefined>);
		const column = (name: string) => Float64Array.from(numbers, (one) => Number(one[name] ?? Number.NaN));
		const counts = countUsage({
			count: own.length,
			parentRow: Int32Array.from(own, ({ parent_id: parent }) => own.findIndex((span) => span.id === parent)),
			input: column("input_tokens"),
			output: column("output_tokens"),
			cacheRead: column("cache_read_tokens"),
			cacheWrite: column("cache_write_tokens"),
			reasoning: column("reasoning_tokens"),
			costNano: column("cost").map(nanoUsd),
			isRollup: Uint8Array.from(numbers, (one) => (one.usage_scope === "subtree" ? 1 : 0)),
			model: numbers.map((one) => (one.model as string | undefined) ?? null),
		});
		const ofTrace = (trace as { readonly session_id?: string }).session_id;
		return own.map((span, index) => ({ span, counts: counts[index] === 1, session: span.session_id ?? ofTrace }));
	});
}

/** Compares everything that sums with the recount. */
async function expectAgreement(api: Api): Promise<void> {
	const spans = await everySpan(api);
	const traces: readonly WireTraceItem[] = (await api.get("/traces")).json.traces;
	const all = recount(spans, traces);
	const total = sum(all);

	for (const trace of traces) {
		const own = sum(all.filter(({ span }) => span.trace_id === trace.id));
		expect(trace.span_count).toBe(own.spans);
		const names = ["input_tokens", "output_tokens", "total_tokens", "total_cost"];
		const told = Object.fromEntries(Object.entries(trace).filter(([name]) => names.includes(name)));
		expect(told).toEqual(
			known({
				input_tokens: own.input,
				output_tokens: own.output,
				total_tokens: tokens(own),
				total_cost: own.nano === null ? null : own.nano / 1e9,
			}),
		);
	}

	const summary = (await api.get("/analytics/summary")).json;
	expect(summary).toMatchObject({
		total_traces: traces.length,
		total_spans: total.spans,
		total_llm_calls: total.llmCalls,
		total_cost: (total.nano ?? 0) / 1e9,
		total_tokens: tokens(total) ?? 0,
		avg_latency_ms: mean(total.latencies),
		error_count: total.failed,
		error_rate: total.spans === 0 ? 0 : total.failed / total.spans,
	});
	const models = [...new Set(spans.flatMap(({ kind: wire }) => ("model" in wire ? (wire.model ?? []) : [])))].sort();
	expect(summary.models_used).toEqual(models);
	for (const model of models) {
		const own = sum(all.filter(({ span }) => "model" in span.kind && span.kind.model === model));
		expect(summary.models[model]).toEqual({ count: own.spans, cost: (own.nano ?? 0) / 1e9, tokens: tokens(own) ?? 0 });
		expect(summary.cost_by_model).toContainEqual({ model, cost: (own.nano ?? 0) / 1e9, span_count: own.spans });
	}

	const metrics = ["total_cost", "total_tokens", "span_count", "error_count", "total_input_tokens", "avg_latency_ms"];
	const metricsOf = (sums: Sums) => ({
		total_cost: (sums.nano ?? 0) / 1e9,
		total_tokens: tokens(sums) ?? 0,
		span_count: sums.spans,
		error_count: sums.failed,
		total_input_tokens: sums.input ?? 0,
		avg_latency_ms: mean(sums.latencies),
	});
	const keys: Readonly<Record<string, (one: Counted) => string | null>> = {
		model: ({ span }) => ("model" in span.kind ? (span.kind.model ?? null) : null),
		provider: ({ span }) => ("provider" in span.kind ? (span.kind.provider ?? null) : null),
		kind: ({ span }) => ("kind" in span.kind ? (span.kind.kind ?? null) : span.kind.type),
		status: ({ span }) => (typeof span.status === "object" ? "failed" : span.status),
		trace: ({ span }) => span.trace_id,
		session: ({ session }) => session ?? null,
		hour: ({ span }) => `${span.started_at.slice(0, 13)}:00`,
		day: ({ span }) => span.started_at.slice(0, 10),
		week: ({ span }) => {
			const day = new Date(`${span.started_at.slice(0, 10)}T00:00:00Z`);
			while (day.getUTCDay() !== 1) day.setUTCDate(day.getUTCDate() - 1);
			return day.toISOString().slice(0, 10);
		},
	};
	for (const groupBy of [
		...Object.keys(keys).map((key) => [key]),
		[],
		["model", "day"],
		["session", "trace", "status"],
	]) {
		const { groups, totals } = (await api.post("/analytics", { metrics, group_by: groupBy })).json;
		expect(totals).toEqual(metricsOf(total));
		const parts = new Map<string, Counted[]>();
		for (const one of all) {
			const key = JSON.stringify(Object.fromEntries(groupBy.map((name) => [name, keys[name](one)])));
			parts.set(key, [...(parts.get(key) ?? []), one]);
		}
		const expected = [...parts].map(([key, part]) => ({ key: JSON.parse(key), ...metricsOf(sum(part)) }));
		expect(groups).toHaveLength(expected.length);
		expect(groups).toEqual(expect.arrayContaining(expected));
	}

	const sessions = (await api.get("/sessions?limit=100")).json.sessions;
	const tagged = traces.flatMap((trace) => (trace as { readonly session_id?: string }).session_id ?? []);
	const ids = new Set([...tagged, ...all.flatMap(({ session }) => session ?? [])]);
	// A trace may be named only after the session of a span that names another one.
	const isEmpty = (id: string) =>
		!all.some(({ session }) => session === id) &&
		!traces.some((trace) => trace.span_count === 0 && (trace as { readonly session_id?: string }).session_id === id);
	expect(new Set(sessions.map(({ id }: { id: string }) => id))).toEqual(new Set([...ids].filter((id) => !isEmpty(id))));
	for (const session of sessions) {
		const own = all.filter((one) => one.session === session.id);
		const sums = sum(own);
		expect(session).toMatchObject({
			span_count: sums.spans,
			total_tokens: tokens(sums),
			total_cost: sums.nano === null ? null : sums.nano / 1e9,
		});
		const detail = (await api.get(`/sessions/${session.id}`)).json;
		const { traces: rows, avg_trace_latency_ms: latency, error_rate: rate, ...rest } = detail;
		expect(rest).toEqual(session);
		expect(rows).toHaveLength(session.trace_count);
		const latencies: number[] = [];
		for (const row of rows) {
			const part = sum(own.filter(({ span }) => span.trace_id === row.id));
			expect(row).toMatchObject({
				span_count: part.spans,
				cost: part.nano === null ? null : part.nano / 1e9,
				tokens: tokens(part),
				status: part.failed > 0 ? "failed" : part.running > 0 || part.spans === 0 ? "running" : "completed",
			});
			if (part.ends.length > 0) {
				latencies.push(Math.max(...part.ends) - Math.min(...part.starts));
				expect(row.duration_ms).toBe(latencies.at(-1));
			} else expect(row.duration_ms).toBeNull();
		}
		expect(latency === null ? null : Math.round(latency * 1e6)).toEqual(
			latencies.length === 0 ? null : Math.round((mean(latencies) ?? 0) * 1e6),
		);
		const failed = rows.filter((row: { status: string }) => row.status === "failed").length;
		expect(session.failed_trace_count).toBe(failed);
		expect(rate).toBe(failed / rows.length);
		const starts = rows.map((row: { started_at: string }) => row.started_at);
		expect(starts).toEqual([...starts].sort());
	}
}

describe("sums of traces, sessions, summary and analytics", () => {
	it("agree with each other and with a recount, live and after a restart", async () => {
		await fc.assert(
			fc.asyncProperty(steps, async (list) => {
				const dataDir = temporaryDir();
				const server = await start({ dataDir });
				await run(client(server), list);
				await expectAgreement(client(server));
				// Sums that were asked for once are still right after more has come.
				await client(server).span({
					id: "late",
					trace_id: "t2",
					parent_id: list[0].id,
					kind: { type: "llm_call", input_tokens: 3, cost: 0.1 },
				});
				await expectAgreement(client(server));
				await server.close();
				await expectAgreement(client(await start({ dataDir })));
			}),
			// A failure is shown with what it could be shrunk to until then.
			{ numRuns: 25, interruptAfterTimeLimit: 90_000 },
		);
	}, 120_000);
});

it("sums up when it starts what the server before it had not, without being asked", async () => {
	const dataDir = temporaryDir();
	const first = await start({ dataDir });
	const api = client(first);
	// More than one turn's worth, one of them a turn of its own.
	for (let trace = 0; trace < 60; trace++) {
		const spans = Array.from({ length: trace === 30 ? 1100 : 2 }, (_, index) => ({
			trace_id: `t${trace}`,
			id: `t${trace}-${index}`,
			name: "call",
			kind: { type: "llm_call", model: "home-1", input_tokens: 2, output_tokens: 1 },
		}));
		await Promise.all(spans.map((span) => api.span(span)));
	}
	await first.close();
	const unsettled = () => {
		const database = new DatabaseSync(join(dataDir, "traces.db"), { readOnly: true });
		try {
			return database.prepare("SELECT count(*) AS count FROM traces WHERE unsettled = 1").get()?.count;
		} finally {
			database.close();
		}
	};
	// As a process that was killed leaves them; this one may have had the time to sum up.
	const left = new DatabaseSync(join(dataDir, "traces.db"));
	left.exec("UPDATE traces SET unsettled = 1, input_tokens = NULL, output_tokens = NULL");
	left.close();
	expect(unsettled()).toBe(60);
	const second = await start({ dataDir });
	await vi.waitFor(() => expect(unsettled()).toBe(0), { timeout: 15_000, interval: 20 });
	expect((await client(second).get("/analytics/summary")).json.total_tokens).toBe((59 * 2 + 1100) * 3);
});
