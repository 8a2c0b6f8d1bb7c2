import { describe, expect, it } from "vitest";
import { estimateCostUsd, priceOf } from "../../../src/model/prices.ts";

describe("priceOf", () => {
	it("takes the exact name, else the first beginning in the order of the table", () => {
		expect(priceOf("gpt-4o")?.model).toBe("gpt-4o");
		expect(priceOf("gpt-4o-mini-2024-07-18")?.model).toBe("gpt-4o-mini");
		expect(priceOf("gpt-4o-2024-08-06")?.model).toBe("gpt-4o");
		expect(priceOf("GPT-4.1-Nano")?.model).toBe("gpt-4.1-nano");
		expect(priceOf("o1-preview-2024")?.model).toBe("o1-preview");
		expect(priceOf("gpt")).toBeUndefined();
		expect(priceOf("")).toBeUndefined();
	});

	it("answers the same the second time, and after thousands of other models", () => {
		const before = [priceOf("gpt-4o"), priceOf("no such model")];
		for (let index = 0; index < 3000; index++) expect(priceOf(`gpt-4-${index}`)?.model).toBe("gpt-4");
		expect([priceOf("gpt-4o"), priceOf("no such model")]).toEqual(before);
	});
});

describe("estimateCostUsd", () => {
	it("is input and output by their prices per million", () => {
		expect(estimateCostUsd("gpt-4o-mini", 1000, 500)).toBe((1000 * 0.15 + 500 * 0.6) / 1e6);
		expect(estimateCostUsd("gpt-4o-mini", undefined, 500)).toBe((500 * 0.6) / 1e6);
	});

	it("is unknown without a model, a price or a token", () => {
		expect(estimateCostUsd(undefined, 1, 1)).toBeUndefined();
		expect(estimateCostUsd("no such model", 1, 1)).toBeUndefined();
		expect(estimateCostUsd("gpt-4o", undefined, undefined)).toBeUndefined();
		expect(estimateCostUsd("gpt-4o", 0, 0)).toBeUndefined();
	});
});
