import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findChromium } from "../workbench/browser.mts";
import { pageTheme, type ThemeName } from "./themes.ts";

/**
 * Runs a page of the extension in a real Chromium as VS Code would: the bundle over HTTP, the same strict content security
 * policy, the colours of a theme, and in place of the host a fake `acquireVsCodeApi` that keeps what was posted. State
 * survives a reload, as VS Code's does.
 */
export type PageName = "waterfall" | "spanDetail" | "live" | "overview";

export interface OpenOptions {
	readonly theme?: ThemeName;
	readonly width?: number;
	readonly height?: number;
	readonly deviceScaleFactor?: number;
	readonly reducedMotion?: "reduce" | "no-preference";
	readonly forcedColors?: "active" | "none";
	/** What an earlier life of the page kept with `setState`. */
	readonly state?: unknown;
	/** Translations that the host fills in. */
	readonly words?: Readonly<Record<string, string>>;
}

export interface OpenedPage<ToHost, FromHost> {
	readonly page: Page;
	/** Sends host messages; typed arrays arrive as typed arrays. Resolves when the page has handled them. */
	send(...messages: readonly FromHost[]): Promise<void>;
	/** What the page posted, oldest first. */
	posted(): Promise<ToHost[]>;
	/** Waits until the page has posted a message of this type, and gives the last one. */
	waitForPost<T extends string>(type: T): Promise<ToHost & { readonly type: T }>;
	clearPosted(): Promise<void>;
	/** What the page kept with `setState`. */
	state(): Promise<unknown>;
	setTheme(name: ThemeName): Promise<void>;
	/** Violations of the content security policy, and errors of the page, so far. */
	problems(): Promise<string[]>;
	/** Ids and targets of axe's violations. */
	axe(): Promise<string[]>;
	close(): Promise<void>;
}

export interface Harness {
	open<ToHost, FromHost>(name: PageName, options?: OpenOptions): Promise<OpenedPage<ToHost, FromHost>>;
	/** Bytes of a page's entry with its static imports, minified. */
	entryBytes(name: PageName): number;
	/** For pages that are not ours. */
	readonly browser: Browser;
	dispose(): Promise<void>;
}

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const require = createRequire(import.meta.url);
const NONCE = "dGVzdC1ub25jZQ";

interface Bundle {
	readonly files: ReadonlyMap<string, Uint8Array>;
	readonly entryBytes: number;
}

/** As `esbuild.mjs` bundles the webviews, in memory: tests neither need nor disturb `dist`. */
async function bundle(name: PageName): Promise<Bundle> {
	const result = await build({
		absWorkingDir: root,
		entryPoints: { [name]: `webview/${name}/main.ts` },
		outdir: "out",
		write: false,
		bundle: true,
		format: "esm",
		splitting: true,
		minify: true,
		metafile: true,
		platform: "browser",
		target: "chrome130",
		chunkNames: "chunks/[name]-[hash]",
		define: { __VERSION__: '"test"' },
		logLevel: "error",
	});
	const files = new Map<string, Uint8Array>();
	for (const file of result.outputFiles) files.set(`/${file.path.slice(join(root, "out").length + 1)}`, file.contents);
	const seen = new Set<string>();
	const visit = (path: string): number => {
		if (seen.has(path)) return 0;
		seen.add(path);
		const output = result.metafile.outputs[path];
		return output.imports
			.filter((imported) => imported.kind === "import-statement" && imported.external !== true)
			.reduce((sum, imported) => sum + visit(imported.path), output.bytes);
	};
	return { files, entryBytes: visit(`out/${name}.js`) };
}

