import type { TraceHeader } from "../../src/protocol/messages.ts";
import type { TimeBase } from "../../src/protocol/traceColumns.ts";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { BASE, manySpans } from "./agentTrace.ts";

const MS = 1e6;
const SECOND = 1000 * MS;
const HOUR = 3600 * SECOND;

/** A trace as real programs leave it behind, and what of it is to be seen. */
export interface Shape {
	readonly spans: readonly TestSpan[];
	readonly base: TimeBase;
	readonly header: Partial<TraceHeader>;
	/** Rows with nothing folded: spans, and one for each parent that has not arrived. */
	readonly rows: number;
	/** Beginnings of what the first and the last row are called. */
	readonly first: string;
	readonly last: string;
}

function shape(
	spans: readonly TestSpan[],
	seen: Pick<Shape, "first" | "last"> & Partial<Pick<Shape, "rows" | "base" | "header">>,
): Shape {
	return { rows: spans.length, base: BASE, header: { name: "support_agent.run" }, spans, ...seen };
}

/** Each a frame of a recursion that went wrong: 1,400 levels, every one a little shorter than the one above it. */
function deepChain(): Shape {
	const depth = 1400;
	const spans = Array.from(
		{ length: depth },
		(_, level): TestSpan => ({
			id: `level-${level}`,
			name: `resolve ${level + 1}`,
			parent: level === 0 ? undefined : `level-${level - 1}`,
			kind: level % 2 === 0 ? "agent" : "tool",
			start: level * MS,
			end: (2 * depth - level) * MS,
		}),
	);
	return shape(spans, { first: "resolve 1", last: `resolve ${depth}` });
}

/** A fan-out over a whole data set. */
function siblings(): Shape {
	const count = 20_000;
	const spans: TestSpan[] = [{ id: "root", name: "evaluate data set", kind: "agent", start: 0, end: count * MS }];
	for (let i = 1; i < count; i++) {
		const lengthMs = 5 + ((i * 7919) % 400);
		spans.push({
			id: `case-${i}`,
			name: `case ${i}`,
			parent: "root",
			kind: i % 3 === 0 ? "llm_call" : "tool",
			start: i * MS,
			end: Math.min(count, i + lengthMs) * MS,
		});
	}
	return shape(spans, { first: "evaluate data set", last: `case ${count - 1}` });
}

/** Clocks with a coarse tick, and steps that only mark a moment. */
function zeroDurations(): Shape {
	const spans: TestSpan[] = [{ id: "root", name: "run", kind: "agent", start: 0, end: 900 * MS }];
	for (let i = 0; i < 30; i++) {
		const at = i * 30 * MS;
		spans.push({ id: `mark-${i}`, name: `mark ${i}`, parent: "root", kind: "tool", start: at, end: at });
	}
	return shape(spans, { first: "run", last: "mark 29" });
}

/** Nothing of it takes any time. */
function noTimeAtAll(): Shape {
	const spans = Array.from(
		{ length: 8 },
		(_, i): TestSpan => ({ id: `now-${i}`, name: `now ${i}`, kind: "custom", start: 0, end: 0 }),
	);
	return shape(spans, { first: "now 0", last: "now 7" });
}

/** An agent that waits for people: calls of seconds with hours between them. */
function threeDays(): Shape {
	const spans: TestSpan[] = [{ id: "root", name: "approval workflow", kind: "agent", start: 0, end: 72 * HOUR }];
	for (let day = 0; day < 3; day++) {
		const start = day * 24 * HOUR;
		spans.push({ id: `day-${day}`, name: `day ${day + 1}`, parent: "root", start, end: start + 20 * HOUR });
		for (let call = 0; call < 8; call++) {
			const at = start + call * 2.5 * HOUR;
			spans.push({
				id: `call-${day}-${call}`,
				name: `answer ${day + 1}.${call + 1}`,
				parent: `day-${day}`,
				kind: "llm_call",
				model: "gpt-4o",
				start: at,
				end: at + (2 + call) * SECOND,
				inputTokens: 1200 + call,
				outputTokens: 300,
			});
		}
	}
	return shape(spans, { first: "approval workflow", last: "answer 3.8" });
}

