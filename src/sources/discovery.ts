import { describeError } from "../base/logger.ts";
import { SOURCE_DEFINITIONS, type SourceDefinition, type SourceProbe } from "./registry.ts";

/** How long one kind of backend may take to say whether it is there. */
const ASK_MS = 6_000;
/** The same on this machine, where whatever answers does so at once. */
const ASK_LOCAL_MS = 1_500;

/** What one kind of backend has to say of an address; messages are for people, and hold no token. */
export type Verdict = { readonly definition: SourceDefinition } & (
	| { readonly outcome: "yes" /** In a few words: `40 traces`. */; readonly found: string }
	| { readonly outcome: "no" }
	| { readonly outcome: "needsToken"; readonly message: string }
	/** Nothing answered, or not in time. */
	| { readonly outcome: "silent"; readonly message: string }
);

export interface AskOptions {
	readonly fetch: typeof globalThis.fetch;
	/** Undefined in the first round. */
	readonly token?: string | undefined;
	readonly options?: SourceProbe["options"];
	/** Default: all that have an adapter. */
	readonly definitions?: readonly SourceDefinition[];
	/** Default 6,000. */
	readonly timeoutMs?: number;
	/** Called for each verdict as it comes. */
	readonly onVerdict?: (verdict: Verdict) => void;
	readonly signal: AbortSignal;
}

/**
 * Asks each kind of backend, side by side, whether it answers at an address; one verdict each, in the order of the definitions. Rejects
 * only when the signal is aborted.
 */
export async function askWhatAnswers(url: string, options: AskOptions): Promise<readonly Verdict[]> {
	const { definitions = SOURCE_DEFINITIONS } = options;
	return await Promise.all(
		definitions.map(async (definition) => {
			const verdict = await ask(definition, url, options);
			options.signal.throwIfAborted();
			options.onVerdict?.(verdict);
			return verdict;
		}),
	);
}

async function ask(definition: SourceDefinition, url: string, options: AskOptions): Promise<Verdict> {
	const { fetch, token, options: accessOptions, signal, timeoutMs = ASK_MS } = options;
	const timeout = new AbortController();
	let timer: ReturnType<typeof setTimeout> | undefined;
	// Whatever an adapter does with its signal, nobody waits longer.
	const late = new Promise<Verdict>((resolve) => {
		timer = setTimeout(() => {
			timeout.abort();
			resolve({ definition, outcome: "silent", message: `no answer within ${timeoutMs / 1000} s` });
		}, timeoutMs);
	});
	try {
		return await Promise.race([
			late,
			definition
				.identify({ url, fetch, token, options: accessOptions, signal: AbortSignal.any([signal, timeout.signal]) })
				.then((finding): Verdict => {
					if (finding.match === "yes") return { definition, outcome: "yes", found: finding.found };
					if (finding.match === "no") return { definition, outcome: "no" };
					return { definition, outcome: "needsToken", message: describeError(finding.error) };
				}),
		]);
	} catch (error) {
		signal.throwIfAborted();
		return { definition, outcome: "silent", message: plainMessage(describeError(error)) };
	} finally {
		clearTimeout(timer);
	}
}

/** Without which request it was, and that it was one: everybody who was asked says the same. */
function plainMessage(message: string): string {
	return message.replace(/^(?:GET|POST) \S+: /, "").replace(/^fetch failed \((.*)\)$/, "$1");
}

/** A backend that was found on this machine; without a definition it wants a token before it says what it is. */
export interface LocalFinding {
	readonly url: string;
	readonly definition: SourceDefinition | undefined;
	/** In a few words; empty while it wants a token. */
	readonly found: string;
}

/** The well-known ports of all backends, each once, in the order of the definitions. */
export function wellKnownPorts(definitions: readonly SourceDefinition[] = SOURCE_DEFINITIONS): number[] {
	return [...new Set(definitions.flatMap(({ ports }) => ports))];
}

/** Looks at the well-known ports of this machine, loopback only, all at once; tells what it finds as it is found. */
export async function searchThisMachine(
	options: Omit<AskOptions, "token" | "options" | "onVerdict"> & {
		readonly onFound: (finding: LocalFinding) => void;
		/** Default: the well-known ones. */
		readonly ports?: readonly number[];
	},
): Promise<void> {
	const { timeoutMs = ASK_LOCAL_MS, definitions = SOURCE_DEFINITIONS, ports = wellKnownPorts(definitions) } = options;
	await Promise.all(
		ports.map(async (port) => {
			const url = `http://127.0.0.1:${port}`;
			const { fetch, signal } = options;
			const verdicts = await askWhatAnswers(url, { fetch, signal, definitions, timeoutMs });
			const yes = verdicts.filter((verdict) => verdict.outcome === "yes");
			for (const { definition, found } of yes) options.onFound({ url, definition, found });
			const isLocked = yes.length === 0 && verdicts.some(({ outcome }) => outcome === "needsToken");
			if (isLocked) options.onFound({ url, definition: undefined, found: "" });
		}),
	);
}
