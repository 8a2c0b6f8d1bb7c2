import { askWhatAnswers } from "../../sources/discovery.ts";
import type { SourceDefinition } from "../../sources/registry.ts";
import { tracellm } from "../../sources/tracellm/definition.ts";
import { traceway } from "../../sources/traceway/definition.ts";
import { parseBaseUrl, parseInteger, printable, UsageError } from "../arguments.ts";
import { givenServer } from "../target.ts";

/** How long each kind of backend may take to say whether it is there. */
const ASK_MS = 1500;
const DEFAULT_HOST = "127.0.0.1";
/** Where a TraceLLM listens. */
const DEFAULT_PORT = "8000";

export interface NamedServer {
	readonly url: string;
	/** What it is taken for while nothing answers; of several that it may be, this one. */
	readonly likely: SourceDefinition;
}

interface ServerOptions {
	readonly url?: string | undefined;
	readonly "ws-host"?: string | undefined;
	readonly "ws-port"?: string | undefined;
}

/**
 * The server that the user named, by option, else by environment; undefined leaves it to the one that runs. Host and port are
 * named as for `tracellm monitor`.
 */
export function namedServer(options: ServerOptions, env: NodeJS.ProcessEnv): NamedServer | undefined {
	const { url, "ws-host": host, "ws-port": port } = options;
	const isByHost = host !== undefined || port !== undefined;
	if (url !== undefined && isByHost) throw new UsageError("--url and --ws-host, --ws-port name the server twice");
	if (!isByHost) {
		const given = givenServer(url, env);
		if (given !== undefined) return { url: given, likely: traceway };
		if (!env.TRACELLM_WS_HOST && !env.TRACELLM_WS_PORT) return undefined;
	}
	const [hostFrom, hostText] =
		host === undefined ? ["TRACELLM_WS_HOST", env.TRACELLM_WS_HOST || DEFAULT_HOST] : ["--ws-host", host];
	const [portFrom, portText] =
		port === undefined ? ["TRACELLM_WS_PORT", env.TRACELLM_WS_PORT || DEFAULT_PORT] : ["--ws-port", port];
	const number = parseInteger(portText, portFrom, 1, 65_535);
	if (!/^[\w.:[\]-]{1,253}$/.test(hostText)) throw new UsageError(`${hostFrom}: "${printable(hostText)}" is no host`);
	const name = hostText.includes(":") && !hostText.startsWith("[") ? `[${hostText}]` : hostText;
	return { url: parseBaseUrl(`http://${name}:${number}`, hostFrom), likely: tracellm };
}

/** What answers at a named address. */
export async function kindOf({ url, likely }: NamedServer, token: string | undefined): Promise<SourceDefinition> {
	const verdicts = await askWhatAnswers(url, {
		fetch: (input, init) => globalThis.fetch(input, init),
		token,
		timeoutMs: ASK_MS,
		signal: new AbortController().signal,
	});
	const found = verdicts.filter(({ outcome }) => outcome === "yes").map(({ definition }) => definition);
	return found.length === 0 || found.includes(likely) ? likely : found[0];
}
