import * as vscode from "vscode";
import type { SourceConfig } from "../sources/source.ts";

const SECTION = "traceway";

/** Defaults; a test compares them with `package.json`. */
export const SETTING_DEFAULTS = {
	sources: [] as readonly unknown[],
	"connection.watchdogSeconds": 45,
	"connection.reconcileSeconds": 0,
	"traces.maxSpans": 500_000,
	"server.autoStart": true,
	"server.dataDirectory": "",
} as const;

export const LOCAL_SOURCE_ID = "local";

function read<T>(name: keyof typeof SETTING_DEFAULTS): T | undefined {
	return vscode.workspace.getConfiguration(SECTION).get<T>(name);
}

/** A number of the settings inside its bounds; a value of another type counts as the default. */
function readNumber(name: keyof typeof SETTING_DEFAULTS, min: number, max: number): number {
	const value = read<unknown>(name);
	const number = typeof value === "number" && Number.isFinite(value) ? value : Number(SETTING_DEFAULTS[name]);
	return Math.min(max, Math.max(min, number));
}

export interface Settings {
	readonly watchdogMs: number;
	/** 0 is off. */
	readonly reconcileMs: number;
	readonly maxSpans: number;
	readonly isServerAutoStarted: boolean;
	/** Empty means the extension's own storage. */
	readonly serverDataDirectory: string;
}

export function readSettings(): Settings {
	const reconcileSeconds = readNumber("connection.reconcileSeconds", 0, 86_400);
	return {
		watchdogMs: readNumber("connection.watchdogSeconds", 1, 3_600) * 1000,
		reconcileMs: reconcileSeconds === 0 ? 0 : Math.max(1, reconcileSeconds) * 1000,
		maxSpans: Math.floor(readNumber("traces.maxSpans", 1_000, 5_000_000)),
		isServerAutoStarted: read<unknown>("server.autoStart") !== false,
		serverDataDirectory: String(read<unknown>("server.dataDirectory") ?? "").trim(),
	};
}

export interface SourceSettings {
	readonly configs: readonly SourceConfig[];
	/** One line for each entry that was left out: which one and why. */
	readonly problems: readonly string[];
}

/** The configured sources. Entries that make no sense are left out and named. */
export function readSources(): SourceSettings {
	const value = read<unknown>("sources");
	const configs: SourceConfig[] = [];
	const problems: string[] = [];
	if (!Array.isArray(value)) return { configs, problems };
	for (const [index, entry] of value.entries()) {
		const result = checkSource(entry, new Set(configs.map((config) => config.id)));
		if (typeof result === "string") problems.push(`traceway.sources[${index}]: ${result}`);
		else configs.push(result);
	}
	return { configs, problems };
}

function checkSource(entry: unknown, taken: ReadonlySet<string>): SourceConfig | string {
	if (typeof entry !== "object" || entry === null) return "must be an object";
	const { id, name, type, url, filter, caFile } = entry as Record<string, unknown>;
	if (typeof id !== "string" || id === "") return '"id" must be a text';
	if (id === LOCAL_SOURCE_ID) return `"id" must not be "${LOCAL_SOURCE_ID}", which names the mini-server`;
	if (taken.has(id)) return `"id" "${id}" is used twice`;
	if (type !== undefined && type !== "traceway") return `"type" "${String(type)}" is not known; use "traceway"`;
	const address = checkSourceUrl(url);
	if (!address.ok) return `"url" ${address.problem}`;
	const filterOf = typeof filter === "object" && filter !== null ? (filter as Record<string, unknown>) : {};
	return {
		id,
		name: typeof name === "string" && name !== "" ? name : id,
		type: "traceway",
		url: address.url,
		filter: {
			kind: typeof filterOf.kind === "string" ? filterOf.kind : undefined,
			model: typeof filterOf.model === "string" ? filterOf.model : undefined,
		},
		caFile: typeof caFile === "string" && caFile !== "" ? caFile : undefined,
	};
}

/** Checks an address that a person typed; the result has neither a trailing slash nor `/api`. */
export function checkSourceUrl(
	value: unknown,
): { readonly ok: true; readonly url: string } | { readonly ok: false; readonly problem: string } {
	if (typeof value !== "string" || value.trim() === "") return { ok: false, problem: "must be an address" };
	const parsed = URL.parse(value.trim());
	if (parsed === null) return { ok: false, problem: "is not an address such as http://127.0.0.1:3000" };
	if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
		return { ok: false, problem: "must begin with http:// or https://" };
	}
	if (parsed.username !== "" || parsed.password !== "" || parsed.search !== "") {
		return { ok: false, problem: 'must not hold a password or token; use the command "Traceway: Set Token"' };
	}
	return { ok: true, url: `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, "").replace(/\/api$/, "") };
}

/** Writes the list where it stands: in the workspace if it is set there, else for the user. */
export async function writeSources(configs: readonly SourceConfig[]): Promise<void> {
	const configuration = vscode.workspace.getConfiguration(SECTION);
	const isInWorkspace = configuration.inspect("sources")?.workspaceValue !== undefined;
	const plain = configs.map((config) => JSON.parse(JSON.stringify(config)));
	await configuration.update(
		"sources",
		plain,
		isInWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global,
	);
}

export function affectsSettings(event: vscode.ConfigurationChangeEvent): boolean {
	return event.affectsConfiguration(SECTION);
}
