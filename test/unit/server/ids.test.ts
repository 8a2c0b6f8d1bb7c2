import { describe, expect, it, vi } from "vitest";
import { idFactory } from "../../../src/server/ids.ts";

describe("idFactory", () => {
	it("makes ULIDs that sort in the order in which they were made, also when the clock is set back", () => {
		const next = idFactory();
		const clock = vi.spyOn(Date, "now");
		const ids: string[] = [];
		for (const ms of [1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_001, 1_600_000_000_000, 1_700_000_000_002]) {
			clock.mockReturnValue(ms);
			for (let index = 0; index < 2000; index++) ids.push(next());
		}
		clock.mockRestore();
		expect(ids.every((id) => /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id))).toBe(true);
		expect(ids).toEqual([...new Set(ids)].toSorted());
		// 2^10 digits of time: the first ten characters are 1,700,000,000,000 in base 32.
		expect(ids[0].slice(0, 10)).toBe("01HF7YAT00");
	});

	it("goes on to the next millisecond when one has no more ids", () => {
		const next = idFactory();
		const clock = vi.spyOn(Date, "now").mockReturnValue(1_700_000_000_000);
		let last = next();
		for (let index = 1; index <= 1_048_576; index++) {
			const id = next();
			if (id <= last) throw new Error(`${id} is not behind ${last}`);
			last = id;
		}
		clock.mockRestore();
		expect(last.slice(0, 10)).toBe("01HF7YAT01");
	});
});
