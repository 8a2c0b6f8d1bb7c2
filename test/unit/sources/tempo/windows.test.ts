import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SearchRow } from "../../../../src/sources/tempo/searchAnswer.ts";
import { LIMIT, type SearchWindow, searchWindows, type WindowRows } from "../../../../src/sources/tempo/windows.ts";

/** A server with traces of one second each, and what it was asked for. */
class Server {
	readonly asked: SearchWindow[] = [];
	readonly #starts: readonly number[];
	readonly #maxLimit: number;
	readonly #maxSeconds: number;

	constructor(starts: readonly number[], maxLimit = Number.POSITIVE_INFINITY, maxSeconds = Number.POSITIVE_INFINITY) {
		this.#starts = starts;
		this.#maxLimit = maxLimit;
		this.#maxSeconds = maxSeconds;
	}

	search = async (window: SearchWindow, wanted: number) => {
		const limit = Math.min(wanted, this.#maxLimit);
		this.asked.push(window);
		if (window.to - window.from > this.#maxSeconds) return { answer: "rangeTooLong" as const, limit };
		const rows = this.#starts
			.map((start, index) => ({ start, index }))
			.filter(({ start }) => start <= window.to && start + 1 >= window.from)
			.slice(0, limit)
			.map(({ index }) => ({ traceId: String(index) }) as SearchRow);
		return { answer: { rows, count: rows.length, undecodable: 0 }, limit };
	};
}

async function walk(server: Server, range: SearchWindow): Promise<WindowRows[]> {
	const parts: WindowRows[] = [];
	for await (const part of searchWindows(server.search, range)) parts.push(part);
	return parts;
}

const idsOf = (parts: readonly WindowRows[]) =>
	[...new Set(parts.flatMap(({ rows }) => rows.map(({ traceId }) => traceId)))].sort();

describe("a range of time", () => {
	it("is one search where it holds little", async () => {
		const server = new Server([10, 20, 30]);
		const parts = await walk(server, { from: 0, to: 3600 });
		expect(parts).toEqual([
			{ from: 0, to: 3600, isComplete: true, rows: [0, 1, 2].map((id) => ({ traceId: String(id) })) },
		]);
		expect(server.asked).toHaveLength(1);
	});

	it("is cut until every trace is named, wherever they are", async () => {
		const starts = fc.array(fc.integer({ min: 0, max: 3600 }), { maxLength: 60 });
		await fc.assert(
			fc.asyncProperty(starts, fc.integer({ min: 60, max: 100 }), async (times, limit) => {
				const server = new Server(times, limit);
				const parts = await walk(server, { from: 0, to: 3600 });
				expect(idsOf(parts)).toEqual(times.map((_, index) => String(index)).sort());
				expect(parts.every(({ isComplete }) => isComplete)).toBe(true);
			}),
		);
	});

	it("gives its parts without gaps, the newest first", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 999 }), { maxLength: 200 }), async (times) => {
				const parts = await walk(new Server(times, 20), { from: 0, to: 1000 });
				expect(parts[0].to).toBe(1000);
				expect(parts.at(-1)?.from).toBe(0);
				for (const [index, part] of parts.entries()) {
					if (index > 0) expect(part.to).toBe(parts[index - 1].from);
				}
			}),
		);
	});

	it("finds all traces of a busy hour, and asks little more than it must", async () => {
		const starts = Array.from({ length: 20_000 }, (_, index) => index * 0.18);
		const server = new Server(starts);
		expect(idsOf(await walk(server, { from: 0, to: 3600 }))).toHaveLength(20_000);
		expect(server.asked.length).toBeLessThan((4 * 20_000) / LIMIT);
	});

	it("asks a second that holds too many once more for as many as there may be", async () => {
		const starts = Array.from({ length: 3 * LIMIT }, () => 500);
		expect(idsOf(await walk(new Server(starts), { from: 500, to: 501 }))).toHaveLength(3 * LIMIT);
	});

	it("says so where even that is cut", async () => {
		const parts = await walk(
			new Server(
				Array.from({ length: 50 }, () => 500),
				20,
			),
			{ from: 490, to: 510 },
		);
		expect(parts.filter(({ isComplete }) => !isComplete).length).toBeGreaterThan(0);
		expect(idsOf(parts)).toHaveLength(20);
	});

	it("is cut to what the server allows for a range", async () => {
		const server = new Server([100, 5000], undefined, 900);
		expect(idsOf(await walk(server, { from: 0, to: 7200 }))).toEqual(["0", "1"]);
	});

	it("ends where a server allows no range at all", async () => {
		const server = new Server([1], undefined, 0);
		const parts = await walk(server, { from: 0, to: 8 });
		expect(parts).toHaveLength(8);
		expect(parts.every(({ isComplete, rows }) => !isComplete && rows.length === 0)).toBe(true);
	});
});
