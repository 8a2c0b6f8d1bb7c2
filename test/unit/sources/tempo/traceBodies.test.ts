import { describe, expect, it } from "vitest";
import { TraceBodies } from "../../../../src/sources/tempo/traceBodies.ts";

const MIB = 1024 * 1024;
const body = (bytes: number) => ({ bytes: Buffer.allocUnsafe(bytes), isJson: false });

describe("bodies of traces", () => {
	it("have one bound, and what was not used longest goes first", () => {
		const bodies = new TraceBodies();
		for (const id of ["a", "b", "c"]) bodies.keep(id, body(20 * MIB));
		expect(bodies.get("a")?.bytes).toHaveLength(20 * MIB);
		bodies.keep("d", body(20 * MIB));
		expect(["a", "b", "c", "d"].filter((id) => bodies.get(id) !== undefined)).toEqual(["a", "c", "d"]);
	});

	it("are the newest of each trace, counted once", () => {
		const bodies = new TraceBodies();
		for (let round = 0; round < 10; round++) bodies.keep("a", body(20 * MIB));
		const newest = body(1);
		bodies.keep("a", newest);
		bodies.keep("b", body(60 * MIB));
		expect(bodies.get("a")).toBe(newest);
		expect(bodies.get("b")).toBeDefined();
	});

	it("are not kept beyond the bound, nor after they are forgotten", () => {
		const bodies = new TraceBodies();
		bodies.keep("a", body(1));
		bodies.keep("huge", body(65 * MIB));
		expect(bodies.get("huge")).toBeUndefined();
		expect(bodies.get("a")).toBeDefined();
		bodies.forget("a");
		bodies.forget("a");
		expect(bodies.get("a")).toBeUndefined();
		bodies.keep("b", body(64 * MIB));
		expect(bodies.get("b")).toBeDefined();
		bodies.clear();
		expect(bodies.get("b")).toBeUndefined();
	});
});
