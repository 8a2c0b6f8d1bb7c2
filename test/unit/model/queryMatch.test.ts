import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQuery, type Query, type QueryTerm } from "../../../src/model/query.ts";
import { matchTrace, type RemotePart, remoteParts } from "../../../src/model/queryMatch.ts";
import type { SpanInput } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";

const NOW = Date.UTC(2026, 2, 6, 12);

function query(text: string): Query {
	const result = parseQuery(text);
	if (!result.ok) throw new Error(`${text}: ${result.error.message}`);
	return result.query;
}

function at(offsetMs: number) {
	return { ms: NOW + offsetMs, subNs: 0 };
}

/** Ids of the traces that match, in order of insertion. */
function matching(store: TraceStore, text: string, found?: readonly ReadonlySet<string>[]): string {
	const asked = query(text);
	return [...store.entries()]
		.map(({ traceId }) => traceId)
		.filter((traceId) => matchTrace(asked, store, traceId, NOW, found))
		.join(" ");
}

/** Three traces: `chat` completed, `crawl` failed, `plan` running without tokens. */
function sample(): TraceStore {
	const store = new TraceStore();
	store.upsertTrace({ traceId: "chat", name: "Support chat", tags: ["session_id:S1"] });
	store.upsertTrace({ traceId: "crawl", tags: [] });
	store.upsertTrace({ traceId: "plan", name: "Trip plan" });
	const span = (traceId: string, spanId: string, rest: Partial<SpanInput>) =>
		store.upsertSpan({ traceId, spanId, parentSpanId: null, ...rest });
	span("chat", "c1", {
		name: "draft reply",
		kindType: "llm_call",
		kindName: "llm_call",
		model: "gpt-4o-mini",
		provider: "openai",
		inputTokens: 200,
		outputTokens: 50,
		costUsd: 0.02,
		state: "completed",
		start: at(-600_000),
		end: at(-598_000),
		serviceName: "desk",
	});
	span("chat", "c2", {
		name: "rank",
		kindType: "llm_call",
		kindName: "llm_call",
		model: "claude-sonnet-4",
		provider: "anthropic",
		state: "completed",
		start: at(-598_000),
		end: at(-597_500),
	});
	span("crawl", "r1", {
		name: "Fetch page",
		kindType: "custom",
		kindName: "tool",
		state: "failed",
		error: "Connection reset",
		start: at(-7_200_000),
		end: at(-7_199_900),
	});
	span("crawl", "r2", {
		name: "store",
		kindType: "fs_write",
		kindName: "fs_write",
		path: "/data/Page.html",
		state: "completed",
		start: at(-7_199_000),
		end: at(-7_198_000),
	});
	span("plan", "p1", { name: "root", state: "running", start: at(-5_000) });
	return store;
}

