import { parseBaseUrl, UsageError } from "./arguments.ts";

/** The server that the user named, by option or by environment; undefined leaves it to `defaultUrl`. */
export function givenServer(option: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
	if (option !== undefined) return parseBaseUrl(option, "--url");
	return env.TRACEWAY_URL ? parseBaseUrl(env.TRACEWAY_URL, "TRACEWAY_URL") : undefined;
}

/** The bearer token to send, by option or by environment. */
export function readToken(option: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
	const token = option ?? (env.TRACEWAY_TOKEN || undefined);
	if (token !== undefined && !/^[\x21-\x7e]{1,4096}$/.test(token)) {
		throw new UsageError("--token: must be visible ASCII characters without spaces");
	}
	return token;
}