/** The clock of what sent it is two hours ahead; one span is said to run already. */
function future(): Shape {
	const spans: TestSpan[] = [
		{ id: "root", name: "tomorrow's run", kind: "agent", start: 0, end: 60 * SECOND },
		{ id: "plan", name: "plan", parent: "root", kind: "llm_call", start: SECOND, end: 20 * SECOND },
		{ id: "fetch", name: "fetch", parent: "root", kind: "tool", start: 20 * SECOND, end: 45 * SECOND },
		{ id: "write", name: "write", parent: "root", kind: "llm_call", start: 46 * SECOND },
	];
	return shape(spans, {
		first: "tomorrow's run",
		last: "write",
		base: { ms: Date.now() + 2 * 3_600_000, subNs: 0 },
	});
}

/** An exporter lost a third of the spans; nested ones among them. */
function missingParents(): Shape {
	const spans: TestSpan[] = [{ id: "root", name: "run", kind: "agent", start: 0, end: 60 * SECOND }];
	for (let i = 0; i < 12; i++) {
		const start = (i * 5 + 1) * SECOND;
		const parent = i % 3 === 0 ? "root" : `lost-${i}`;
		spans.push(
			{ id: `step-${i}`, name: `step ${i}`, parent, kind: "custom", start, end: start + 4 * SECOND },
			{
				id: `call-${i}`,
				name: `call ${i}`,
				parent: `step-${i}`,
				kind: "llm_call",
				start: start + SECOND,
				end: start + 3 * SECOND,
			},
		);
	}
	return shape(spans, { rows: spans.length + 8, first: "run", last: "call 11" });
}

/** Ids that were used twice: a ring of three with a tail, a span that is its own parent, and a sound tree beside them. */
function cycles(): Shape {
	const at = (second: number) => ({ start: second * SECOND, end: (second + 1) * SECOND });
	const spans: TestSpan[] = [
		{ id: "root", name: "sound root", kind: "agent", start: 0, end: 9 * SECOND },
		{ id: "kid", name: "sound child", parent: "root", kind: "tool", ...at(1) },
		{ id: "a", name: "ring a", parent: "c", kind: "custom", ...at(2) },
		{ id: "b", name: "ring b", parent: "a", kind: "custom", ...at(3) },
		{ id: "c", name: "ring c", parent: "b", kind: "custom", ...at(4) },
		{ id: "tail", name: "hangs on b", parent: "b", kind: "tool", ...at(5) },
		{ id: "self", name: "own parent", parent: "self", kind: "tool", ...at(6) },
	];
	return shape(spans, { first: "sound root", last: "own parent" });
}

/** Two runs that a program sent under one trace id. */
function twoRoots(): Shape {
	const spans: TestSpan[] = [];
	for (const [run, name] of ["first run", "second run"].entries()) {
		const start = run * 40 * SECOND;
		spans.push({ id: name, name, kind: "agent", start, end: start + 30 * SECOND });
		for (let i = 0; i < 4; i++) {
			const at = start + i * 7 * SECOND;
			spans.push({
				id: `${name}-${i}`,
				name: `${name}, turn ${i + 1}`,
				parent: name,
				kind: "llm_call",
				start: at,
				end: at + 6 * SECOND,
			});
		}
	}
	return shape(spans, { first: "first run", last: "second run, turn 4" });
}

/** A provider that was down while a queue was worked off. */
function failures(): Shape {
	const count = 5000;
	const spans: TestSpan[] = [
		{ id: "root", name: "work off queue", kind: "agent", start: 0, end: count * 20 * MS, isFailed: true },
	];
	for (let i = 0; i < count; i++) {
		spans.push({
			id: `job-${i}`,
			name: `job ${i}`,
			parent: "root",
			kind: "llm_call",
			model: "claude-sonnet-4",
			start: i * 20 * MS,
			end: (i * 20 + 15) * MS,
			isFailed: true,
			error: `529 overloaded_error: request ${i} was not taken`,
		});
	}
	return shape(spans, { first: "work off queue", last: "job 4999" });
}

