import { describe, expect, it } from "vitest";
import { ClockOffset } from "../../../src/sources/traceway/clockOffset.ts";

const at = Date.parse("2026-03-06T09:00:00Z");
/** A `Date` header as a server with this clock would send it. */
const header = (ms: number) => new Date(ms).toUTCString();

describe("ClockOffset", () => {
	it("is 0 while unknown, and on one machine at any moment of a second", () => {
		const clock = new ClockOffset();
		expect(clock.offsetMs).toBe(0);
		for (let ms = 0; ms < 3000; ms += 37) {
			clock.note(header(at + ms + 5), at + ms, at + ms + 10);
			expect(clock.offsetMs).toBe(0);
		}
	});

	it("comes close to the true offset with each round trip, and never goes beyond it", () => {
		const clock = new ClockOffset();
		let before = 0;
		for (let ms = 0; ms < 5000; ms += 130) {
			clock.note(header(at + ms + 5 + 60_000), at + ms, at + ms + 10);
			expect(clock.offsetMs).toBeGreaterThanOrEqual(before);
			expect(clock.offsetMs).toBeLessThanOrEqual(60_005);
			before = clock.offsetMs;
		}
		expect(before).toBeGreaterThan(59_800);
	});

	it("finds a server that is behind", () => {
		const clock = new ClockOffset();
		for (let ms = 0; ms < 5000; ms += 130) clock.note(header(at + ms - 3000), at + ms, at + ms + 10);
		expect(clock.offsetMs).toBeLessThan(-2800);
		expect(clock.offsetMs).toBeGreaterThan(-3010);
	});

	it("learns anew when a clock was set", () => {
		const clock = new ClockOffset();
		clock.note(header(at + 60_000), at, at + 10);
		clock.note(header(at + 1000), at + 1000, at + 1010);
		expect(clock.offsetMs).toBe(0);
	});

	it("ignores what is no date", () => {
		const clock = new ClockOffset();
		clock.note(null, at, at);
		clock.note("tomorrow", at, at);
		clock.note(header(at + 60_000), at + 10, at);
		expect(clock.offsetMs).toBe(0);
	});
});
