import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Arrangement, filterProblem, handleKey, type Key } from "../../../../src/cli/monitor/keys.ts";
import { MAX_QUERY_LENGTH } from "../../../../src/model/query.ts";

const START: Arrangement = {
	filter: "",
	query: undefined,
	selected: undefined,
	isPaused: false,
	isHelpShown: false,
	input: undefined,
};
const IDS = ["a", "b", "c"];

function key(name: string, rest: Partial<Key> = {}): Key {
	return { name, text: name.length === 1 ? name : undefined, ctrl: false, meta: false, ...rest };
}

/** The arrangement after some keys, pressed one after the other. */
function press(before: Arrangement, ...keys: readonly Key[]): Arrangement {
	return keys.reduce((arrangement, one) => handleKey(arrangement, one, IDS).arrangement, before);
}

function type(before: Arrangement, text: string): Arrangement {
	return press(before, ...[...text].map((character) => key(character, { name: undefined, text: character })));
}

describe("keys of the monitor", () => {
	it("select by arrows and letters, and stop at the ends", () => {
		expect(press(START, key("down")).selected).toBe("a");
		expect(press(START, key("up")).selected).toBe("a");
		expect(press(START, key("j"), key("down")).selected).toBe("b");
		expect(press(START, key("end"), key("down")).selected).toBe("c");
		expect(press(START, key("g", { text: "G" })).selected).toBe("c");
		expect(press(START, key("end"), key("k"), key("up"), key("up")).selected).toBe("a");
		expect(press(START, key("pagedown")).selected).toBe("c");
		expect(press({ ...START, selected: "c" }, key("home")).selected).toBe("a");
		expect(handleKey(START, key("down"), []).arrangement.selected).toBeUndefined();
	});

	it("go on at the top when the selected trace has left the table", () => {
		expect(press({ ...START, selected: "gone" }, key("down")).selected).toBe("a");
	});

	it.each([
		[key("q"), "quit"],
		[key("c", { ctrl: true, text: "\u0003" }), "quit"],
		[key("z", { ctrl: true, text: "\u001a" }), "suspend"],
		[key("return", { text: "\r" }), "open"],
		[key("r"), "reconnect"],
		[key("x"), "none"],
		[key("q", { meta: true }), "none"],
	])("ask for an effect: %o", (pressed, effect) => {
		expect(handleKey(START, pressed, IDS)).toEqual({ arrangement: START, effect });
	});

	it("pause and go on, show help and hide it", () => {
		expect(press(START, key("p")).isPaused).toBe(true);
		expect(press(START, key("p"), key("space", { text: " " })).isPaused).toBe(false);
		expect(press(START, key("?")).isHelpShown).toBe(true);
		expect(press(START, key("?"), key("?"))).toEqual(START);
		expect(press({ ...START, filter: "x" }, key("?"), key("escape")).filter).toBe("x");
	});

	it("type a filter, in which letters are letters, and apply it", () => {
		const typed = type(press(START, key("/")), "status:failed q");
		expect(typed.input).toBe("status:failed q");
		expect(typed.filter).toBe("");
		const applied = press(typed, key("return", { text: "\r" }));
		expect(applied).toMatchObject({ filter: "status:failed q", input: undefined });
		expect(applied.query?.terms).toHaveLength(2);
		expect(press(applied, key("/")).input).toBe("status:failed q");
		expect(press(applied, key("escape"))).toMatchObject({ filter: "", query: undefined });
	});

	it("keep a filter that is wrong in the line, and say why", () => {
		const typed = type(press(START, key("/")), "status:odd");
		expect(press(typed, key("return", { text: "\r" }))).toEqual(typed);
		expect(filterProblem("status:odd")).toContain('"odd"');
		expect(press({ ...typed, filter: "kept" }, key("escape"))).toMatchObject({ filter: "kept", input: undefined });
	});

	it("erase a character, a word or all, characters of two units too", () => {
		const typed = type(press(START, key("/")), "one two 🚀");
		expect(press(typed, key("backspace")).input).toBe("one two ");
		expect(press(typed, key("w", { ctrl: true }), key("w", { ctrl: true })).input).toBe("one ");
		expect(press(typed, key("u", { ctrl: true })).input).toBe("");
		expect(handleKey(typed, key("c", { ctrl: true }), IDS).effect).toBe("quit");
	});

	it("never let control characters or endless texts into the filter", () => {
		fc.assert(
			fc.property(fc.array(fc.string({ unit: "binary", maxLength: 700 })), (texts) => {
				let arrangement = press(START, key("/"));
				for (const text of texts) {
					arrangement = press(arrangement, { name: undefined, text, ctrl: false, meta: false });
					expect(arrangement.input).not.toMatch(/\p{Cc}/u);
					expect(arrangement.input?.length).toBeLessThanOrEqual(MAX_QUERY_LENGTH);
				}
			}),
		);
	});
});