/** Milliseconds sent as nanoseconds and the other way round, ends before starts, and spans that nobody gave a time. */
function absurdTimes(): Shape {
	const epoch = -BASE.ms * MS;
	const spans: TestSpan[] = [
		{ id: "root", name: "run", kind: "agent", start: 0, end: 10 * SECOND },
		{ id: "fine", name: "fine", parent: "root", kind: "llm_call", start: SECOND, end: 4 * SECOND },
		// 2026 in milliseconds, read as nanoseconds: half an hour after 1970.
		{
			id: "ms-as-ns",
			name: "milliseconds as nanoseconds",
			parent: "root",
			kind: "tool",
			start: epoch + 1_772_000 * MS,
			end: epoch + 1_772_003 * MS,
		},
		{
			id: "backwards",
			name: "ends before it starts",
			parent: "root",
			kind: "tool",
			start: 6 * SECOND,
			end: 5 * SECOND,
		},
		{
			id: "outside",
			name: "outside of its parent",
			parent: "fine",
			kind: "tool",
			start: 8 * SECOND,
			end: 30 * SECOND,
		},
		{ id: "endless", name: "ends in 2262", parent: "root", kind: "tool", start: 2 * SECOND, end: 7.4e18 },
		{ id: "timeless", name: "no time at all", parent: "root", kind: "tool", isFailed: true },
	];
	return shape(spans, { first: "run", last: "no time at all" });
}

/** What people and models write into names. */
function hostileNames(): Shape {
	const names = [
		"</bdi><img src=x onerror=alert(1)><script>alert(2)</script>",
		"ردّ على العميل بخصوص الطلب رقم 8812",
		"\u202Egnp.exe\u202C looks like another name",
		"mixed עברית and English with 123 numbers",
		"x".repeat(20_000),
		"word ".repeat(4000),
		`Z${"\u0351\u0317\u0489".repeat(200)}algo`,
		"👩‍👩‍👧‍👦 family 🏴󠁧󠁢󠁳󠁣󠁴󠁿 flag 𝕯ouble",
		"line one\nline two\r\n\tline three\u2028line four",
		"\u0000\u001B[31mterminal\u0007\u009B",
		"\uD800 lone surrogate \uDC00",
		"",
		"   ",
		"\u200B\u200D\uFEFF",
		"$(trash) [click](command:workbench.action.quit) %SYSTEMROOT%",
		"日本語の名前がここに入りますとても長いので切られるはずです日本語の名前がここに入ります",
	];
	const spans = names.map(
		(name, i): TestSpan => ({
			id: `hostile-${i}`,
			name,
			parent: i === 0 ? undefined : "hostile-0",
			kind: i % 2 === 0 ? "tool" : name.slice(0, 400),
			model: i % 4 === 1 ? name.slice(0, 1000) : undefined,
			start: i * MS,
			end: (i === 0 ? 100 : i + 20) * MS,
			isFailed: i % 5 === 4,
			error: i % 5 === 4 ? name.slice(0, 200) : undefined,
		}),
	);
	return shape(spans, { first: "</bdi><img", last: "日本語", header: { name: names[0] + names[1] } });
}

function quarterMillion(): Shape {
	const count = 250_000;
	return shape(manySpans(count), { first: "run", last: "tool_" });
}

/** Made when they are wanted: only one of the big ones is in memory at a time. */
export const SHAPES: readonly (readonly [name: string, make: () => Shape])[] = [
	["a chain of 1,400", deepChain],
	["20,000 siblings", siblings],
	["spans without duration", zeroDurations],
	["a trace without duration", noTimeAtAll],
	["three days", threeDays],
	["spans in the future", future],
	["missing parents", missingParents],
	["cycles", cycles],
	["two roots", twoRoots],
	["5,000 failed spans", failures],
	["absurd times", absurdTimes],
	["hostile names", hostileNames],
	["250,000 spans", quarterMillion],
];