describe("matchTrace", () => {
	it.each([
		["", "chat crawl plan"],
		["status:failed", "crawl"],
		["status:running", "plan"],
		["-status:completed", "crawl plan"],
		["name:CHAT", "chat"],
		["name:fetch", "crawl"],
		["name:rank", ""],
		["trace:crawl", "crawl"],
		["trace:cra", ""],
		["session:s1", "chat"],
		["-session:S1", "crawl plan"],
		["service:desk", "chat"],
		["model:gpt-4o-mini", "chat"],
		["model:gpt-4o", ""],
		["kind:tool", "crawl"],
		["kind:custom", "crawl plan"],
		["path:/data/page.html", "crawl"],
		["path:/data", ""],
		["tokens:>249", "chat"],
		["tokens:250", "chat"],
		["tokens:>250", ""],
		["-tokens:>250", "chat crawl plan"],
		["input_tokens:200-200 output_tokens:<51", "chat"],
		["cost:0.01-0.03", "chat"],
		["-cost:>=0", "crawl plan"],
		["duration:>2s", "chat plan"],
		["duration:<=2500ms", "chat crawl"],
		["duration:5s", "plan"],
		["since:1h", "chat plan"],
		["until:1h", "crawl"],
		["since:2026-03-06T11:50:00Z until:2026-03-06T11:50:00Z", "chat"],
		["connection", "crawl"],
		["draft", "chat"],
		["RANK reply", "chat"],
		['"support chat"', "chat"],
		["p1", "plan"],
		["p", "chat crawl plan"],
		["-page", "chat plan"],
		["input:hello", ""],
		["-input:hello", "chat crawl plan"],
	])("finds by %j: %j", (text, ids) => {
		expect(matching(sample(), text)).toBe(ids);
	});

	it("wants one span that satisfies all of model, provider, kind and path together", () => {
		const store = sample();
		expect(matching(store, "model:gpt-4o-mini provider:openai kind:llm_call")).toBe("chat");
		expect(matching(store, "model:gpt-4o-mini provider:anthropic")).toBe("");
	});

	it("excludes by a negated span term what has any such span, whatever the others need", () => {
		const store = sample();
		expect(matching(store, "model:gpt-4o-mini -provider:anthropic")).toBe("");
		expect(matching(store, "-model:gpt-4o-mini -kind:tool")).toBe("plan");
	});

	it("finds the text of failed spans other than the first", () => {
		const store = new TraceStore();
		for (const [spanId, error] of [
			["a", "first"],
			["b", "second"],
		]) {
			store.upsertSpan({ traceId: "t", spanId, state: "failed", error });
		}
		expect(matching(store, "second")).toBe("t");
	});

	it("follows the changes of a trace with one query object", () => {
		const store = sample();
		const asked = query("model:o3 late");
		expect(matchTrace(asked, store, "plan", NOW)).toBe(false);
		store.upsertSpan({ traceId: "plan", spanId: "p2", name: "late", model: "o3" });
		expect(matchTrace(asked, store, "plan", NOW)).toBe(true);
		store.deleteSpan("p2", "plan");
		expect(matchTrace(asked, store, "plan", NOW)).toBe(false);
		store.upsertSpan({ traceId: "plan", spanId: "p3", name: "late", model: "o3" });
		expect(matchTrace(asked, store, "plan", NOW)).toBe(true);
	});

	it("follows the clock", () => {
		const store = sample();
		const asked = query("since:1h duration:>6s");
		expect(matchTrace(asked, store, "plan", NOW)).toBe(false);
		expect(matchTrace(asked, store, "plan", NOW + 2_000)).toBe(true);
		expect(matchTrace(asked, store, "plan", NOW + 3_600_000)).toBe(false);
	});

	it("answers for each store on its own", () => {
		const asked = query("draft");
		const empty = new TraceStore();
		empty.upsertTrace({ traceId: "chat" });
		expect(matchTrace(asked, sample(), "chat", NOW)).toBe(true);
		expect(matchTrace(asked, empty, "chat", NOW)).toBe(false);
		expect(matchTrace(asked, empty, "nowhere", NOW)).toBe(false);
	});
});

describe("remoteParts", () => {
	it("asks nothing for what the store can tell", () => {
		expect(remoteParts(query("model:a -status:failed name:x path:y since:1h"))).toEqual([]);
	});

	it("asks one search for each word, phrase, input and output, once", () => {
		const parts: RemotePart[] = [{ text: "refund" }, { text: "two words" }, { input: "hello" }, { output: "no" }];
		expect(remoteParts(query('refund "two words" input:hello -output:no text:refund'))).toEqual(parts);
	});

	it("lets a word be found here and another at the server", () => {
		const store = sample();
		expect(matching(store, "draft refund")).toBe("");
		expect(matching(store, "draft refund", [new Set(), new Set(["chat", "plan"])])).toBe("chat");
	});

	it("takes a negated search for what the server did not find", () => {
		const store = sample();
		expect(matching(store, "-input:hello -draft", [new Set(["plan"]), new Set(["plan"])])).toBe("crawl");
	});
});

// ── Against a reference that keeps plain objects and knows nothing of rows, tables and memory ──────────────────────────

const word = fc.constantFrom("a", "b", "ab", "A", "é");
const time = fc.integer({ min: -5, max: 5 }).map((minutes) => at(minutes * 60_000));
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

interface PlainSpan extends SpanInput {
	readonly traceId: string;
}

