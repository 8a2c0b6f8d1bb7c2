import { describe, expect, it } from "vitest";
import { importsOf, sourceFiles } from "./sourceFiles.ts";

/**
 * Who may import whom: arrows point one way, `ui → sources → stream → base`. A file belongs to the longest folder that it is
 * in. `own` are folders of ours, `packages` are npm packages with all their paths, `vscode` among them; `node` are modules
 * of Node, "any" for all but those that `ONLY_IN` keeps for some files.
 */
interface Rule {
	readonly own: readonly string[];
	readonly packages?: readonly string[];
	readonly node?: "any" | readonly string[];
}

const RULES: Readonly<Record<string, Rule>> = {
	"src/base": { own: [] },
	"src/model": { own: ["src/base"], packages: ["@pydantic/genai-prices"] },
	"src/protocol": { own: ["src/base", "src/model"], packages: ["zod"] },
	"src/stream": { own: ["src/base"], packages: ["eventsource"] },
	// Files of traces: read in pieces, written whole. For the command line and for the extension's commands.
	"src/sources/files": { own: ["src/base"], node: "any" },
	"src/sources": {
		own: ["src/base", "src/model", "src/stream", "src/protocol", "src/otlp"],
		packages: ["mongodb", "ws"],
		// A CA's file for sockets, and the database of another program, which a thread of its own reads.
		node: ["node:fs/promises", "node:os", "node:path", "node:sqlite", "node:worker_threads"],
	},
	// OpenTelemetry's encodings and conventions: bytes of a request in, spans in our words out.
	"src/otlp": { own: ["src/base", "src/model", "src/protocol"] },
	"src/server": {
		own: ["src/base", "src/model", "src/protocol", "src/otlp"],
		packages: ["@grpc/grpc-js", "hono", "@hono/node-server", "ulid", "zod"],
		node: "any",
	},
	// Everything but the server: that is reached over HTTP, as any other source.
	"src/ui": {
		own: ["src/base", "src/model", "src/protocol", "src/stream", "src/sources", "src/sources/files"],
		packages: ["vscode", "undici"],
		node: "any",
	},
	"src/extension.ts": {
		own: ["src/base", "src/model", "src/protocol", "src/stream", "src/sources", "src/ui"],
		packages: ["vscode"],
		node: "any",
	},
	"src/cli": {
		own: ["src/base", "src/model", "src/protocol", "src/stream", "src/sources", "src/sources/files", "src/server"],
		packages: ["@grpc/grpc-js", "get-east-asian-width", "pbf"],
		node: "any",
	},
	webview: { own: ["src/base", "src/model", "src/protocol", "webview/kit.ts"], packages: ["lit", "uplot"] },
	"webview/kit.ts": { own: [], packages: ["@vscode/webview-ui-toolkit"] },
};

/** Modules that only these files import, and each of these files does: one place to look, and to replace. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
	"@pydantic/genai-prices": ["src/model/prices.ts"],
	"node:sqlite": [
		"src/server/owner.ts",
		"src/server/storage/checkpointer.ts",
		"src/server/storage/database.ts",
		"src/sources/tracellm/sqliteReader.ts",
	],
	// Large, and therefore lazy: loaded by who has such a storage.
	mongodb: ["src/sources/tracellm/mongoStorage.ts"],
	"@vscode/webview-ui-toolkit": ["webview/kit.ts"],
	undici: ["src/ui/sources/sourceFetch.ts"],
	ulid: ["src/server/ids.ts"],
	"get-east-asian-width": ["src/cli/monitor/terminalText.ts"],
	// Large, and therefore lazy: who imports these files does so by import().
	"@grpc/grpc-js": ["src/cli/doctorGrpc.ts", "src/server/otlp/grpc.ts"],
};

/** Files that break a rule for now: path, import, and why. */
const DEBT: readonly (readonly [path: string, imported: string, reason: string])[] = [];

const files = [...sourceFiles("src"), ...sourceFiles("webview")];

function folderOf(path: string): string | undefined {
	return Object.keys(RULES)
		.filter((folder) => path === folder || path.startsWith(`${folder}/`))
		.sort((a, b) => b.length - a.length)[0];
}

