import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseServerInfo, probeServer, SERVER_INFO_FILE, type ServerInfo } from "../../src/protocol/serverInfo.ts";
import { setUpWorkbench } from "./setup.mts";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const EXTENSION_ID = "traceway-live.traceway-live";

export type ThemeName = "Dark Modern" | "Light Modern" | "Dark High Contrast" | "Light High Contrast";

/** What the setting calls a theme is not always what the palette shows; an unknown one falls back to the light default. */
const THEME_IDS: Record<ThemeName, string> = {
	"Dark Modern": "Dark Modern",
	"Light Modern": "Light Modern",
	"Dark High Contrast": "Default High Contrast",
	"Light High Contrast": "Default High Contrast Light",
};

export interface WorkbenchOptions {
	/** User settings beside the quiet defaults; they cannot be written later (the running server does not reread them). */
	readonly settings?: Readonly<Record<string, unknown>>;
	/** Default "Dark Modern". */
	readonly theme?: ThemeName;
	/** Folders that hold an extension's package.json; the project alone by default. */
	readonly extensionDirs?: readonly string[];
	/** Files of the workspace folder, by name. */
	readonly workspaceFiles?: Readonly<Record<string, string>>;
	/** Allows `extensionDevelopmentPath` and `extensionTestsPath` in the address, at the price of no notification toasts. */
	readonly allowsTestPayload?: boolean;
	/** Further environment of the extension host. */
	readonly env?: Readonly<Record<string, string>>;
	/** Level of VS Code's own log; the extension's log channel takes it too. Default "info". */
	readonly logLevel?: "trace" | "debug" | "info";
	readonly log?: (line: string) => void;
}

export interface Workbench {
	/** Address of a window with the workspace folder open. Every page that opens it is a window of its own. */
	readonly url: string;
	readonly port: number;
	readonly workspaceDir: string;
	readonly userDataDir: string;
	/** Data directory of the mini-server that the extension starts by itself: its database, log and record. */
	readonly miniServerDir: string;
	/** Process ids of the extension hosts, oldest first; one a window. */
	extensionHostPids(): Promise<number[]>;
	/** Text of every log file whose path has `part` in it, newest session last. */
	readLogs(part: string): Promise<string>;
	/** The mini-server that runs on `miniServerDir`; undefined when none does. */
	miniServer(): Promise<ServerInfo | undefined>;
	/** Ends the server, its extension hosts and the mini-server of its profile, and removes every file. */
	dispose(): Promise<void>;
}

/** What keeps a workbench quiet and the same in every run. */
const QUIET_SETTINGS = {
	"workbench.startupEditor": "none",
	"workbench.enableExperiments": false,
	"workbench.tips.enabled": false,
	"workbench.reduceMotion": "on",
	"workbench.secondarySideBar.defaultVisibility": "hidden",
	// Running Extensions and Settings would open as a modal, in which F1 is dead.
	"workbench.editor.useModal": "off",
	"window.autoDetectColorScheme": false,
	"security.workspace.trust.enabled": false,
	"telemetry.telemetryLevel": "off",
	"update.mode": "none",
	"extensions.autoUpdate": false,
	"extensions.autoCheckUpdates": false,
	"extensions.ignoreRecommendations": true,
	"chat.disableAIFeatures": true,
	"git.enabled": false,
	"remote.autoForwardPorts": false,
} as const;

const START_TIMEOUT_MS = 60_000;
const START_TRIES = 3;

/**
 * Starts VS Code as a server on 127.0.0.1, with the extension, in a profile of its own that is removed at the end. Its
 * processes are a group of their own; `dispose` ends the group. Also ends it when this process exits.
 */
export async function startWorkbench(options: WorkbenchOptions = {}): Promise<Workbench> {
	const entry = await setUpWorkbench(options.log ?? console.log);
	const base = await mkdtemp(join(tmpdir(), "traceway-workbench-"));
	const dirs = {
		userData: join(base, "user-data"),
		extensions: join(base, "extensions"),
		workspace: join(base, "workspace"),
		config: join(base, "config"),
	};
	await prepareProfile(dirs, options);
	let lastError: unknown;
	for (let attempt = 0; attempt < START_TRIES; attempt++) {
		// code-server cannot report a port of its own choosing in a form to rely on, so a port that is free now is
		// asked for; another program may take it in between, hence the tries.
		const port = await freePort();
		try {
			const child = await startServer(entry, port, dirs, options);
			return makeWorkbench(child, port, base, dirs);
		} catch (error) {
			lastError = error;
		}
	}
	await rm(base, { recursive: true, force: true });
	throw lastError;
}

