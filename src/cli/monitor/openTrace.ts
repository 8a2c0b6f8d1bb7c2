import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { MAX_LINK_BYTES, OPEN_PIPE_ENV, OPEN_PIPE_OK, traceUri } from "../../protocol/traceUri.ts";

/** A program that opens a URI, with its arguments; never run by a shell. */
export interface Opener {
	readonly command: string;
	readonly args: readonly string[];
}

export interface OpenContext {
	readonly platform: NodeJS.Platform;
	readonly env: NodeJS.ProcessEnv;
	/** Full path of a program on the PATH. */
	readonly find: (name: string) => string | undefined;
}

/** How long an opener may take to say that it cannot. One that still runs then is showing something. */
const OPEN_TIMEOUT_MS = 5000;

/** Command lines of the editors that register a scheme of their own. */
const EDITORS: Readonly<Record<string, string>> = {
	vscode: "code",
	"vscode-insiders": "code-insiders",
	vscodium: "codium",
};

/** The scheme by which the editor is reached: the one that a terminal of the extension names, else VS Code's. */
export function uriScheme(env: NodeJS.ProcessEnv): string {
	const named = env.TRACEWAY_URI_SCHEME ?? "";
	return /^[a-z][a-z0-9+.-]{0,63}$/.test(named) ? named : "vscode";
}

/** Programs that may open the URI, best first. */
export function openersOf(uri: string, { platform, env, find }: OpenContext): readonly Opener[] {
	const openers: Opener[] = [];
	const add = (name: string, ...args: readonly string[]) => {
		const command = find(name);
		if (command !== undefined) openers.push({ command, args: [...args, uri] });
	};
	// In a terminal of a remote window `code` knows no `--open-url`; VS Code puts its own opener into BROWSER there.
	const isRemote = (env.VSCODE_IPC_HOOK_CLI ?? "") !== "";
	if (isRemote && env.BROWSER?.endsWith("/helpers/browser.sh")) openers.push({ command: env.BROWSER, args: [uri] });
	// On Windows `code` is a script for its shell.
	if (!isRemote && platform !== "win32") add(EDITORS[uriScheme(env)] ?? uriScheme(env), "--open-url");
	if (platform === "darwin") add("open");
	else if (platform === "win32") add("rundll32.exe", "url.dll,FileProtocolHandler");
	else add("xdg-open");
	return openers;
}

/** The real machine's. */
export function openContext(env: NodeJS.ProcessEnv): OpenContext {
	return { platform: process.platform, env, find: (name) => findProgram(name, env) };
}

function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
	return (env.PATH ?? "")
		.split(delimiter)
		.filter((folder) => folder !== "")
		.map((folder) => join(folder, name))
		.find((path) => {
			try {
				accessSync(path, constants.X_OK);
				return true;
			} catch {
				// Not in this folder.
				return false;
			}
		});
}

/** Opens a trace in VS Code; resolves with undefined, or with one line that says why not and what to do. */
export async function openTrace(traceId: string, server: string, context: OpenContext): Promise<string | undefined> {
	const uri = traceUri(uriScheme(context.env), { traceId, server });
	const pipe = context.env[OPEN_PIPE_ENV] ?? "";
	if (pipe !== "") {
		const answer = await askWindow(pipe, uri);
		if (answer !== undefined) return answer === OPEN_PIPE_OK ? undefined : `VS Code: ${answer}`;
	}
	for (const opener of openersOf(uri, context)) if (await run(opener, context.env)) return undefined;
	return `Nothing here opens VS Code; open ${uri}`;
}

/** Hands the link to the window whose terminal this is; resolves with its answer, or undefined when it is not there. */
function askWindow(pipe: string, uri: string): Promise<string | undefined> {
	return new Promise((resolve) => {
		const socket = connect(pipe, () => socket.write(`${uri}\n`));
		let answer = "";
		socket.setEncoding("utf8").setTimeout(OPEN_TIMEOUT_MS, () => socket.destroy());
		socket.on("data", (text: string) => {
			answer += text;
			if (answer.includes("\n") || answer.length > MAX_LINK_BYTES) socket.destroy();
		});
		// The window went away and left its pipe: "close" follows, without an answer.
		socket.on("error", () => {});
		socket.on("close", () => resolve(answer.split("\n", 1)[0] || undefined));
	});
}

function run({ command, args }: Opener, env: NodeJS.ProcessEnv): Promise<boolean> {
	const { TRACEWAY_TOKEN: _token, ELECTRON_RUN_AS_NODE: _asNode, ...rest } = env;
	return new Promise((resolve) => {
		const child = spawn(command, args, { detached: true, stdio: "ignore", env: rest, windowsHide: true });
		const timer = setTimeout(() => resolve(true), OPEN_TIMEOUT_MS);
		timer.unref();
		const settle = (isOpen: boolean) => {
			clearTimeout(timer);
			resolve(isOpen);
		};
		child.once("error", () => settle(false));
		child.once("exit", (code) => settle(code === 0));
		child.unref();
	});
}
