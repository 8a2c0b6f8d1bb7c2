import { SourceError } from "../source.ts";
import { asObject, decodeId } from "../wire.ts";
import { pathOf, type TracewayClient } from "./client.ts";

/**
 * Ids of the traces that have a part in a session, oldest first. Only our own server and the documents' newest API have sessions.
 *
 * @throws SourceError `notFound` when the server does not have this session, `unsupported` when it has none at all.
 */
export async function getSessionTraces(
	client: TracewayClient,
	sessionId: string,
	signal: AbortSignal,
): Promise<readonly string[]> {
	const traces = asObject(await getSession(client, sessionId, signal))?.traces;
	if (!Array.isArray(traces)) throw unsupported();
	return traces.map((trace) => decodeId(asObject(trace)?.id)).filter((id) => id !== undefined);
}

async function getSession(client: TracewayClient, sessionId: string, signal: AbortSignal): Promise<unknown> {
	try {
		return (await client.get(pathOf("sessions", sessionId), { signal })).value;
	} catch (error) {
		// A page that a server gives for every unknown path is no JSON.
		if (error instanceof SourceError && ["gone", "contentType"].includes(error.reason)) throw unsupported(error);
		throw error;
	}
}

function unsupported(cause?: unknown): SourceError {
	return new SourceError("unsupported", "this server knows no sessions", { cause });
}
