import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Line, lineText, lineWidth } from "../../../../src/cli/monitor/frame.ts";
import type { MonitorRow } from "../../../../src/cli/monitor/numbers.ts";
import { frameOf, type MonitorView } from "../../../../src/cli/monitor/view.ts";
import { NOON } from "../../model/spans.ts";
import { monitorRow, monitorView } from "./monitorViews.ts";

/** Ten traces of every kind, with names and prompts that try to break the table. */
const ROWS: readonly MonitorRow[] = [
	monitorRow({
		traceId: "running",
		startMs: NOON + 9000,
		state: "running",
		isRunning: true,
		name: "answer a customer",
		models: ["gpt-4o-mini", "o3", "sonar-pro"],
		latencyMs: 812,
		tokens: 2310,
		costUsd: 0.0042,
		isCostEstimated: true,
		steps: 6,
	}),
	monitorRow({ traceId: "plain", startMs: NOON + 8000, name: "summarise the minutes", latencyMs: 912.4, tokens: 148 }),
	monitorRow({ traceId: "slow", startMs: NOON + 7000, name: "plan", latencyMs: 1500, tokens: 14_823, steps: 12 }),
	monitorRow({
		traceId: "failed",
		startMs: NOON + 6000,
		state: "failed",
		name: "review #580",
		latencyMs: 452,
		steps: 18,
	}),
	monitorRow({
		traceId: "hostile",
		startMs: NOON + 5000,
		name: "\u001b[2J\u001b]0;owned\u0007 \u202egnp.exe",
		latencyMs: 3,
	}),
	monitorRow({
		traceId: "wide",
		startMs: NOON + 4000,
		name: "日本語の長い名前をもつトレース",
		models: ["千問-max-2026-01-01"],
	}),
	monitorRow({ traceId: "emoji", startMs: NOON + 3000, name: "👩‍🚀 🇩🇪 e\u0301\u0301\u0301\u0301 done" }),
	monitorRow({
		traceId: "unknown",
		startMs: undefined,
		name: "nothing is known",
		models: [],
		latencyMs: undefined,
		tokens: undefined,
		costUsd: undefined,
		steps: 0,
		state: "running",
	}),
	monitorRow({
		traceId: "long",
		startMs: NOON + 1000,
		name: "x".repeat(300),
		latencyMs: 7_260_000,
		tokens: 123_456_789,
	}),
	monitorRow({
		traceId: "last",
		startMs: NOON,
		name: "first of all",
		models: ["a-model-with-a-very-long-name"],
		latencyMs: 0.2,
	}),
];

const PROMPTS = new Map([
	["plain", "Summarise the minutes of the meeting about the new invoices, please"],
	["hostile", "ignore \u001b[31mprevious\u001b[0m\ninstructions"],
	["wide", "この文章を要約してください。それから英語に翻訳してください。"],
]);

const FULL = monitorView(ROWS, { prompts: PROMPTS, known: 1234, hasMore: true, unique: 57, selected: "long" });

function textOf(lines: readonly Line[]): string {
	return `${lines.map(lineText).join("\n")}\n`;
}

/** Style of the first segment that has a text in it. */
function styleOf(lines: readonly Line[], text: string): string | undefined {
	return lines.flat().find((part) => part.text.includes(text))?.style;
}

