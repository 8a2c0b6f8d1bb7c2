/** Publisher and name of the extension: the authority of every URI that VS Code hands to it. */
export const EXTENSION_ID = "traceway-live.traceway-live";

/** Longest id and address that are taken from a URI, in UTF-16 units. */
const MAX_CHARS = 500;

/** A trace that a link names, and the server that has it when the link says so. */
export interface TraceLink {
	readonly traceId: string;
	/** Base address without a slash at the end. */
	readonly server: string | undefined;
}

/** The URI that opens a trace in VS Code: `vscode://traceway-live.traceway-live/trace/ID?server=ADDRESS`. */
export function traceUri(scheme: string, { traceId, server }: TraceLink): string {
	const query = server === undefined ? "" : `?server=${encodeURIComponent(server)}`;
	return `${scheme}://${EXTENSION_ID}/trace/${encodeURIComponent(traceId)}${query}`;
}

/**
 * Reads path and query of such a URI, both decoded, as VS Code hands them over. Anybody can make one, any web page too:
 * undefined for whatever is not exactly a trace, with an id without control characters and, if there is a server, an
 * address of HTTP without a user's name.
 */
export function parseTraceUri(path: string, query: string): TraceLink | undefined {
	const traceId = /^\/trace\/([^\p{Cc}]+)$/u.exec(path)?.[1];
	if (traceId === undefined || traceId.length > MAX_CHARS) return undefined;
	if (query === "") return { traceId, server: undefined };
	const given = /^server=(.+)$/.exec(query)?.[1];
	if (given === undefined || given.length > MAX_CHARS || !URL.canParse(given)) return undefined;
	const url = new URL(given);
	if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
	if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return undefined;
	return { traceId, server: `${url.origin}${url.pathname}`.replace(/\/+$/, "") };
}

/** Whether two base addresses name one server: a slash at the end and the names of this machine make no difference. */
export function isSameServer(a: string, b: string): boolean {
	return comparable(a) === comparable(b);
}

/** Whether an address is one of this machine alone. */
export function isLoopback(address: string): boolean {
	return URL.canParse(address) && LOOPBACK.includes(new URL(address).hostname);
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

function comparable(address: string): string {
	if (!URL.canParse(address)) return address;
	const { protocol, hostname, port, pathname } = new URL(address);
	const host = LOOPBACK.includes(hostname) ? "localhost" : hostname;
	return `${protocol}//${host}:${port}${pathname.replace(/\/+$/, "")}`;
}

/** Environment variable that names the pipe on which a window of VS Code takes links, for programs in its terminals. */
export const OPEN_PIPE_ENV = "TRACEWAY_OPEN_PIPE";

/** What the window answers on that pipe, as one line, when it took the link; anything else is why it did not. */
export const OPEN_PIPE_OK = "ok";

/** Longest link on the pipe, in bytes. */
export const MAX_LINK_BYTES = 4096;