interface Dirs {
	readonly userData: string;
	readonly extensions: string;
	readonly workspace: string;
	readonly config: string;
}

async function prepareProfile(dirs: Dirs, options: WorkbenchOptions): Promise<void> {
	const settingsDir = join(dirs.userData, "User");
	// The window is a remote one, for which VS Code takes settings of machine scope from the remote machine's file alone.
	// It looks whether a setting is of that scope only once the extension is known, so in the user's file they would
	// count or not as the start goes.
	const machineDir = join(dirs.userData, "Machine");
	for (const dir of [settingsDir, machineDir, dirs.extensions, dirs.workspace, dirs.config])
		await mkdir(dir, { recursive: true });
	const settings = {
		...QUIET_SETTINGS,
		"workbench.colorTheme": THEME_IDS[options.theme ?? "Dark Modern"],
		...options.settings,
	};
	const isOurs = ([name]: [string, unknown]) => name.startsWith("traceway.");
	for (const [dir, entries] of [
		[machineDir, Object.entries(settings).filter(isOurs)],
		[settingsDir, Object.entries(settings).filter((entry) => !isOurs(entry))],
	] as const) {
		await writeFile(join(dir, "settings.json"), JSON.stringify(Object.fromEntries(entries), undefined, "\t"));
	}
	for (const [name, text] of Object.entries(options.workspaceFiles ?? { "README.md": "# A workspace\n" })) {
		await mkdir(dirname(join(dirs.workspace, name)), { recursive: true });
		await writeFile(join(dirs.workspace, name), text);
	}
	if (options.allowsTestPayload) return;
	for (const extensionDir of options.extensionDirs ?? [ROOT]) {
		const { publisher, name, version } = JSON.parse(await readFile(join(extensionDir, "package.json"), "utf8"));
		// A junction needs no privilege on Windows; elsewhere the type is ignored.
		await symlink(extensionDir, join(dirs.extensions, `${publisher}.${name}-${version}`), "junction");
	}
}

/** Where VS Code lets the extension keep what is not of one workspace. */
function storageDir(dirs: Dirs): string {
	return join(dirs.userData, "User", "globalStorage", EXTENSION_ID);
}

function cleanEnv(dirs: Dirs, extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
	const kept = Object.entries(process.env).filter(
		([name]) =>
			!/^(VSCODE_|NODE_OPTIONS|NODE_TEST_CONTEXT|NODE_ENV$|VITEST|TEST$|npm_|PORT$|ELECTRON_|TRACEWAY_)/i.test(name),
	);
	return {
		...Object.fromEntries(kept),
		XDG_CONFIG_HOME: dirs.config,
		XDG_DATA_HOME: dirs.config,
		// No look-ups of extensions: the machine may be offline, and a test asks nobody.
		EXTENSIONS_GALLERY: "{}",
		...extra,
	};
}

async function startServer(entry: string, port: number, dirs: Dirs, options: WorkbenchOptions): Promise<ChildProcess> {
	const args = [
		entry,
		"--auth=none",
		`--bind-addr=127.0.0.1:${port}`,
		`--user-data-dir=${dirs.userData}`,
		`--extensions-dir=${dirs.extensions}`,
		"--disable-telemetry",
		"--disable-update-check",
		"--disable-workspace-trust",
		"--disable-getting-started-override",
		`--log=${options.logLevel ?? "info"}`,
		...(options.allowsTestPayload ? ["--vscode-option", "enable-smoke-test-driver"] : []),
		dirs.workspace,
	];
	const child = spawn(process.execPath, args, {
		// The in-host suite looks into the extension's storage.
		env: { ...cleanEnv(dirs, options.env), TRACEWAY_TEST_STORAGE: storageDir(dirs) },
		stdio: ["ignore", "pipe", "pipe"],
		// A group of its own: the signal that ends it reaches the extension hosts, and Ctrl+C in a terminal does not reach it.
		detached: process.platform !== "win32",
	});
	let output = "";
	const keep = (text: string) => {
		output = (output + text).slice(-20_000);
	};
	child.stdout?.setEncoding("utf8").on("data", keep);
	child.stderr?.setEncoding("utf8").on("data", keep);
	const deadline = Date.now() + START_TIMEOUT_MS;
	for (;;) {
		if (child.exitCode !== null || child.signalCode !== null) {
			throw new Error(`code-server ended with ${child.signalCode ?? child.exitCode}:\n${output.trim()}`);
		}
		if (await answers(`http://127.0.0.1:${port}/healthz`)) return child;
		if (Date.now() > deadline) {
			endGroup(child, "SIGKILL");
			throw new Error(`code-server did not answer within ${START_TIMEOUT_MS / 1000} s:\n${output.trim()}`);
		}
		await delay(50);
	}
}

