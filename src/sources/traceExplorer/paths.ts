import { SourceError } from "../source.ts";

/** Path of a session's spans. Throws `SourceError` for the ids "." and "..", which no URL can carry. */
export function spansPath(sessionId: string): string {
	if (sessionId === "." || sessionId === "..") {
		throw new SourceError("unsupported", `the id "${sessionId}" cannot be asked for by its path`);
	}
	return `/api/sessions/${encodeURIComponent(sessionId.toWellFormed())}/spans`;
}
