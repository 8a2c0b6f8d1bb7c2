import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { parseServerInfo, probeServer, SERVER_INFO_FILE, type ServerInfo } from "../protocol/serverInfo.ts";

/** What the default depends on; passed in, so that it can be tested for each platform. */
export interface DataDirContext {
	readonly platform: NodeJS.Platform;
	readonly env: NodeJS.ProcessEnv;
	readonly home: string;
}

/**
 * Where `serve` keeps its data unless told otherwise: `TRACEWAY_DATA_DIR`, else the platform's place for data of one user
 * (`$XDG_DATA_HOME` or `~/.local/share`, `~/Library/Application Support`, `%LOCALAPPDATA%`) and `traceway-live` in it.
 */
export function defaultDataDir(
	context: DataDirContext = { platform: process.platform, env: process.env, home: homedir() },
): string {
	const { platform, env, home } = context;
	if (env.TRACEWAY_DATA_DIR) return env.TRACEWAY_DATA_DIR;
	if (platform === "win32") return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), "traceway-live");
	if (platform === "darwin") return join(home, "Library", "Application Support", "traceway-live");
	// "All paths set in these environment variables must be absolute. If an implementation encounters a relative path in any
	// of these variables it should consider the path invalid and ignore it." (XDG Base Directory Specification)
	const xdg = env.XDG_DATA_HOME;
	return join(xdg && isAbsolute(xdg) ? xdg : join(home, ".local", "share"), "traceway-live");
}

/** The running server of a data directory, or undefined when none answers. */
export async function findServer(dataDir: string, signal: AbortSignal): Promise<ServerInfo | undefined> {
	let text: string;
	try {
		text = await readFile(join(dataDir, SERVER_INFO_FILE), "utf8");
	} catch {
		// No file, no server: the common case.
		return undefined;
	}
	const info = parseServerInfo(text);
	return info !== undefined && (await probeServer(info, signal)) ? info : undefined;
}

/** Where `demo`, `tail` and friends go when no `--url` is given. */
export async function defaultUrl(signal: AbortSignal): Promise<string> {
	return (await findServer(defaultDataDir(), signal))?.url ?? "http://127.0.0.1:3000";
}
