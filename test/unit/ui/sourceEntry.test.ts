import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SOURCE_DEFINITIONS } from "../../../src/sources/registry.ts";
import { checkSource, entryOf, freeId, freeName } from "../../../src/ui/sources/sourceEntry.ts";

const URL = "http://127.0.0.1:3000";
const none: ReadonlySet<string> = new Set();

describe("an entry of the setting", () => {
	it("needs an id and an address only", () => {
		expect(checkSource({ id: "a", url: `${URL}/api/` }, none)).toEqual({
			id: "a",
			name: "a",
			type: "traceway",
			url: URL,
			filter: undefined,
			caFile: undefined,
			options: undefined,
		});
	});

	it("takes each type that has an adapter", () => {
		for (const { type } of SOURCE_DEFINITIONS)
			expect(checkSource({ id: "a", url: URL, type }, none)).toMatchObject({ type });
	});

	it("hands its options to the adapter as they stand", () => {
		const entry = { id: "a", url: URL, options: { tenant: "team-a", refreshSeconds: 2.5, isFast: true } };
		const config = checkSource(entry, none);
		expect(config).toMatchObject(entry);
		if (typeof config === "string") throw new Error(config);
		expect(entryOf(config)).toEqual({ ...entry, name: "a", type: "traceway" });
	});

	it.each([
		[null, "must be an object"],
		[["x"], "must be an object"],
		[{ url: URL }, '"id" must be a text'],
		[{ id: "local", url: URL }, '"id" must not be "local", which names the mini-server'],
		[{ id: "taken", url: URL }, '"id" "taken" is used twice'],
		[{ id: "a" }, '"url" must be an address'],
		[{ id: "a", url: "http://me:secret@host" }, '"url" must not hold a password or token'],
		[{ id: "a", url: URL, options: "fast" }, '"options" must be an object'],
		[
			{ id: "a", url: URL, options: { tenant: { name: "x" } } },
			'"options.tenant" must be a text of at most 4000 characters, a number',
		],
		[
			{ id: "a", url: URL, options: { tenant: "x".repeat(5000) } },
			'"options.tenant" must be a text of at most 4000 characters',
		],
		[{ id: "a", url: URL, type: "jaeger" }, '"type" "jaeger" is not known; use "traceway"'],
	])("is refused in words: %j", (entry, problem) => {
		const result = checkSource(entry, new Set(["taken"]));
		expect(typeof result).toBe("string");
		expect(result).toContain(problem);
	});

	it("is a source or a sentence, whatever stands there", () => {
		const anything = fc.oneof(fc.anything(), fc.record({ id: fc.string(), url: fc.webUrl(), options: fc.anything() }));
		fc.assert(
			fc.property(anything, (entry) => {
				const result = checkSource(entry, none);
				if (typeof result === "string") expect(result).not.toBe("");
				else expect(checkSource(entryOf(result), none)).toEqual(result);
			}),
		);
	});
});

describe("ids and names of new sources", () => {
	it("are made of what is there, and never taken", () => {
		expect(freeId("127.0.0.1:3200", [])).toBe("127-0-0-1-3200");
		expect(freeId("[::1]", [])).toBe("1");
		expect(freeId("…", ["source"])).toBe("source-2");
		expect(freeId("local", [])).toBe("local-2");
		expect(freeName("Grafana Tempo", "host", [])).toBe("Grafana Tempo");
		expect(freeName("Tempo", "host", ["Tempo"])).toBe("Tempo (host)");
		expect(freeName("Tempo", "host", ["Tempo", "Tempo (host)"])).toBe("Tempo (host) 2");
		fc.assert(
			fc.property(fc.string(), fc.array(fc.string()), (wanted, taken) => {
				expect(taken).not.toContain(freeId(wanted, taken));
				expect(freeId(wanted, taken)).not.toBe("local");
				expect(taken).not.toContain(freeName(wanted, "host", taken));
			}),
		);
	});
});
