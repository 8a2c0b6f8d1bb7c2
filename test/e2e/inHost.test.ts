import { expect, it } from "vitest";
import { runInHost } from "../workbench/inHost.mts";

it("passes its suite inside the extension host", async () => {
	const results = await runInHost();
	for (const { title, ms, error } of results) console.log(`${error === undefined ? "✓" : "×"} ${title} ${ms} ms`);
	expect(results.length).toBeGreaterThanOrEqual(5);
	expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
});
