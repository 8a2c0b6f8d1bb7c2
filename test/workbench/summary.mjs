// Prints "<passed> passed, <failed> failed" from the report of the test runner: summary.mjs REPORT EXIT_CODE. Runs on any
// Node. Without a report nothing was tested, which counts as one failure: the check before the tests, or the runner itself.
import { readFileSync } from "node:fs";

const [file, exitCode] = process.argv.slice(2);
let passed = 0;
let failed = 0;
try {
	const report = JSON.parse(readFileSync(file, "utf8"));
	passed = report.numPassedTests;
	failed = report.numFailedTests;
	// A file that fails to load fails its suite and holds no test to count.
	for (const suite of report.testResults) {
		if (suite.status === "failed" && !suite.assertionResults.some((test) => test.status === "failed")) failed++;
	}
} catch (error) {
	console.log(`No test report: ${error.message}`);
}
if (exitCode !== "0" && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
