import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { ROOT, sourceFiles } from "./sourceFiles.ts";

/** What may stand at the top, beside dot files (design, section 3). */
const TOP = [
	"ARCHITECTURE.md",
	"CHANGELOG.md",
	"CONTRIBUTING.md",
	"LICENSE",
	"README.md",
	"esbuild.mjs",
	"media",
	"package-lock.json",
	"package.json",
	"package.nls.json",
	"src",
	"test",
	"tsconfig.json",
	"webview",
];
// `otlp` came later: decoders that the server and sources of OTLP share may belong to neither (ARCHITECTURE.md).
const SRC = ["base", "cli", "extension.ts", "model", "otlp", "protocol", "server", "sources", "stream", "ui"];
const TEST = ["bench", "contract", "e2e", "fixtures", "peers", "unit", "vitest.config.mts", "webview", "workbench"];

/** Files that git has or would take; what it ignores (builds, packages) may lie anywhere. */
function trackedPaths(): readonly string[] {
	const output = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT });
	return output
		.toString()
		.split("\0")
		.filter((path) => path !== "");
}

function namesIn(folder: string): readonly string[] {
	const names = trackedPaths()
		.filter((path) => path.startsWith(folder))
		.map((path) => path.slice(folder.length).split("/")[0]);
	return [...new Set(names)].sort();
}

const files = [...sourceFiles("src"), ...sourceFiles("webview")];

describe("the layout", () => {
	it("has nothing at the top that the design does not name", () => {
		expect(namesIn("").filter((name) => !name.startsWith(".") && !TOP.includes(name))).toEqual([]);
	});

	it("has no folder in src and test that the design does not name", () => {
		expect(namesIn("src/").filter((name) => !SRC.includes(name))).toEqual([]);
		expect(namesIn("test/").filter((name) => !TEST.includes(name))).toEqual([]);
	});

	it("has no barrel files: nothing is exported from where it does not live", () => {
		const barrels = files.filter(
			({ path, text }) => /\/index\.ts$/.test(path) || /^export\b[^"'`;=]*?\bfrom\s*["']/m.test(text),
		);
		expect(barrels.map(({ path }) => path)).toEqual([]);
	});

	it("has no default exports", () => {
		const defaults = files.filter(({ text }) => /^export\s+default\b|\bas\s+default\b/m.test(text));
		expect(defaults.map(({ path }) => path)).toEqual([]);
	});

	it("names files in camelCase by their subject", () => {
		const odd = files.filter(({ path }) => !/\/[a-z][A-Za-z0-9]*\.ts$/.test(path));
		expect(odd.map(({ path }) => path)).toEqual([]);
		const gatherers = files.filter(({ path }) => /\/(utils?|helpers?|misc|common)\.ts$/.test(path));
		expect(gatherers.map(({ path }) => path)).toEqual([]);
	});
});