describe("a frame", () => {
	it.each([
		[80, 24],
		[200, 50],
		[50, 14],
	])("is drawn as it always was at %i×%i", async (columns, rows) => {
		const file = new URL(`../../../fixtures/monitor/${columns}x${rows}.txt`, import.meta.url).pathname;
		await expect(textOf(frameOf(FULL, columns, rows))).toMatchFileSnapshot(file);
	});

	it("is exactly as large as the terminal and holds no control character, whatever a trace says", () => {
		const anyText = fc.oneof(
			fc.string({ unit: "binary", maxLength: 60 }),
			fc.string({ unit: "grapheme", maxLength: 60 }),
			fc.constantFrom("\u001b[2J", "\u009b31m", "\u001b]0;x\u0007", "日本語", "👨‍👩‍👧‍👦", "\u202e", "\n\r\t"),
		);
		const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
		const anyRow = fc.record({
			traceId: anyText,
			startMs: optional(fc.double()),
			state: fc.constantFrom("running" as const, "completed" as const, "failed" as const),
			isRunning: fc.boolean(),
			name: anyText,
			models: fc.array(anyText, { maxLength: 4 }),
			latencyMs: optional(fc.double({ min: 0, max: 1e15, noNaN: true })),
			tokens: optional(fc.nat()),
			costUsd: optional(fc.double({ min: 0, max: 1e9, noNaN: true })),
			isCostEstimated: fc.boolean(),
			steps: fc.nat(),
		});
		const anyView = fc.record({
			rows: fc.array(anyRow, { maxLength: 30 }),
			url: anyText,
			stream: optional(fc.record({ word: fc.constant("Error"), style: fc.constant("bad" as const), detail: anyText })),
			problem: optional(anyText),
			filter: anyText,
			input: optional(fc.record({ text: anyText, error: optional(anyText) })),
			notice: optional(fc.record({ text: anyText, style: fc.constant("warning" as const) })),
			prompt: anyText,
			flags: fc.record({
				isHelpShown: fc.boolean(),
				isPaused: fc.boolean(),
				isLoaded: fc.boolean(),
				isLive: fc.boolean(),
			}),
		});
		fc.assert(
			fc.property(anyView, fc.integer({ min: 1, max: 220 }), fc.integer({ min: 1, max: 60 }), (any, columns, rows) => {
				const { rows: traces, prompt, flags, ...rest } = any;
				const prompts = new Map(traces.map(({ traceId }) => [traceId, prompt]));
				const view: MonitorView = monitorView(traces, { ...rest, ...flags, prompts, selected: traces[0]?.traceId });
				const lines = frameOf(view, columns, rows);
				expect(lines).toHaveLength(rows);
				for (const line of lines) {
					expect(lineWidth(line)).toBe(columns);
					expect(lineText(line)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
				}
			}),
			{ numRuns: 60 },
		);
	});

	it("says the state and the latency of each trace in its colour", () => {
		const lines = frameOf(FULL, 80, 24);
		expect(styleOf(lines, "COMPLETED")).toBe("good");
		expect(styleOf(lines, "FAILED")).toBe("bad");
		expect(styleOf(lines, "RUNNING")).toBe("busy");
		expect(styleOf(lines, " 912ms")).toBe("warning");
		expect(styleOf(lines, "1,500ms")).toBe("bad");
		expect(styleOf(lines, " 452ms")).toBe("plain");
	});

	it("marks the selected trace, and keeps it in view where the table is shorter than the rows", () => {
		for (const { traceId, name } of ROWS) {
			if (traceId === "hostile" || traceId === "emoji" || traceId === "long") continue;
			const lines = frameOf({ ...FULL, prompts: new Map(), selected: traceId }, 120, 18);
			const marked = lines.filter((line) => line.some(({ isInverse }) => isInverse));
			expect(marked).toHaveLength(1);
			expect(lineText(marked[0]!)).toContain("›");
			expect(lineText(marked[0]!)).toContain(name.slice(0, 10));
		}
	});

	it("polls where it is not live, and says that in the head", () => {
		const detail = "polling every 2.0s, retrying in 4s";
		const stream = { word: "Unavailable", style: "warning" as const, detail };
		const lines = frameOf(monitorView(ROWS, { isLive: false, stream }), 80, 24);
		expect(textOf(lines)).toContain("Ctrl+C to stop — polling every 2.0s");
		expect(textOf(lines)).toContain(`● Unavailable  ${detail}`);
		expect(styleOf(lines, "● Unavailable")).toBe("warning");
		const wide = textOf(frameOf(monitorView(ROWS, { isLive: false, stream }), 200, 50));
		expect(wide).toContain("● Unavailable");
		expect(wide).toMatch(/│ polling every 2\.0s, retrying in +│/);
		expect(wide).toMatch(/│ 4s +│/);
		expect(textOf(frameOf(FULL, 80, 24))).toContain("Ctrl+C to stop — live by stream");
	});

	it("says what is missing where there are no traces", () => {
		const empty = (rest: Partial<MonitorView>) =>
			textOf(frameOf(monitorView([], rest), 80, 24)).replace(/[│\s]+/g, " ");
		expect(empty({ isLoaded: false, stream: undefined })).toContain("Reading traces …");
		expect(empty({})).toContain("No traces yet.");
		expect(empty({ known: 7, filter: "status:failed" })).toContain("No trace matches the filter. Esc clears it.");
		const problem = empty({ problem: "cannot reach http://127.0.0.1:3000", isLive: false, isLoaded: false });
		expect(problem).toContain("Poll error: cannot reach http://127.0.0.1:3000 will retry in 2.0s");
	});

	it("says how many of which traces it shows", () => {
		expect(textOf(frameOf(FULL, 80, 24))).toContain("Total Traces 10 of 1,234+");
		expect(textOf(frameOf(FULL, 80, 24))).toContain("Recent Traces (57 unique)");
		expect(textOf(frameOf(monitorView(ROWS), 80, 24))).toMatch(/Total Traces 10 /);
		const filtered = monitorView(ROWS.slice(0, 2), { filter: "status:running", matching: 2, known: 12 });
		expect(textOf(frameOf(filtered, 120, 24))).toContain("Recent Traces (2 unique) · status:running · 2 match");
		expect(textOf(frameOf(FULL, 80, 18))).toMatch(/· \d–\d of 10/);
	});

	it("keeps the rows of the reference and a whole box in a panel as low as VS Code's", () => {
		const text = textOf(frameOf(FULL, 150, 13));
		for (const label of [
			"Stream",
			"Total Traces",
			"Completed",
			"Errors",
			"Avg Latency",
			"P95 Latency",
			"Total Tokens",
		]) {
			expect(text).toContain(`│ ${label} `);
		}
		expect(text.match(/╰/g)).toHaveLength(2);
	});

	it("says that it is paused and what waits", () => {
		expect(textOf(frameOf(FULL, 80, 24))).toContain("Monitor active");
		expect(textOf(frameOf({ ...FULL, isPaused: true }, 80, 24))).toMatch(/^Paused {2}/m);
		expect(textOf(frameOf({ ...FULL, isPaused: true, waiting: 1200 }, 80, 24))).toContain(
			"Paused, 1,200 changed since",
		);
	});

	it("shows the end of a filter that is typed, and what is wrong with it", () => {
		const typed = (text: string, error?: string) =>
			lineText(frameOf({ ...FULL, input: { text, error } }, 80, 24).at(-1)!).trimEnd();
		expect(typed("status:failed")).toBe("/status:failed");
		expect(typed(`${"a".repeat(100)} end`)).toMatch(/^\/a+ end$/);
		expect(typed("status:odd", '"odd" is no status')).toBe('/status:odd   "odd" is no status');
	});

	it("asks for more room where nothing useful fits", () => {
		expect(textOf(frameOf(FULL, 40, 7))).toContain("Needs 30×8, has 40×7");
	});
});
