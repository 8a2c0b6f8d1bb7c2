import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventFilter, Frames, framesOf } from "../../../src/server/events/eventFrames.ts";

const facets = fc.option(
	fc
		.tuple(
			fc.constantFrom("llm_call", "custom"),
			fc.constantFrom("llm_call", "tool"),
			fc.option(fc.constantFrom("m1", "m2")),
		)
		.map(([type, name, model]) => (model === null ? `${type}\n${name}` : `${type}\n${name}\n${model}`)),
);
const events = fc
	.tuple(
		fc.nat(1_000_000),
		fc.array(
			fc.record({
				facets,
				data: fc.oneof(fc.string({ unit: "binary" }), fc.constant("x".repeat(100_000))),
				hole: fc.constantFrom(0, 0, 0, 0, 1, 5),
			}),
			{ minLength: 1, maxLength: 20 },
		),
	)
	.map(([first, list]) => {
		let id = first;
		return list.map(({ hole, ...event }) => {
			id += 1 + hole;
			return { id, ...event };
		});
	});
const filter = fc
	.tuple(fc.constantFrom(undefined, "llm_call", "tool", "none"), fc.constantFrom(undefined, "m1", "m3"))
	.map(([kind, model]) => new EventFilter(kind, model));

describe("Frames", () => {
	it("give what is behind a position and passes a filter, for any events and holes in their ids", () => {
		fc.assert(
			fc.property(events, fc.array(fc.tuple(filter, fc.nat(25)), { minLength: 1 }), (list, questions) => {
				const pieces = framesOf(list);
				expect(pieces.map((piece) => piece.firstId)).toEqual([
					list[0].id,
					...pieces.slice(0, -1).map((piece) => list.find(({ id }) => id > piece.lastId)?.id),
				]);
				for (const [passing, skipped] of questions) {
					const cursor = list[0].id - 1 + skipped;
					const expected = list
						.filter((event) => event.id > cursor && passing.accepts(event.facets))
						.map((event) => `id: ${event.id}\ndata: ${event.data}\n\n`)
						.join("");
					const found = pieces
						.filter((piece) => piece.lastId > cursor)
						.map((piece) => piece.after(cursor, passing))
						.map(String)
						.join("");
					expect(found).toBe(Buffer.from(expected).toString());
				}
			}),
			{ numRuns: 200 },
		);
	});

	it("are the same buffer for everybody with the same filter", () => {
		const frames = new Frames([
			{ id: 1, facets: "llm_call\nllm_call\nm", data: "{}" },
			{ id: 2, facets: "custom\ntool", data: "{}" },
			{ id: 3, facets: null, data: "{}" },
		]);
		const all = () => frames.after(0, new EventFilter(undefined, undefined));
		const tools = () => frames.after(0, new EventFilter("tool", undefined));
		expect(all()).toBe(all());
		expect(tools()).toBe(tools());
		expect(String(tools())).toBe("id: 2\ndata: {}\n\nid: 3\ndata: {}\n\n");
	});
});