function makeWorkbench(child: ChildProcess, port: number, base: string, dirs: Dirs): Workbench {
	const onExit = () => endGroup(child, "SIGKILL");
	process.on("exit", onExit);
	const miniServerDir = join(storageDir(dirs), "mini-server");
	let ending: Promise<void> | undefined;
	const end = async () => {
		process.off("exit", onExit);
		endGroup(child, "SIGTERM");
		if (!(await ended(child, 3000))) endGroup(child, "SIGKILL");
		await ended(child, 3000);
		// The group may outlive its leader by a moment: an extension host finishes what its extensions dispose.
		endGroup(child, "SIGKILL");
		await endMiniServer(miniServerDir);
		await rm(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
	};
	return {
		url: `http://127.0.0.1:${port}/?folder=${encodeURIComponent(dirs.workspace)}`,
		port,
		workspaceDir: dirs.workspace,
		userDataDir: dirs.userData,
		miniServerDir,
		extensionHostPids: () => extensionHostPids(child.pid as number),
		readLogs: (part) => readLogs(join(dirs.userData, "logs"), part),
		miniServer: () => findMiniServer(miniServerDir),
		dispose: () => {
			ending ??= end();
			return ending;
		},
	};
}

async function findMiniServer(dataDir: string): Promise<ServerInfo | undefined> {
	const info = parseServerInfo(await readFile(join(dataDir, SERVER_INFO_FILE), "utf8").catch(() => ""));
	if (info === undefined) return undefined;
	return (await probeServer(info, AbortSignal.timeout(5000))) ? info : undefined;
}

/** Ends the mini-server of a data directory, which is a process that outlives the window that started it. */
export async function endMiniServer(dataDir: string): Promise<void> {
	for (const signal of ["SIGTERM", "SIGKILL"] as const) {
		const info = await findMiniServer(dataDir);
		if (info === undefined) return;
		process.kill(info.pid, signal);
		const deadline = Date.now() + 5000;
		while (Date.now() < deadline && (await findMiniServer(dataDir)) !== undefined) await delay(50);
	}
}

/** On Windows there are no process groups; taskkill follows the tree of parents. */
function endGroup(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
	if (child.pid === undefined) return;
	if (process.platform === "win32") {
		spawn("taskkill", ["/pid", String(child.pid), "/T", "/F"], { stdio: "ignore" });
		return;
	}
	try {
		process.kill(-child.pid, signal);
	} catch (error) {
		// ESRCH: the whole group is gone, which is what was wanted.
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
	}
}

async function ended(child: ChildProcess, withinMs: number): Promise<boolean> {
	if (child.exitCode !== null || child.signalCode !== null) return true;
	return await new Promise((resolve) => {
		const timer = setTimeout(() => resolve(false), withinMs);
		child.once("exit", () => {
			clearTimeout(timer);
			resolve(true);
		});
	});
}

/** Linux only, by /proc: those of the group whose command line says so. */
async function extensionHostPids(group: number): Promise<number[]> {
	const found: { readonly pid: number; readonly startedAt: number }[] = [];
	for (const name of await readdir("/proc")) {
		if (!/^\d+$/.test(name)) continue;
		const [command, stat] = await Promise.all(
			["cmdline", "stat"].map((file) => readFile(join("/proc", name, file), "utf8").catch(() => "")),
		);
		if (!command.includes("--type=extensionHost")) continue;
		// After the name in parentheses: state, parent, group …; the start time is the 22nd field of the line.
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		if (Number(fields[2]) === group) found.push({ pid: Number(name), startedAt: Number(fields[19]) });
	}
	return found.sort((a, b) => a.startedAt - b.startedAt).map(({ pid }) => pid);
}

async function readLogs(dir: string, part: string): Promise<string> {
	const names = await readdir(dir, { recursive: true }).catch(() => []);
	const texts: string[] = [];
	for (const name of names.filter((one) => one.endsWith(".log") && one.includes(part)).sort()) {
		texts.push(await readFile(join(dir, name), "utf8").catch(() => ""));
	}
	return texts.join("");
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(0, "127.0.0.1", resolve);
	});
	const address = server.address();
	await new Promise((resolve) => server.close(resolve));
	if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
	return address.port;
}

async function answers(url: string): Promise<boolean> {
	try {
		return (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok;
	} catch {
		// Not up yet.
		return false;
	}
}

function delay(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
