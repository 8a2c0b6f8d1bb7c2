import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { framesIn } from "../../src/model/stackFrames.ts";

const places = (text: string): string[] =>
	framesIn(text).map(({ path, line, column }) => [path, line, ...(column === undefined ? [] : [column])].join("|"));

describe("frames of a stack", () => {
	it.each([
		['  File "/app/agent.py", line 88, in draft', "/app/agent.py|88"],
		["    at draft (/app/src/agent.ts:88:12)", "/app/src/agent.ts|88|12"],
		["    at async file:///app/src/agent.mjs:4:1", "file:///app/src/agent.mjs|4|1"],
		["    at src/agent.js:7", "src/agent.js|7"],
		["\t/app/main.go:31 +0x1b", "/app/main.go|31"],
		["   at App.Draft() in C:\\app\\Agent.cs:line 12", "C:\\app\\Agent.cs|12"],
		["  at C:\\app\\agent.ts:3:4", "C:\\app\\agent.ts|3|4"],
		["app/models/order.rb:5:in `find'", "app/models/order.rb|5"],
		["   --> src/main.rs:10:5", "src/main.rs|10|5"],
	])("are found in %s", (text, expected) => {
		expect(places(text)).toEqual([expected]);
	});

	it("are not found where there are none", () => {
		expect(places("Error: 12:30:05 no file here\nat node:internal/process:95:5\n4711:12")).toEqual([]);
	});

	it("say where the text names them", () => {
		const text = 'Traceback:\n  File "/app/a.py", line 3\n    x()';
		const [{ start, end }] = framesIn(text);
		expect(text.slice(start, end)).toBe('File "/app/a.py", line 3');
	});

	it("are bounded, on any text, in order and apart", () => {
		expect(framesIn("/a/b.ts:1:1\n".repeat(5_000))).toHaveLength(100);
		expect(framesIn(`${"a".repeat(60_000)}.ts:1`)).toEqual([]);
		fc.assert(
			fc.property(
				fc.array(fc.constantFrom("/a/", "b.ts", ":1", ":22", "\n", ' File "', '", line 3', "é", ".", "C:\\")),
				(parts) => {
					const text = parts.join("");
					let last = 0;
					for (const { start, end, path, line } of framesIn(text)) {
						expect(start).toBeGreaterThanOrEqual(last);
						expect(text.slice(start, end)).toContain(path);
						expect(text.slice(start, end)).toContain(String(line));
						last = end;
					}
				},
			),
		);
	});
});
