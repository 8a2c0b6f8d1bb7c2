import { defineConfig } from "vitest/config";

const report = process.env.TRACEWAY_TEST_REPORT;
const base = { root: new URL("..", import.meta.url).pathname, environment: "node" as const };

/**
 * One project a layer, one layer after the other, the quick ones first. Layers with a browser run their files one after
 * the other, too: two cores, and a test that waits for a busy machine proves little.
 */
export default defineConfig({
	test: {
		// `.ci/run` counts from the report.
		reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
		projects: [
			{
				test: {
					...base,
					name: "rules",
					sequence: { groupOrder: 1 },
					include: ["test/unit/rules/**/*.test.ts"],
					testTimeout: 20_000,
				},
			},
			{
				test: {
					...base,
					name: "unit",
					sequence: { groupOrder: 1 },
					include: ["test/unit/**/*.test.ts"],
					exclude: ["test/unit/rules/**"],
					testTimeout: 20_000,
				},
			},
			{
				test: {
					...base,
					name: "contract",
					sequence: { groupOrder: 2 },
					include: ["test/contract/**/*.test.ts"],
					testTimeout: 30_000,
					hookTimeout: 30_000,
				},
			},
			{
				test: {
					...base,
					name: "webview",
					sequence: { groupOrder: 3 },
					include: ["test/webview/**/*.test.ts"],
					testTimeout: 60_000,
					hookTimeout: 60_000,
					fileParallelism: false,
				},
			},
			{
				test: {
					...base,
					name: "e2e",
					globalSetup: "test/e2e/globalSetup.ts",
					sequence: { groupOrder: 4 },
					include: ["test/e2e/**/*.test.ts"],
					testTimeout: 180_000,
					hookTimeout: 180_000,
					fileParallelism: false,
					// A whole workbench on a shared machine: one second chance there, none on a developer's.
					retry: process.env.CI === undefined ? 0 : 1,
				},
			},
		],
	},
});
