import { afterAll, beforeAll, expect } from "vitest";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";
import { type DetailPage, openDetails } from "./spanDetailViews.ts";

export interface DetailPages {
	/** The browser behind all pages of the file; there once the tests run. */
	harness(): Harness;
	/** Gives `run` a page of its own; fails when the page had an error or broke its policy. */
	opened(run: (details: DetailPage) => Promise<void>, options?: OpenOptions): Promise<void>;
}

/** One browser for all span details pages of a test file; call it at the file's top. `defaults` hold for each page. */
export function useDetailPages(defaults: OpenOptions = {}): DetailPages {
	let harness: Harness;
	beforeAll(async () => {
		harness = await startHarness(["spanDetail"]);
	});
	afterAll(() => harness?.dispose());
	return {
		harness: () => harness,
		async opened(run, options) {
			const details = await openDetails(harness, { ...defaults, ...options });
			try {
				await run(details);
				expect(await details.problems()).toEqual([]);
			} finally {
				await details.close();
			}
		},
	};
}
