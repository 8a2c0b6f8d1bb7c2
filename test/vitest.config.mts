import { defineConfig } from "vitest/config";

const base = { root: new URL("..", import.meta.url).pathname, environment: "node" as const };

/** One project a layer. Slow layers run their files one after the other: two cores, one browser. */
export default defineConfig({
	test: {
		projects: [
			{ test: { ...base, name: "rules", include: ["test/unit/rules/**/*.test.ts"] } },
			{ test: { ...base, name: "unit", include: ["test/unit/**/*.test.ts"], exclude: ["test/unit/rules/**"] } },
			{
				test: {
					...base,
					name: "contract",
					include: ["test/contract/**/*.test.ts"],
					testTimeout: 30_000,
					hookTimeout: 30_000,
				},
			},
			{
				test: {
					...base,
					name: "webview",
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
					include: ["test/e2e/**/*.test.ts"],
					testTimeout: 180_000,
					hookTimeout: 180_000,
					fileParallelism: false,
				},
			},
		],
	},
});