export async function startHarness(names: readonly PageName[]): Promise<Harness> {
	const bundles = new Map<PageName, Bundle>();
	for (const name of names) bundles.set(name, await bundle(name));
	const codicons = dirname(require.resolve("@vscode/codicons/package.json"));
	const assets = new Map<string, Uint8Array>();
	assets.set("/codicon.ttf", await readFile(join(codicons, "dist", "codicon.ttf")));
	const pages = new Map<string, string>();
	const server = await listen((path) => {
		const html = pages.get(path);
		if (html !== undefined) return Buffer.from(html);
		for (const { files } of bundles.values()) {
			const file = files.get(path);
			if (file !== undefined) return file;
		}
		return assets.get(path);
	});
	const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const browser: Browser = await chromium.launch({ executablePath: await findChromium(), args: ["--no-sandbox"] });
	let nextPage = 0;
	return {
		async open<ToHost, FromHost>(name: PageName, options: OpenOptions = {}): Promise<OpenedPage<ToHost, FromHost>> {
			const path = `/page-${nextPage++}`;
			pages.set(path, pageHtml(name, origin, options));
			const context = await browser.newContext({
				viewport: { width: options.width ?? 1000, height: options.height ?? 600 },
				deviceScaleFactor: options.deviceScaleFactor ?? 1,
				reducedMotion: options.reducedMotion ?? "no-preference",
				forcedColors: options.forcedColors ?? "none",
				colorScheme: options.theme?.toLowerCase().includes("light") === true ? "light" : "dark",
				timezoneId: "Europe/Berlin",
				locale: "en-US",
			});
			return openPage<ToHost, FromHost>(context, `${origin}${path}`);
		},
		entryBytes: (name) => bundles.get(name)?.entryBytes ?? Number.NaN,
		browser,
		async dispose() {
			await browser.close();
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

async function openPage<ToHost, FromHost>(context: BrowserContext, url: string): Promise<OpenedPage<ToHost, FromHost>> {
	const page = await context.newPage();
	const errors: string[] = [];
	page.on("pageerror", (error) => errors.push(`error: ${error.message}`));
	page.on("console", (message) => {
		if (message.type() !== "error" && message.type() !== "warning") return;
		// Chromium's advice to the tests, which read pixels back.
		if (!message.text().includes("willReadFrequently")) errors.push(`console: ${message.text()}`);
	});
	await page.goto(url);
	const posted = (): Promise<ToHost[]> => page.evaluate(() => globalThis.testHost.posted as ToHost[]);
	return {
		page,
		posted,
		async send(...messages) {
			await page.evaluate((texts) => globalThis.testHost.send(texts), messages.map(encode));
		},
		async waitForPost<T extends string>(type: T) {
			await page.waitForFunction(
				(wanted) => globalThis.testHost.posted.some((message) => (message as { type: string }).type === wanted),
				type,
			);
			const all = (await posted()) as (ToHost & { readonly type: T })[];
			return all.findLast((message) => message.type === type) as ToHost & { readonly type: T };
		},
		clearPosted: () =>
			page.evaluate(() => {
				globalThis.testHost.posted.length = 0;
			}),
		state: () => page.evaluate(() => JSON.parse(sessionStorage.getItem("state") ?? "null") as unknown),
		async setTheme(name) {
			await page.evaluate((theme) => globalThis.testHost.setTheme(theme), pageTheme(name));
		},
		async problems() {
			return [...errors, ...(await page.evaluate(() => globalThis.testHost.violations))];
		},
		async axe() {
			// The debugger's evaluate is not bound by the page's policy.
			await page.evaluate(await readFile(require.resolve("axe-core/axe.min.js"), "utf8"));
			return page.evaluate(async () => {
				const { violations } = await globalThis.axe.run(document, {
					// The page is a part of an editor: landmarks and a page title are VS Code's.
					rules: { "document-title": { enabled: false }, region: { enabled: false } },
				});
				return violations.flatMap((violation) =>
					violation.nodes.map(
						(node) => `${violation.id}: ${node.target.flat().join(" ")}: ${node.failureSummary ?? ""}`,
					),
				);
			});
		},
		close: () => context.close(),
	};
}

/** What the page's own script provides for tests. */
interface TestHost {
	readonly posted: unknown[];
	readonly violations: string[];
	send(texts: readonly string[]): Promise<void>;
	setTheme(theme: ReturnType<typeof pageTheme>): void;
}

interface AxeResults {
	readonly violations: readonly {
		readonly id: string;
		readonly nodes: readonly {
			readonly target: readonly (string | readonly string[])[];
			readonly failureSummary?: string;
		}[];
	}[];
}

declare global {
	var testHost: TestHost;
	var axe: { run(context: Document, options: unknown): Promise<AxeResults> };
}

/** JSON in which a typed array is `{"$": type, "data": base64}` and a lone surrogate stays one. */
function encode(message: unknown): string {
	return JSON.stringify(message, (_key, value: unknown) => {
		if (!ArrayBuffer.isView(value)) return value;
		const data = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
		return { $: value.constructor.name, data };
	});
}

/** Runs in the page, before its bundle. Self-contained: it is sent as text. */
function fakeHost(theme: ReturnType<typeof pageTheme>, state: unknown): void {
	const posted: unknown[] = [];
	const violations: string[] = [];
	document.addEventListener("securitypolicyviolation", (event) => {
		violations.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
	});
	if (state !== undefined && sessionStorage.getItem("state") === null) {
		sessionStorage.setItem("state", JSON.stringify(state));
	}
	const setTheme = (next: ReturnType<typeof pageTheme>): void => {
		document.body.className = next.bodyClass;
		document.body.dataset.vscodeThemeKind = next.kind;
		const { style } = document.documentElement;
		for (const name of [...style]) if (name.startsWith("--vscode-")) style.removeProperty(name);
		for (const [name, value] of Object.entries(next.properties)) style.setProperty(name, value);
	};
	const arrays: Record<string, { from(bytes: ArrayBuffer): unknown }> = {
		Uint8Array: { from: (bytes) => new Uint8Array(bytes) },
		Int8Array: { from: (bytes) => new Int8Array(bytes) },
		Int16Array: { from: (bytes) => new Int16Array(bytes) },
		Uint16Array: { from: (bytes) => new Uint16Array(bytes) },
		Uint32Array: { from: (bytes) => new Uint32Array(bytes) },
		Int32Array: { from: (bytes) => new Int32Array(bytes) },
		Float64Array: { from: (bytes) => new Float64Array(bytes) },
	};
	const decode = (text: string): unknown =>
		JSON.parse(text, (_key, value: unknown) => {
			if (typeof value !== "object" || value === null || !("$" in value) || !("data" in value)) return value;
			const bytes = Uint8Array.from(atob(String(value.data)), (character) => character.charCodeAt(0));
			return arrays[String(value.$)].from(bytes.buffer);
		});
	globalThis.testHost = {
		posted,
		violations,
		setTheme,
		async send(texts) {
			for (const text of texts) {
				const handled = new Promise((resolve) => window.addEventListener("message", resolve, { once: true }));
				window.postMessage(decode(text), "*");
				await handled;
			}
			// Two frames: one in which the page draws, one that shows it.
			await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
		},
	};
	let isAcquired = false;
	globalThis.acquireVsCodeApi = () => {
		if (isAcquired) throw new Error("An instance of the VS Code API has already been acquired");
		isAcquired = true;
		return {
			postMessage: (message) => posted.push(structuredClone(message)),
			getState: () => JSON.parse(sessionStorage.getItem("state") ?? "null") ?? undefined,
			setState: (next) => sessionStorage.setItem("state", JSON.stringify(next)),
		};
	};
	setTheme(theme);
}

function pageHtml(name: PageName, origin: string, options: OpenOptions): string {
	const policy = [
		"default-src 'none'",
		`style-src ${origin} 'nonce-${NONCE}'`,
		`script-src 'nonce-${NONCE}'`,
		`font-src ${origin}`,
		`img-src ${origin} data:`,
	].join("; ");
	const json = (value: unknown): string => (JSON.stringify(value) ?? "undefined").replaceAll("<", "\\u003c");
	const tag = {
		waterfall: "traceway-waterfall",
		spanDetail: "traceway-span-detail",
		live: "traceway-live",
		overview: "traceway-overview",
	}[name];
	// The bundle's chunks are loaded by import: they need the origin, as in VS Code, beside the nonce of the entry.
	return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy.replace("script-src ", `script-src ${origin} `)}">
<link rel="icon" href="data:,">
<style nonce="${NONCE}">
@font-face { font-family: codicon; font-display: block; src: url("${origin}/codicon.ttf"); }
html, body { height: 100%; }
body {
	background-color: var(--vscode-editor-background);
	color: var(--vscode-editor-foreground);
	font-family: var(--vscode-font-family);
	font-weight: var(--vscode-font-weight);
	font-size: var(--vscode-font-size);
	margin: 0;
	padding: 0 20px;
}
</style>
</head>
<body data-page="${name}">
<script nonce="${NONCE}">(${fakeHost.toString()})(${json(pageTheme(options.theme ?? "dark"))}, ${json(options.state)});</script>
${options.words === undefined ? "" : `<script type="application/json" id="words">${json(options.words)}</script>`}
<${tag}></${tag}>
<script type="module" nonce="${NONCE}" src="${origin}/${name}.js"></script>
</body>
</html>`;
}

const TYPES: Readonly<Record<string, string>> = {
	js: "text/javascript",
	ttf: "font/ttf",
};

async function listen(find: (path: string) => Uint8Array | undefined): Promise<Server> {
	const server = createServer((request, response) => {
		const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
		const body = find(pathname);
		if (body === undefined) {
			response.writeHead(404).end();
			return;
		}
		const type = TYPES[pathname.split(".")[1] ?? ""] ?? "text/html";
		response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" }).end(body);
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(0, "127.0.0.1", resolve);
	});
	return server;
}
