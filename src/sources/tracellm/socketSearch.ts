import { SourceError } from "../source.ts";
import { type LiveSocketOptions, openLiveSocket } from "./liveSocket.ts";
import { type Candidate, candidatesOf, socketUrl, tellingError } from "./serverAddress.ts";

/** A port that answers later belongs to no program on this machine; one that hangs costs no more than this. */
const PROBE_MS = 500;
/** The configured port may be slow: it gets this long once no port was quick. */
const PATIENT_MS = 5000;

export interface SocketSearch extends Omit<LiveSocketOptions, "url" | "headers" | "handshakeMs"> {
	/** The configured base address. */
	readonly url: string;
	/** For that address only; with a token in them no other one is tried. */
	readonly secretHeaders: Readonly<Record<string, string>>;
}

export interface FoundSocket {
	/** Rejects when the connection ends. */
	readonly ended: Promise<never>;
	readonly candidate: Candidate;
}

/**
 * Opens the WebSocket at the first place where a TraceLLM proves to be. Rejects with the failure that a user can do most about, or
 * with the reason of the aborted signal.
 */
export async function findSocket(search: SocketSearch): Promise<FoundSocket> {
	const { url, secretHeaders, signal } = search;
	const candidates = candidatesOf(url, secretHeaders.authorization !== undefined);
	const errors: { readonly candidate: Candidate; readonly error: SourceError }[] = [];
	for (const candidate of candidates) {
		try {
			return await openAt(candidate, PROBE_MS, search);
		} catch (error) {
			signal.throwIfAborted();
			if (!(error instanceof SourceError)) throw error;
			errors.push({ candidate, error });
			// The configured server is there and wants something: no other one is meant.
			if (!candidate.isGuess && !LOOK_FURTHER.has(error.reason)) break;
		}
	}
	if (errors[0]?.error.reason === "timeout") return await openAt(candidates[0], PATIENT_MS, search);
	throw tellingError(errors);
}

async function openAt(candidate: Candidate, handshakeMs: number, search: SocketSearch): Promise<FoundSocket> {
	const { secretHeaders, url: _url, ...rest } = search;
	const headers = candidate.isGuess ? {} : secretHeaders;
	const { ended } = await openLiveSocket({ ...rest, url: socketUrl(candidate.base), headers, handshakeMs });
	return { ended, candidate };
}

/** What the configured place may answer while the server is at another port: nothing, or that it is something else. */
const LOOK_FURTHER: ReadonlySet<SourceError["reason"]> = new Set([
	"network",
	"timeout",
	"notFound",
	"contentType",
	"protocol",
] as const);
