import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { type ListeningLine, parseListeningLine } from "../../src/protocol/serverInfo.ts";
import { firstExecutable } from "./browser.mts";
import { ROOT, startWorkbench } from "./workbench.mts";

/**
 * `npm start`: a mini-server with live demo traffic and a VS Code that shows it, in a profile that is thrown away. Whatever
 * it starts it ends again on Ctrl+C.
 */

const run = promisify(execFile);
const cli = join(ROOT, "dist", "cli.js");
const opener = join(ROOT, "test", "workbench", "opener");

/** Traces begun per second: a new row every two seconds leaves time to look at one. */
const DEMO_RATE = "0.5";
const STOP_TIMEOUT_MS = 3000;

const WELCOME = `# Traceway Live

The Traceway view on the left fills with demo traces. Click one to see its waterfall, then a span for its details.

Send one of your own, from a terminal:

\`\`\`sh
trace=$(curl -s -X POST SERVER/api/traces -H 'content-type: application/json' -d '{"name":"my first trace"}' | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')
curl -X POST SERVER/api/spans -H 'content-type: application/json' \\
  -d "{\\"trace_id\\":\\"$trace\\",\\"name\\":\\"hello\\",\\"kind\\":{\\"type\\":\\"llm_call\\",\\"model\\":\\"gpt-4o-mini\\"}}"
\`\`\`

OpenTelemetry programs send to \`OTLP\`.
`;

const SETTINGS = {
	"workbench.reduceMotion": "auto",
	"workbench.tips.enabled": true,
	"workbench.editorAssociations": { "*.md": "vscode.markdown.preview.editor" },
};

/** Ends what has been started; all at the same time. */
const endings: (() => Promise<unknown>)[] = [];
let isEnding = false;

async function end(exitCode: number): Promise<never> {
	if (!isEnding) {
		isEnding = true;
		await Promise.all(endings.map((ending) => ending().catch((error: Error) => console.error(error.message))));
	}
	process.exit(exitCode);
}

function watchForEnd(): void {
	let signals = 0;
	for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
		process.on(name, () => {
			// npm hands a signal on that the terminal has sent already: one Ctrl+C may arrive twice.
			if (++signals === 1) {
				console.log("\nEnding …");
				void end(0);
			}
		});
	}
	process.on("uncaughtException", (error) => {
		console.error(error.message);
		void end(1);
	});
	// npm and its shell may be killed without a word to this process; its parent is another one then.
	const parent = process.ppid;
	setInterval(() => {
		if (process.ppid !== parent) void end(0);
	}, 500).unref();
}

/** A process in a group of its own, so that Ctrl+C comes to it from here only, in order. */
function spawnOwn(command: string, args: readonly string[], stdout: "pipe" | "ignore"): ChildProcess {
	const child = spawn(command, args, {
		stdio: ["ignore", stdout, "pipe"],
		detached: process.platform !== "win32",
		windowsHide: true,
	});
	const killNow = () => child.kill("SIGKILL");
	process.on("exit", killNow);
	child.once("exit", () => process.off("exit", killNow));
	endings.push(() => stopChild(child));
	return child;
}

async function stopChild(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
	const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	child.kill("SIGTERM");
	const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
	await gone;
	clearTimeout(timer);
}

async function startMiniServer(dataDir: string): Promise<ListeningLine> {
	await mkdir(dataDir, { recursive: true, mode: 0o700 });
	const child = spawnOwn(process.execPath, [cli, "serve", "--json", "--any-port", `--data-dir=${dataDir}`], "pipe");
	let errors = "";
	child.stderr?.setEncoding("utf8").on("data", (text: string) => {
		errors = (errors + text).slice(-4000);
	});
	return await new Promise((resolve, reject) => {
		const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
		lines.once("line", (line) => {
			const listening = parseListeningLine(line);
			if (listening === undefined) reject(new Error(`The server's first line was unexpected: ${line.slice(0, 200)}`));
			else resolve(listening);
		});
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`The server ended with code ${code}:\n${errors.trim()}`)));
	});
}

function startDemo(url: string): void {
	const child = spawnOwn(process.execPath, [cli, "demo", "--live", "--url", url, "--rate", DEMO_RATE], "ignore");
	let errors = "";
	child.stderr?.setEncoding("utf8").on("data", (text: string) => {
		errors = (errors + text).slice(-2000);
	});
	child.once("exit", (code) => {
		if (!isEnding) console.error(`The demo traffic ended with code ${code}: ${errors.trim()}`);
	});
}

