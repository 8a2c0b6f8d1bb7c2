import * as vscode from "vscode";
import type { SourceConfig } from "../sources/source.ts";
import { checkSource, entryOf } from "./sources/sourceEntry.ts";

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

/** Adds an entry to the list where it stands: in the workspace if it is set there, else for the user. */
export async function addSourceEntry(config: SourceConfig): Promise<void> {
	await changeSources((entries) => [...entries, entryOf(config)]);
}

/** Takes the entries with this id out of the list. */
export async function removeSourceEntry(sourceId: string): Promise<void> {
	await changeSources((entries) => entries.filter((entry) => (entry as { id?: unknown } | null)?.id !== sourceId));
}

/** Entries that make no sense to us stay as they are: they may be half written, or of a newer version. */
async function changeSources(change: (entries: readonly unknown[]) => readonly unknown[]): Promise<void> {
	const configuration = vscode.workspace.getConfiguration(SECTION);
	const inspected = configuration.inspect<unknown>("sources");
	const isInWorkspace = inspected?.workspaceValue !== undefined;
	const value = isInWorkspace ? inspected?.workspaceValue : inspected?.globalValue;
	await configuration.update(
		"sources",
		change(Array.isArray(value) ? value : []),
		isInWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global,
	);
}

export function affectsSettings(event: vscode.ConfigurationChangeEvent): boolean {
	return event.affectsConfiguration(SECTION);
}
