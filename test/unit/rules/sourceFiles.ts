import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";

export const ROOT = new URL("../../..", import.meta.url).pathname;

/** Path from the top of the repository, with slashes. */
export interface SourceFile {
	readonly path: string;
	readonly text: string;
}

/** All TypeScript files below a folder, in alphabetical order. */
export function sourceFiles(folder: string): readonly SourceFile[] {
	return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
		.map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join("/"))
		.sort()
		.map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

const STATIC = /^(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/gm;
const BARE = /^import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\s*\(\s*(?:["'`]([^"'`]*)["'`]|([^\s"'`)][^)]*))/g;
const REQUIRE = /\brequire\s*\(\s*["'`]([^"'`]*)["'`]/g;

/**
 * What a file imports, types too: `node:fs`, `lit/directive.js`, and files of ours by their path from the top. The formatter
 * puts every static import at the beginning of a line. A dynamic import must name its module, else it is returned as
 * `import(expression)`, which no rule allows.
 */
export function importsOf({ path, text }: SourceFile): readonly string[] {
	const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
	const found = [STATIC, BARE, REQUIRE].flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]));
	for (const [, named, expression] of code.matchAll(DYNAMIC)) found.push(named ?? `import(${expression})`);
	return found.map((specifier) =>
		specifier.startsWith(".") ? posix.normalize(posix.join(posix.dirname(path), specifier)) : specifier,
	);
}