const span: fc.Arbitrary<PlainSpan> = fc.record({
	traceId: fc.constantFrom("t-a", "t-b"),
	spanId: fc.constantFrom("a", "b", "s1", "s2", "s3"),
	parentSpanId: fc.constant(null),
	name: maybe(word),
	kindType: fc.constantFrom("custom", "llm_call"),
	kindName: maybe(word),
	model: maybe(word),
	provider: maybe(word),
	path: maybe(word),
	serviceName: maybe(word),
	inputTokens: maybe(fc.nat(5)),
	outputTokens: maybe(fc.nat(5)),
	costUsd: maybe(fc.nat(5)),
	state: fc.constantFrom("running", "completed", "failed"),
	error: maybe(word),
	start: time,
	end: time,
});
const numberBounds = fc.tuple(fc.nat(8), fc.nat(8), fc.boolean(), fc.nat(2)).map(([a, b, isOpen, form]) => {
	if (form === 0) return { min: a, max: undefined, isOpen };
	if (form === 1) return { min: undefined, max: a, isOpen };
	return { min: Math.min(a, b), max: Math.max(a, b), isOpen: false };
});
const anyTerm = fc.oneof(
	fc.record({
		key: fc.constantFrom("model", "provider", "kind", "path", "name", "session", "service", "text", "input", "output"),
		value: word,
		isNegated: fc.boolean(),
	}),
	fc.record({
		key: fc.constant("status"),
		value: fc.constantFrom("running", "completed", "failed"),
		isNegated: fc.boolean(),
	}),
	fc.record({ key: fc.constant("trace"), value: fc.constantFrom("t-a", "T-B"), isNegated: fc.boolean() }),
	fc.record({
		key: fc.constantFrom("cost", "tokens", "input_tokens", "output_tokens"),
		bounds: numberBounds,
		isNegated: fc.boolean(),
	}),
	fc.record({
		key: fc.constant("duration"),
		bounds: numberBounds.map(({ min, max, isOpen }) => ({
			min: min === undefined ? undefined : min * 60_000,
			max: max === undefined ? undefined : max * 60_000,
			isOpen,
		})),
		isNegated: fc.boolean(),
	}),
	fc.record({
		key: fc.constantFrom("since", "until"),
		time: fc.oneof(
			time.map((point) => ({ at: point })),
			fc.nat(4).map((minutes) => ({ agoMs: minutes * 60_000 })),
		),
		isNegated: fc.boolean(),
	}),
) as fc.Arbitrary<QueryTerm>;

interface PlainTrace {
	readonly traceId: string;
	readonly name: string | undefined;
	readonly sessionId: string | undefined;
	readonly spans: readonly PlainSpan[];
}

const lower = (text: string | undefined) => text?.toLowerCase();

function reference(terms: readonly QueryTerm[], trace: PlainTrace, found: (part: object) => boolean): boolean {
	const { spans } = trace;
	const sum = (values: readonly (number | undefined)[]) => {
		const known = values.filter((value) => value !== undefined);
		return known.length === 0 ? undefined : known.reduce((a, b) => a + b, 0);
	};
	const starts = spans.map((one) => one.start?.ms ?? 0);
	const isRunning = spans.some((one) => one.state === "running");
	const start = spans.length === 0 ? undefined : Math.min(...starts);
	const end = isRunning ? NOW : Math.max(...spans.map((one) => one.end?.ms ?? 0));
	const state = spans.some((one) => one.state === "failed")
		? "failed"
		: isRunning || start === undefined
			? "running"
			: "completed";
	const bySpanId = [...spans].sort((a, b) => (a.spanId < b.spanId ? -1 : 1));
	const first = bySpanId.find((one) => one.start?.ms === start);
	const services = spans
		.filter((one) => one.serviceName !== undefined)
		.map((one) => ({ ...one, ms: one.start?.ms ?? 0 }));
	services.sort((a, b) => a.ms - b.ms || ((a.serviceName ?? "") < (b.serviceName ?? "") ? -1 : 1));
	const name = trace.name ?? first?.name ?? trace.traceId;
	const inputTokens = sum(spans.map((one) => one.inputTokens));
	const outputTokens = sum(spans.map((one) => one.outputTokens));
	const numbers = {
		cost: sum(spans.map((one) => one.costUsd)),
		input_tokens: inputTokens,
		output_tokens: outputTokens,
		tokens: sum([inputTokens, outputTokens]),
		duration: start === undefined ? undefined : Math.max(0, end - start),
	};
	const ofSpan = (one: PlainSpan, key: string, value: string) => {
		if (key === "kind") return lower(one.kindName) === value || lower(one.kindType) === value;
		return lower(one[key as "model"]) === value;
	};
	const isSpanKey = (key: string) => ["model", "provider", "kind", "path"].includes(key);
	const holds = (term: QueryTerm): boolean => {
		if ("bounds" in term) {
			const value = numbers[term.key];
			const { min, max, isOpen } = term.bounds;
			if (value === undefined) return false;
			if (isOpen) return min !== undefined ? value > min : value < (max ?? 0);
			return value >= (min ?? -1) && value <= (max ?? 1e12);
		}
		if ("time" in term) {
			const limit = "at" in term.time ? term.time.at.ms : NOW - term.time.agoMs;
			return start !== undefined && (term.key === "since" ? start >= limit : start <= limit);
		}
		const value = term.value.toLowerCase();
		switch (term.key) {
			case "status":
				return state === value;
			case "name":
				return name.toLowerCase().includes(value);
			case "trace":
				return trace.traceId === value;
			case "session":
				return lower(trace.sessionId) === value;
			case "service":
				return lower(services[0]?.serviceName) === value;
			case "input":
			case "output":
				return found({ [term.key]: term.value });
			case "text": {
				const texts = [trace.traceId, name, ...spans.flatMap((one) => [one.name, one.error])];
				const isHere = texts.some((text) => lower(text)?.includes(value));
				return isHere || spans.some((one) => one.spanId === term.value) || found({ text: term.value });
			}
			default:
				return spans.some((one) => ofSpan(one, term.key, value));
		}
	};
	const together = terms.filter((term) => isSpanKey(term.key) && !term.isNegated);
	return (
		terms.every((term) => holds(term) !== term.isNegated) &&
		(together.length === 0 ||
			spans.some((one) => together.every((term) => "value" in term && ofSpan(one, term.key, term.value.toLowerCase()))))
	);
}