/** `@scope/name/path` → `@scope/name`. */
function packageOf(specifier: string): string {
	return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function isAllowed(path: string, imported: string): boolean {
	const from = folderOf(path);
	if (from === undefined) return false;
	const rule = RULES[from];
	const only = ONLY_IN[imported] ?? ONLY_IN[packageOf(imported)];
	if (only !== undefined && !only.includes(path)) return false;
	if (imported.startsWith("node:")) return rule.node === "any" || (rule.node ?? []).includes(imported);
	if (/^(src|webview)\//.test(imported)) {
		const to = folderOf(imported);
		return to === from || (to !== undefined && rule.own.includes(to));
	}
	return (rule.packages ?? []).includes(packageOf(imported));
}

describe("imports", () => {
	it("go only where the table lets them", () => {
		const wrong = files.flatMap((file) =>
			importsOf(file)
				.filter((imported) => !isAllowed(file.path, imported))
				.filter((imported) => !DEBT.some(([path, debt]) => path === file.path && debt === imported))
				.map((imported) => `${file.path} imports ${imported}`),
		);
		expect(wrong).toEqual([]);
	});

	it.each([
		["src/base/x.ts", "src/model/span.ts", false],
		["src/model/x.ts", "src/base/emitter.ts", true],
		["src/model/x.ts", "node:fs", false],
		["src/stream/x.ts", "eventsource", true],
		["src/sources/x.ts", "eventsource", false],
		["src/sources/traceway/x.ts", "src/sources/source.ts", true],
		["src/sources/x.ts", "vscode", false],
		["src/otlp/x.ts", "src/server/errors.ts", false],
		["src/otlp/x.ts", "node:zlib", false],
		["src/server/x.ts", "node:http", true],
		["src/server/x.ts", "node:sqlite", false],
		["src/server/owner.ts", "node:sqlite", true],
		["src/ui/x.ts", "src/server/server.ts", false],
		["src/ui/x.ts", "vscode", true],
		["src/ui/x.ts", "import(name)", false],
		["webview/waterfall/x.ts", "lit/directives/repeat.js", true],
		["webview/waterfall/x.ts", "vscode", false],
		["webview/waterfall/x.ts", "@vscode/webview-ui-toolkit", false],
		["webview/kit.ts", "@vscode/webview-ui-toolkit", true],
		["webview/waterfall/x.ts", "src/stream/backoff.ts", false],
		["src/elsewhere/x.ts", "src/base/emitter.ts", false],
	])("are judged rightly: %s, %s", (path, imported, isRight) => {
		expect(isAllowed(path, imported)).toBe(isRight);
	});

	it("name no file that does not exist", () => {
		const known = new Set(files.map((file) => file.path));
		const missing = files.flatMap((file) =>
			importsOf(file)
				.filter((imported) => /^(src|webview)\//.test(imported) && !known.has(imported))
				.map((imported) => `${file.path} imports ${imported}`),
		);
		expect(missing).toEqual([]);
	});

	it("keep each module of one place in exactly its places", () => {
		const users = Object.fromEntries(
			Object.keys(ONLY_IN).map((module) => [
				module,
				files
					.filter((file) => importsOf(file).some((one) => one === module || packageOf(one) === module))
					.map(({ path }) => path),
			]),
		);
		expect(users).toEqual(ONLY_IN);
	});

	it("make no circle between folders", () => {
		const allows = (from: string, to: string, seen: ReadonlySet<string>): boolean =>
			RULES[from].own.some((next) => next === to || (!seen.has(next) && allows(next, to, new Set([...seen, next]))));
		for (const folder of Object.keys(RULES))
			expect([folder, allows(folder, folder, new Set())]).toEqual([folder, false]);
	});

	it("are read from code of every shape, and not from comments", () => {
		const text = [
			'import type { A } from "../base/a.ts";',
			'import {\n\tB,\n\tC as from,\n} from "vscode";',
			'import "node:fs";',
			'export { D } from "./d.ts";',
			'const e = await import("lit");',
			"const f = await import(name);",
			'// import("g")',
			'/* from "h" */',
			' * import { i } from "i";',
			'const j = "cut from x";',
		].join("\n");
		expect(importsOf({ path: "src/model/x.ts", text })).toEqual([
			"src/base/a.ts",
			"vscode",
			"src/model/d.ts",
			"node:fs",
			"lit",
			"import(name)",
		]);
	});

	it("leave no debt that was paid", () => {
		const paid = DEBT.filter(([path, imported]) => {
			const file = files.find((one) => one.path === path);
			return file === undefined || !importsOf(file).includes(imported) || isAllowed(path, imported);
		});
		expect(paid).toEqual([]);
	});
});