/** The desktop VS Code's command line, when one is there and could show a window. */
async function findDesktop(): Promise<string | undefined> {
	if (process.env.TRACEWAY_START === "browser") return undefined;
	// Inside a terminal of a remote VS Code `code` is another program, which knows nothing of development extensions.
	if (process.env.VSCODE_IPC_HOOK_CLI) return undefined;
	if (!hasDisplay() || process.getuid?.() === 0) return undefined;
	const name = process.platform === "win32" ? "code.cmd" : "code";
	return await firstExecutable((process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)));
}

function hasDisplay(): boolean {
	if (process.platform === "win32" || process.platform === "darwin") return true;
	return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

async function openDesktop(code: string): Promise<void> {
	const base = await mkdtemp(join(tmpdir(), "traceway-start-"));
	const userDataDir = join(base, "user-data");
	const workspace = join(base, "workspace");
	const server = await startMiniServer(
		join(userDataDir, "User", "globalStorage", "traceway-live.traceway-live", "mini-server"),
	);
	await mkdir(workspace);
	await writeFile(join(workspace, "README.md"), welcome(server));
	await writeFile(
		join(userDataDir, "User", "settings.json"),
		JSON.stringify({ ...SETTINGS, "security.workspace.trust.enabled": false, "workbench.startupEditor": "readme" }),
	);
	endings.push(async () => {
		await endDesktop(base);
		await rm(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
	});
	await run(
		code,
		[
			`--extensionDevelopmentPath=${ROOT}`,
			`--extensionDevelopmentPath=${opener}`,
			`--user-data-dir=${userDataDir}`,
			`--extensions-dir=${join(base, "extensions")}`,
			"--skip-welcome",
			"--disable-workspace-trust",
			"--new-window",
			workspace,
		],
		{ shell: process.platform === "win32" },
	);
	startDemo(server.url);
	console.log(`Server:  ${server.url} (OpenTelemetry: ${server.otlpUrl})`);
	console.log("A VS Code window opens with the Traceway view. Ctrl+C ends everything.");
}

/** `code` returns at once; the window belongs to a process that is known by its profile only. */
async function endDesktop(base: string): Promise<void> {
	if (process.platform === "win32") {
		const script = `Get-CimInstance Win32_Process | Where-Object { $_.CommandLine -like '*${base}*' -and $_.ProcessId -ne $PID } | ForEach-Object { Stop-Process -Id $_.ProcessId -Force }`;
		await run("powershell", ["-NoProfile", "-Command", script]);
		return;
	}
	for (const signal of ["SIGTERM", "SIGKILL"] as const) {
		const { stdout } = await run("ps", ["-A", "-o", "pid=,args="], { maxBuffer: 16_000_000 });
		const pids = stdout
			.split("\n")
			.filter((line) => line.includes(base))
			.map((line) => Number.parseInt(line, 10));
		if (pids.length === 0) return;
		for (const pid of pids) {
			try {
				process.kill(pid, signal);
			} catch {
				// Ended by itself since it was listed.
			}
		}
		await new Promise((resolve) => setTimeout(resolve, 1000));
	}
}

async function openInBrowser(): Promise<void> {
	const workbench = await startWorkbench({
		extensionDirs: [ROOT, opener],
		settings: { ...SETTINGS, "workbench.startupEditor": "readme" },
		workspaceFiles: {},
	});
	endings.push(() => workbench.dispose());
	// On the data directory that the extension would use, so that it finds this server instead of starting its own.
	const server = await startMiniServer(workbench.miniServerDir);
	await writeFile(join(workbench.workspaceDir, "README.md"), welcome(server));
	startDemo(server.url);
	const address = `http://127.0.0.1:${workbench.port}/`;
	console.log(`Server:  ${server.url} (OpenTelemetry: ${server.otlpUrl}), with live demo traffic`);
	console.log("VS Code runs in the browser. Open this address:");
	console.log(`\n  ${address}\n`);
	console.log("Ctrl+C ends everything.");
	if (hasDisplay() && !process.env.CI) openAddress(address);
}

function openAddress(address: string): void {
	const [command, args] =
		process.platform === "darwin"
			? ["open", [address]]
			: process.platform === "win32"
				? ["explorer", [address]]
				: ["xdg-open", [address]];
	const child = spawn(command as string, args as string[], { stdio: "ignore", detached: true });
	child.on("error", () => console.log("(No program to open it with was found.)"));
	child.unref();
}

function welcome(server: ListeningLine): string {
	return WELCOME.replaceAll("SERVER", server.url).replaceAll("OTLP", server.otlpUrl);
}

watchForEnd();
try {
	const code = await findDesktop();
	if (code === undefined) await openInBrowser();
	else await openDesktop(code);
} catch (error) {
	console.error((error as Error).message);
	await end(1);
}