interface World {
	readonly spans: readonly PlainSpan[];
	readonly record: { readonly name: string | undefined; readonly session: string | undefined };
	readonly terms: readonly QueryTerm[];
	/** What the server finds, by the number of the search. */
	readonly found: readonly (readonly string[])[];
}

const world: fc.Arbitrary<World> = fc.record({
	spans: fc.uniqueArray(span, { selector: (one) => `${one.traceId} ${one.spanId}`, maxLength: 6 }),
	record: fc.record({ name: maybe(word), session: maybe(word) }),
	terms: fc.array(anyTerm, { maxLength: 4 }),
	found: fc.array(fc.subarray(["t-a", "t-b"]), { minLength: 4, maxLength: 4 }),
});

function storeOf({ record, spans }: World): TraceStore {
	const store = new TraceStore();
	store.upsertTrace({
		traceId: "t-a",
		name: record.name,
		tags: record.session === undefined ? [] : [`session:${record.session}`],
	});
	for (const one of spans) store.upsertSpan(one);
	return store;
}

describe("matchTrace by property", { timeout: 30_000 }, () => {
	it("equals a naive reference", () => {
		let matches = 0;
		fc.assert(
			fc.property(world, (value) => {
				const store = storeOf(value);
				const asked: Query = { terms: value.terms, sort: undefined, order: undefined };
				const parts = remoteParts(asked);
				const found = parts.map((_, index) => new Set(value.found[index]));
				for (const { traceId } of store.entries()) {
					const trace: PlainTrace = {
						traceId,
						name: traceId === "t-a" ? value.record.name : undefined,
						sessionId: traceId === "t-a" ? value.record.session : undefined,
						spans: value.spans.filter((one) => one.traceId === traceId),
					};
					const isFound = (part: object) =>
						found[parts.findIndex((one) => JSON.stringify(one) === JSON.stringify(part))].has(traceId);
					const expected = reference(value.terms, trace, isFound);
					if (expected) matches++;
					expect(matchTrace(asked, store, traceId, NOW, found)).toBe(expected);
				}
			}),
			{ numRuns: 3000 },
		);
		// A generator under which nothing ever matches would prove nothing.
		expect(matches).toBeGreaterThan(300);
	});

	it("takes a negated term for the complement of the same term", () => {
		fc.assert(
			fc.property(world, anyTerm, (value, term) => {
				const store = storeOf(value);
				const plain: Query = { terms: [{ ...term, isNegated: false }], sort: undefined, order: undefined };
				const negated: Query = { terms: [{ ...term, isNegated: true }], sort: undefined, order: undefined };
				const found = [new Set(value.found[0])];
				for (const { traceId } of store.entries()) {
					expect(matchTrace(negated, store, traceId, NOW, found)).toBe(!matchTrace(plain, store, traceId, NOW, found));
				}
			}),
		);
	});
});
