// Builds the extension host, the command line and the webviews into dist/.
//   node esbuild.mjs            build once
//   node esbuild.mjs --watch    build on change
//   node esbuild.mjs --verify   check the last build: bundle budgets, isolated undici, nothing foreign in a webview
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const require = createRequire(import.meta.url);
const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;

const PAGES = ["waterfall", "spanDetail", "live", "overview"];

/** Budgets in bytes: of an entry with everything it imports statically (`design.md` section 7). */
const BUDGETS = [
	{ meta: "extension.json", entry: "dist/extension.js", maxBytes: 150_000 },
	...PAGES.map((page) => ({ meta: `${page}.json`, entry: `dist/webview/${page}.js`, maxBytes: 200_000 })),
];

/**
 * undici writes its dispatcher into process-wide slots when it is evaluated, which has broken other extensions in the same
 * host. This plugin gives it slots of its own.
 */
const isolatedUndici = {
	name: "isolated-undici",
	setup(build) {
		build.onLoad({ filter: /[\\/]undici[\\/]lib[\\/]global\.js$/ }, () => ({
			loader: "js",
			contents: `
const Agent = require("./dispatcher/agent");
let dispatcher;
module.exports = {
	setGlobalDispatcher(agent) { dispatcher = agent; },
	getGlobalDispatcher() { return (dispatcher ??= new Agent()); },
	installedExports: [],
};
`,
		}));
	},
};

/** The description of the API is made from the schemas once, here, and bundled as a value without the code that makes it. */
const describedApi = {
	name: "described-api",
	setup(build) {
		build.onLoad({ filter: /[\\/]src[\\/]server[\\/]routes[\\/]openApiPaths\.ts$/ }, async ({ path }) => {
			const { OPENAPI_PATHS } = await import(pathToFileURL(path).href);
			return { loader: "js", contents: `export const OPENAPI_PATHS = ${JSON.stringify(OPENAPI_PATHS)};` };
		});
	},
};

// CommonJS packages inside an ES module still call require for node's own modules.
const requireBanner = {
	js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
};

const common = {
	absWorkingDir: root,
	bundle: true,
	format: "esm",
	splitting: true,
	minify: true,
	keepNames: false,
	sourcemap: "linked",
	metafile: true,
	logLevel: "warning",
	define: { __VERSION__: JSON.stringify(version) },
	legalComments: "none",
};

const builds = {
	"extension.json": {
		...common,
		// A thread needs a file of its own.
		entryPoints: { extension: "src/extension.ts", sqliteReader: "src/sources/tracellm/sqliteReader.ts" },
		outdir: "dist",
		chunkNames: "extension-chunks/[name]-[hash]",
		platform: "node",
		target: "node22",
		external: ["vscode"],
		banner: requireBanner,
		plugins: [isolatedUndici],
	},
	"cli.json": {
		...common,
		entryPoints: { cli: "src/cli/main.ts" },
		outdir: "dist",
		chunkNames: "cli-chunks/[name]-[hash]",
		platform: "node",
		target: "node22",
		banner: requireBanner,
		plugins: [isolatedUndici, describedApi],
	},
	...Object.fromEntries(PAGES.map((page) => [`${page}.json`, pageBuild(page)])),
};

/**
 * Each page by itself, so that what it needs at first is one file: VS Code gives files to a page by way of a worker and the
 * window, and code that pages share, in files of its own, would be asked for only when the page's own file is here.
 */
function pageBuild(page) {
	return {
		...common,
		entryPoints: { [page]: `webview/${page}/main.ts` },
		outdir: "dist/webview",
		chunkNames: "chunks/[name]-[hash]",
		platform: "browser",
		target: "chrome130",
	};
}

function copyAssets() {
	mkdirSync(join(dist, "webview"), { recursive: true });
	const codicons = dirname(require.resolve("@vscode/codicons/package.json"));
	copyFileSync(join(codicons, "dist", "codicon.ttf"), join(dist, "webview", "codicon.ttf"));
}

