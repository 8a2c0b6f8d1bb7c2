import { describe, expect, it } from "vitest";
import { isOlderVersion } from "../../src/protocol/serverInfo.ts";

describe("the versions of two servers", () => {
	it("are compared as numbers, part by part", () => {
		const ascending = ["nonsense", "0.0.0-dev", "0.9.0", "0.10.0", "1.0.0", "1.0.2", "1.2.0", "10.0.0"];
		for (const [at, version] of ascending.entries()) {
			for (const [than, other] of ascending.entries()) {
				expect([version, other, isOlderVersion(version, other)]).toEqual([version, other, at < than]);
			}
		}
		expect(isOlderVersion("1.2.3-rc.1", "1.2.3")).toBe(false);
	});
});
