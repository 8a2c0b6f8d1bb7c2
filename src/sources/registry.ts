import { cloudgrid } from "./cloudgrid/definition.ts";
import type { Source, SourceError, SourceOptions, SourceType } from "./source.ts";
import { tempo } from "./tempo/definition.ts";
import { traceExplorer } from "./traceExplorer/definition.ts";
import { tracellm } from "./tracellm/definition.ts";
import { traceway } from "./traceway/definition.ts";

/** A kind of backend: how it is called, found, and connected to. Small and eager; the adapter itself comes by `import()`. */
export interface SourceDefinition {
	readonly type: SourceType;
	/** The product's own name. */
	readonly label: string;
	/** Where it listens on this machine if nobody says otherwise, the likeliest first. */
	readonly ports: readonly number[];
	/** Options by which some of these servers let people in, beside a token: offered where a server refuses. */
	readonly accessOptions?: readonly AccessOption[];
	/** Whether its kind answers at an address, in two or three cheap requests. Rejects with a `SourceError` when nothing answers. */
	readonly identify: (probe: SourceProbe) => Promise<SourceFinding>;
	readonly create: (options: SourceOptions) => Promise<Source>;
}

/** `username`: with it the token is a password. `tenant`: whose traces are meant. */
export type AccessOption = "username" | "tenant";

export interface SourceProbe {
	/** As `SourceConfig.url`. */
	readonly url: string;
	readonly fetch: typeof globalThis.fetch;
	/** Undefined in the first round; asked for when `needsToken` came back. */
	readonly token: string | undefined;
	/** As `SourceConfig.options`, of those in `accessOptions`. */
	readonly options?: Readonly<Partial<Record<AccessOption, string>>> | undefined;
	readonly signal: AbortSignal;
}

/** `no`: something else answers there. `needsToken`: it may be this kind, which only a token would tell. */
export type SourceFinding =
	| { readonly match: "yes" /** What was found, in a few words: `40 traces`, `version 2.6`. */; readonly found: string }
	| { readonly match: "no" }
	| { readonly match: "needsToken"; readonly error: SourceError };

/** Every backend that has an adapter, in the order in which they are offered. A new one is a folder, and a line here. */
export const SOURCE_DEFINITIONS: readonly SourceDefinition[] = [traceway, traceExplorer, tempo, tracellm, cloudgrid];

/** Undefined for a word that names none. */
export function sourceDefinition(type: unknown): SourceDefinition | undefined {
	return SOURCE_DEFINITIONS.find((definition) => definition.type === type);
}
