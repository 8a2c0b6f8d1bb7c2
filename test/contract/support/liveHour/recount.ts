import { DatabaseSync } from "node:sqlite";
import { addSums, type Facts } from "./facts.ts";

interface SpanRow {
	readonly trace: string;
	readonly tags: string;
	readonly kind_type: string;
	readonly kind_name: string;
	readonly name: string;
	readonly model: string | null;
	readonly tool_name: string | null;
	readonly agent_name: string | null;
	readonly input_tokens: number | null;
	readonly output_tokens: number | null;
	readonly cost: number | null;
	/** 0 running, 1 completed, 2 failed. */
	readonly status: number;
	readonly start_ms: number;
	readonly start_sub: number;
	readonly end_ms: number | null;
	readonly end_sub: number | null;
}

/** Numbers of one thing, added span by span. */
class Tally {
	readonly traces = new Set<string>();
	readonly broken = new Set<string>();
	spans = 0;
	running = 0;
	succeeded = 0;
	failed = 0;
	inputTokens = 0;
	outputTokens = 0;
	nanoUsd = 0;
	firstNs = Number.POSITIVE_INFINITY;
	lastNs = Number.NEGATIVE_INFINITY;

	add(span: SpanRow, originMs: number): void {
		this.traces.add(span.trace);
		this.spans++;
		if (span.status === 0) this.running++;
		else if (span.status === 1) this.succeeded++;
		else {
			this.failed++;
			this.broken.add(span.trace);
		}
		this.inputTokens += span.input_tokens ?? 0;
		this.outputTokens += span.output_tokens ?? 0;
		this.nanoUsd += Math.round((span.cost ?? 0) * 1e9);
		this.firstNs = Math.min(this.firstNs, (span.start_ms - originMs) * 1e6 + span.start_sub);
		this.lastNs = Math.max(this.lastNs, ((span.end_ms ?? originMs) - originMs) * 1e6 + (span.end_sub ?? 0));
	}

	get costUsd(): number {
		return this.nanoUsd / 1e9;
	}

	get tokens(): number {
		return this.inputTokens + this.outputTokens;
	}

	/** That of a trace without any span is running: more is to come. */
	get state(): string {
		return this.failed > 0 ? "failed" : this.running > 0 || this.spans === 0 ? "running" : "completed";
	}

	/** -1 while something runs, and without any span. */
	get latencyNs(): number {
		return this.running > 0 || this.spans === 0 ? -1 : this.lastNs - this.firstNs;
	}
}

/**
 * Adds up the spans in a copy of the server's database, with nothing of the server's or the extension's: what a program that
 * knows only the file would say. It holds for spans whose usage nobody repeats, as those of the demo.
 *
 * @param file written by `copyDatabase`.
 */
export function recount(file: string): Facts {
	const database = new DatabaseSync(file, { readOnly: true });
	let spans: readonly SpanRow[];
	let traces: readonly { readonly id: string; readonly tags: string }[];
	try {
		spans = database
			.prepare(
				`SELECT t.id AS trace, t.tags, s.kind_type, s.kind_name, s.name, s.model, s.tool_name, s.agent_name,
					s.input_tokens, s.output_tokens, s.cost, s.status, s.start_ms, s.start_sub, s.end_ms, s.end_sub
				FROM spans s JOIN traces t ON t.ref = s.trace`,
			)
			.all() as unknown as SpanRow[];
		traces = database.prepare("SELECT id, tags FROM traces").all() as unknown as typeof traces;
	} finally {
		database.close();
	}
	const originMs = Math.min(...spans.map(({ start_ms }) => start_ms));
	const things = {
		total: new Map<string, Tally>(),
		trace: new Map<string, Tally>(),
		/** Traces that have a span. */
		filled: new Map<string, Tally>(),
		session: new Map<string, Tally>(),
		model: new Map<string, Tally>(),
		agent: new Map<string, Tally>(),
		tool: new Map<string, Tally>(),
	};
	const tally = (kind: keyof typeof things, name: string) => {
		const known = things[kind].get(name) ?? new Tally();
		things[kind].set(name, known);
		return known;
	};
	const all = tally("total", "all");
	for (const { id, tags } of traces) {
		tally("trace", id);
		const session = sessionOf(tags);
		if (session !== undefined) tally("session", session).traces.add(id);
	}
	let failedModelCalls = 0;
	for (const span of spans) {
		all.add(span, originMs);
		tally("trace", span.trace).add(span, originMs);
		tally("filled", span.trace).add(span, originMs);
		const session = sessionOf(span.tags);
		if (session !== undefined) tally("session", session).add(span, originMs);
		if (span.kind_type === "llm_call") {
			tally("model", span.model ?? "").add(span, originMs);
			tally("agent", span.agent_name ?? "").add(span, originMs);
			if (span.status === 2) failedModelCalls++;
		} else if (span.tool_name !== null || span.kind_name.includes("tool")) {
			tally("tool", span.tool_name ?? span.name).add(span, originMs);
		}
	}

	const facts: Facts = new Map();
	const count = (of: Map<string, Tally>) => [...of.values()].reduce((sum, { spans: calls }) => sum + calls, 0);
	addSums(facts, "total all", { ...sumsOf(all), traces: traces.length });
	facts.set("total all: filledTraces", things.filled.size);
	facts.set("total all: sessions", [...things.session.values()].filter(({ spans }) => spans > 0).length);
	facts.set("total all: modelCalls", count(things.model));
	facts.set("total all: toolCalls", count(things.tool));
	facts.set("total all: failedModelCalls", failedModelCalls);
	const inTraces = [...things.trace.values()];
	facts.set("total all: runningTraces", inTraces.filter(({ state }) => state === "running").length);
	facts.set("total all: failedTraces", inTraces.filter(({ state }) => state === "failed").length);
	const latencies = inTraces.map(({ latencyNs }) => latencyNs).filter((ns) => ns >= 0);
	latencies.sort((a, b) => a - b);
	if (latencies.length > 0) {
		// Told in whole microseconds, of which each trace adds a rounded number.
		const sumUs = latencies.reduce((sum, ns) => sum + Math.round(ns / 1000), 0);
		facts.set("total all: averageLatencyUs", Math.round(sumUs / latencies.length));
		facts.set("total all: p95LatencyNs", latencies[Math.ceil(0.95 * latencies.length) - 1]);
	}
	for (const [kind, tallies] of Object.entries(things)) {
		if (kind === "total") continue;
		for (const [name, known] of tallies) addSums(facts, `${kind} ${name}`, sumsOf(known));
	}
	return facts;
}

/** Writes a whole copy of a database that a server has open, as it stands at one moment. */
export function copyDatabase(file: string, copy: string): void {
	const database = new DatabaseSync(file, { readOnly: true });
	try {
		database.prepare("VACUUM INTO ?").run(copy);
	} finally {
		database.close();
	}
}

function sumsOf(known: Tally) {
	const { spans, running, succeeded, failed, inputTokens, outputTokens, tokens, costUsd, state, latencyNs } = known;
	const traces = known.traces.size;
	return {
		traces,
		spans,
		calls: spans,
		running,
		succeeded,
		failed,
		failedTraces: known.broken.size,
		inputTokens,
		outputTokens,
		tokens,
		costUsd,
		state,
		latencyNs,
	};
}

function sessionOf(tags: string): string | undefined {
	return (JSON.parse(tags) as readonly string[]).find((tag) => tag.startsWith("session:"))?.slice("session:".length);
}
