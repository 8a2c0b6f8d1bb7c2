import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonStream } from "../../../../src/sources/files/jsonStream.ts";

/** The bytes of a text in pieces of `size`. */
async function* inChunks(text: string, size: number): AsyncGenerator<Uint8Array> {
	const bytes = Buffer.from(text);
	for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Walks everything, container by container, to the value that JSON.parse makes; scalars through `value`. */
async function walk(stream: JsonStream): Promise<unknown> {
	const next = await stream.peek();
	if (next === "{") {
		const members: [string, unknown][] = [];
		for await (const key of stream.keys()) members.push([key, await walk(stream)]);
		return Object.fromEntries(members);
	}
	if (next === "[") {
		const elements: unknown[] = [];
		for await (const index of stream.elements()) elements[index] = await walk(stream);
		return elements;
	}
	return JSON.parse((await stream.value(1000))!.toString("utf8"));
}

const json = fc.jsonValue({ maxDepth: 5 });
const space = fc.constantFrom("", " ", "\n\t");

describe("JsonStream", () => {
	it("walks any JSON to what JSON.parse makes of it, wherever the bytes are cut", async () => {
		await fc.assert(
			fc.asyncProperty(
				json,
				fc.integer({ min: 1, max: 40 }),
				fc.integer({ min: 0, max: 2 }),
				async (value, size, indent) => {
					const text = JSON.stringify(value, null, indent);
					expect(await walk(new JsonStream(inChunks(text, size)))).toEqual(JSON.parse(text));
				},
			),
		);
	});

	it("hands out each value as it stands, and the next one after it", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.tuple(json, space)), fc.integer({ min: 1, max: 40 }), async (values, size) => {
				const texts = values.map(([value]) => JSON.stringify(value));
				const text = `[${values.map(([, before], index) => `${before}${texts[index]}${before}`).join(",")}]`;
				const stream = new JsonStream(inChunks(text, size));
				const read: string[] = [];
				for await (const _ of stream.elements()) read.push((await stream.value(10_000))!.toString("utf8"));
				expect(read).toEqual(texts);
				expect(await stream.peek()).toBe("");
			}),
		);
	});

	it("leaves a value that is too large where it is, to be walked or skipped", async () => {
		await fc.assert(
			fc.asyncProperty(
				json,
				fc.integer({ min: 1, max: 40 }),
				fc.integer({ min: 0, max: 30 }),
				async (value, size, max) => {
					const text = JSON.stringify(value);
					const isTooLarge = Buffer.byteLength(text) > max;
					for (const isSkipped of [false, true]) {
						const stream = new JsonStream(inChunks(`${text} "end"`, size));
						const whole = await stream.value(max);
						expect(whole === undefined).toBe(isTooLarge);
						if (whole === undefined && isSkipped) await stream.skip();
						else if (whole === undefined) expect(await walk(stream)).toEqual(JSON.parse(text));
						expect((await stream.value(5))?.toString()).toBe('"end"');
					}
				},
			),
		);
	});

	it.each([
		["", /byte 0: a value was expected/],
		["}", /byte 0: a value was expected/],
		['{"a" 1}', /byte 5: : was expected/],
		['{"a":1,}', /byte 7: a key in quotes was expected/],
		["{a:1}", /byte 1: a key in quotes was expected/],
		["[1 2]", /byte 3: , was expected/],
		["[1,]", /byte 3: a value was expected/],
		['["abc', /byte 5: ends inside a value/],
		['["\\', /byte 3: ends inside a value/],
		["[[1]", /byte 4: , was expected/],
		['{"\\x":1}', /byte 5: a key in quotes was expected/],
	])("says where %j is no JSON", async (text, message) => {
		for (const size of [1, 100]) await expect(walk(new JsonStream(inChunks(text, size)))).rejects.toThrow(message);
	});

	it("reads a number of a million digits and a deep value without recursion", async () => {
		const deep = "[".repeat(100_000) + "]".repeat(100_000);
		expect(await new JsonStream(inChunks(deep, 1000)).value(200_000)).toHaveLength(200_000);
		expect(await new JsonStream(inChunks("9".repeat(1e6), 1000)).value(1e6)).toHaveLength(1e6);
	});

	it("passes over a byte order mark", async () => {
		expect(await walk(new JsonStream(inChunks("\ufeff[1]", 100)))).toEqual([1]);
	});
});
