import { describe, expect, it } from "vitest";
import { isTaskSession, startedSessionOf } from "../../../src/model/subagents.ts";

describe("what a task says to have started", () => {
	it("is the session that its output names, as text or inside of JSON", () => {
		expect(startedSessionOf({ output: 'x <task id="ses_x1"> y' })).toBe("ses_x1");
		expect(startedSessionOf({ output: { content: [{ text: '<task id="ses_x2" state="done">' }] } })).toBe("ses_x2");
	});

	it("is nothing where the output names none", () => {
		for (const output of [undefined, null, "", 7, '<task id="other">', '<task id="ses_">', "<task>"]) {
			expect(startedSessionOf({ output })).toBeUndefined();
		}
	});

	it("has an id of word characters", () => {
		expect(isTaskSession("ses_01HX")).toBe(true);
		for (const id of ["ses_", "chat", "ses_a b", "xses_1"]) expect(isTaskSession(id)).toBe(false);
	});
});
