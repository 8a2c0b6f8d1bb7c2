import { SOURCE_DEFINITIONS, sourceDefinition } from "../../sources/registry.ts";
import type { SourceConfig } from "../../sources/source.ts";
import { checkSourceUrl } from "./sourceAddress.ts";

/** Id of the mini-server, which is in no setting. */
export const LOCAL_SOURCE_ID = "local";

const MAX_OPTIONS = 30;
const MAX_OPTION_LENGTH = 4_000;

/**
 * Reads one entry of the setting `traceway.sources`; the end of a sentence on what is wrong with it when it makes no sense. Its
 * `options` are scalars here; what they mean the adapter checks.
 */
export function checkSource(entry: unknown, taken: ReadonlySet<string>): SourceConfig | string {
	if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return "must be an object";
	const { id, name, type = "traceway", url, filter, caFile, options: given } = entry as Record<string, unknown>;
	if (typeof id !== "string" || id === "") return '"id" must be a text';
	if (id === LOCAL_SOURCE_ID) return `"id" must not be "${LOCAL_SOURCE_ID}", which names the mini-server`;
	if (taken.has(id)) return `"id" "${id}" is used twice`;
	const definition = sourceDefinition(type);
	if (definition === undefined) {
		const known = SOURCE_DEFINITIONS.map((one) => `"${one.type}"`).join(", ");
		return `"type" "${String(type)}" is not known; use ${known}`;
	}
	const address = checkSourceUrl(url);
	if (!address.ok) return `"url" ${address.problem}`;
	const options = checkOptions(given);
	if (typeof options === "string") return options;
	const filterOf = typeof filter === "object" && filter !== null ? (filter as Record<string, unknown>) : undefined;
	return {
		id,
		name: typeof name === "string" && name !== "" ? name : id,
		type: definition.type,
		url: address.url,
		filter:
			filterOf === undefined
				? undefined
				: {
						kind: typeof filterOf.kind === "string" ? filterOf.kind : undefined,
						model: typeof filterOf.model === "string" ? filterOf.model : undefined,
					},
		caFile: typeof caFile === "string" && caFile !== "" ? caFile : undefined,
		options,
	};
}

function checkOptions(given: unknown): SourceConfig["options"] | string {
	if (given === undefined) return undefined;
	if (typeof given !== "object" || given === null || Array.isArray(given)) return '"options" must be an object';
	const entries = Object.entries(given);
	if (entries.length > MAX_OPTIONS) return `"options" has more than ${MAX_OPTIONS} of them`;
	const options: Record<string, string | number | boolean> = {};
	for (const [key, value] of entries) {
		if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) options[key] = value;
		else if (typeof value === "string" && value.length <= MAX_OPTION_LENGTH) options[key] = value;
		else
			return `"options.${key.slice(0, 60)}" must be a text of at most ${MAX_OPTION_LENGTH} characters, a number, true or false`;
	}
	return options;
}

/** The entry of the setting that says this. */
export function entryOf(config: SourceConfig): Readonly<Record<string, unknown>> {
	return JSON.parse(JSON.stringify(config));
}

/** An id that none has yet, made of a host or a name. */
export function freeId(wanted: string, taken: readonly string[]): string {
	const base = wanted.replace(/[^a-zA-Z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "source";
	return free(
		base,
		(id) => id !== LOCAL_SOURCE_ID && !taken.includes(id),
		(number) => `${base}-${number}`,
	);
}

/** The name, with the host where another source has it already, and with a number where that does not help either. */
export function freeName(wanted: string, host: string, taken: readonly string[]): string {
	if (!taken.includes(wanted)) return wanted;
	const base = `${wanted} (${host})`;
	return free(
		base,
		(name) => !taken.includes(name),
		(number) => `${base} ${number}`,
	);
}

function free(first: string, isFree: (text: string) => boolean, next: (number: number) => string): string {
	if (isFree(first)) return first;
	for (let number = 2; ; number++) {
		if (isFree(next(number))) return next(number);
	}
}
