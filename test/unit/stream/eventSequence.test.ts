import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventSequence, sequenceNumber } from "../../../src/stream/eventSequence.ts";

describe("EventSequence", () => {
	it("takes ids that grow by one as they come", () => {
		const sequence = new EventSequence(false);
		expect([7, 8, 9].map((id) => sequence.accept(id))).toEqual(["next", "next", "next"]);
		expect(sequence.position).toBe(9);
		expect(sequence.hasGap).toBe(false);
	});

	it("keeps the position before a gap until the missing ids came", () => {
		const sequence = new EventSequence(false);
		sequence.reset(3);
		expect(sequence.accept(6)).toBe("gap");
		expect(sequence.position).toBe(3);
		expect(sequence.accept(4)).toBe("late");
		expect(sequence.position).toBe(3);
		expect(sequence.accept(5)).toBe("late");
		expect(sequence.hasGap).toBe(false);
		expect(sequence.position).toBe(6);
	});

	it("knows what it has seen", () => {
		const sequence = new EventSequence(false);
		for (const id of [1, 2, 5]) sequence.accept(id);
		expect([1, 2, 5].map((id) => sequence.accept(id))).toEqual(["duplicate", "duplicate", "duplicate"]);
	});

	it("does not remember a gap of millions one by one, and closes it only by a snapshot", () => {
		const sequence = new EventSequence(false);
		sequence.reset(1);
		expect(sequence.accept(50_000_000)).toBe("gap");
		expect(sequence.accept(2)).toBe("duplicate");
		expect(sequence.position).toBe(1);
		sequence.settle();
		expect(sequence.position).toBe(50_000_000);
	});

	it("takes jumps of a sparse stream for granted", () => {
		const sequence = new EventSequence(true);
		sequence.reset(3);
		expect(sequence.accept(60)).toBe("next");
		expect(sequence.accept(50)).toBe("duplicate");
		expect(sequence.hasGap).toBe(false);
	});

	it("accepts each id once in any order, and is whole when all came", () => {
		fc.assert(
			fc.property(
				fc.shuffledSubarray(
					Array.from({ length: 60 }, (_, index) => index + 1),
					{ minLength: 60 },
				),
				(ids) => {
					const sequence = new EventSequence(false);
					sequence.reset(0);
					const accepted = [...ids, ...ids].filter((id) => sequence.accept(id) !== "duplicate");
					expect(accepted).toEqual(ids);
					expect(sequence.hasGap).toBe(false);
					expect(sequence.position).toBe(60);
				},
			),
		);
	});
});

describe("sequenceNumber", () => {
	it("reads decimal ids only", () => {
		expect(sequenceNumber("57")).toBe(57);
		expect(sequenceNumber("0")).toBe(0);
		for (const id of [undefined, "", "-1", "1.5", "0x10", "1e3", "01J9", "99999999999999999999", "9007199254740993"]) {
			expect(sequenceNumber(id)).toBeUndefined();
		}
	});
});
