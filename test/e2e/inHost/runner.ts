import { writeFile } from "node:fs/promises";

/** Outcome of one test, as the process outside reads it. */
export interface InHostResult {
	readonly title: string;
	readonly ms: number;
	/** Undefined when it passed. */
	readonly error: string | undefined;
}

/** Names the file that takes the results, from outside into the extension host. */
export const RESULT_FILE_VARIABLE = "IN_HOST_RESULTS";

/** Runs tests one after the other, writes their results and throws when one failed: what VS Code expects of a test entry. */
export async function runTests(tests: readonly (readonly [title: string, test: () => unknown])[]): Promise<void> {
	const results: InHostResult[] = [];
	for (const [title, test] of tests) {
		const startedAt = performance.now();
		let error: string | undefined;
		try {
			await test();
		} catch (thrown) {
			error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
		}
		results.push({ title, ms: Math.round(performance.now() - startedAt), error });
	}
	const file = process.env[RESULT_FILE_VARIABLE];
	if (file !== undefined) await writeFile(file, JSON.stringify(results));
	const failed = results.filter((result) => result.error !== undefined).length;
	if (failed > 0) throw new Error(`${failed} of ${results.length} tests in the extension host failed`);
}