function writeMeta(name, result) {
	mkdirSync(join(dist, "meta"), { recursive: true });
	writeFileSync(join(dist, "meta", name), JSON.stringify(result.metafile));
}

/** An entry and all chunks that it imports statically. */
function staticOutputs(metafile, entry) {
	const seen = new Set();
	const visit = (path) => {
		if (seen.has(path)) return;
		seen.add(path);
		for (const imported of metafile.outputs[path].imports) {
			if (imported.kind === "import-statement" && !imported.external) visit(imported.path);
		}
	};
	visit(entry);
	return [...seen].map((path) => metafile.outputs[path]);
}

/** Bytes of an entry and of all that it imports statically. */
function staticBytes(metafile, entry) {
	return staticOutputs(metafile, entry).reduce((sum, output) => sum + output.bytes, 0);
}

/** The gRPC library is as large as the server: only these files, which are loaded when gRPC is asked for, may bring it in. */
const GRPC_ENTRIES = ["src/cli/doctorGrpc.ts", "src/server/otlp/grpc.ts"];

/** Entries and lazy chunks that load the gRPC library without being asked for it. */
function eagerGrpc(metafile) {
	return Object.entries(metafile.outputs)
		.filter(([, { entryPoint }]) => entryPoint !== undefined && !GRPC_ENTRIES.includes(entryPoint))
		.filter(([path]) =>
			staticOutputs(metafile, path).some(({ inputs }) =>
				Object.keys(inputs).some((input) => input.includes("node_modules/@grpc/grpc-js/")),
			),
		)
		.map(([path, { entryPoint }]) => `${path} (${entryPoint}): loads @grpc/grpc-js, which must stay lazy`);
}

function verify() {
	const problems = [];
	for (const { meta, entry, maxBytes } of BUDGETS) {
		const metafile = JSON.parse(readFileSync(join(dist, "meta", meta), "utf8"));
		const bytes = staticBytes(metafile, entry);
		const line = `${entry}: ${bytes} bytes, budget ${maxBytes}`;
		if (bytes > maxBytes) problems.push(line);
		else console.log(line);
	}
	for (const meta of ["extension.json", "cli.json"]) {
		const metafile = JSON.parse(readFileSync(join(dist, "meta", meta), "utf8"));
		for (const [path, output] of Object.entries(metafile.outputs)) {
			if (!path.endsWith(".js")) continue;
			const hasUndici = Object.keys(output.inputs).some((input) => /node_modules\/undici\//.test(input));
			if (!hasUndici) continue;
			if (readFileSync(join(root, path), "utf8").includes("undici.globalDispatcher")) {
				problems.push(`${path}: holds undici's stock global.js, which overwrites process-wide slots`);
			}
			if (output.entryPoint === "src/extension.ts") problems.push(`${path}: undici must stay in a lazy chunk`);
		}
	}
	problems.push(...eagerGrpc(JSON.parse(readFileSync(join(dist, "meta", "cli.json"), "utf8"))));
	for (const page of PAGES) {
		const { inputs } = JSON.parse(readFileSync(join(dist, "meta", `${page}.json`), "utf8"));
		for (const input of Object.keys(inputs)) {
			if (/^src\/(server|sources|stream|ui|cli)\//.test(input)) problems.push(`webview bundle holds ${input}`);
		}
	}
	for (const problem of problems) console.error(problem);
	process.exitCode = problems.length === 0 ? 0 : 1;
}

async function main() {
	const flag = process.argv[2];
	if (flag === "--verify") {
		verify();
		return;
	}
	// Entries appear as the parts are written; one that has no file yet is an error of the build, not skipped.
	if (existsSync(dist)) rmSync(dist, { recursive: true });
	if (flag === "--watch") {
		copyAssets();
		for (const options of Object.values(builds)) {
			const context = await esbuild.context({ ...options, minify: false });
			await context.watch();
		}
		return;
	}
	copyAssets();
	await Promise.all(
		Object.entries(builds).map(async ([name, options]) => writeMeta(name, await esbuild.build(options))),
	);
}

await main();
