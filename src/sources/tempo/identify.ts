import { silentLogger } from "../../base/logger.ts";
import { findingOf, tracesText } from "../identification.ts";
import { JsonClient } from "../jsonClient.ts";
import type { SourceFinding, SourceProbe } from "../registry.ts";
import { SourceError } from "../source.ts";
import { accessOf } from "./access.ts";
import { decodeSearch } from "./searchAnswer.ts";
import { readSettings } from "./settings.ts";

/** Most traces that are counted. */
const MAX_COUNTED = 100;
/** A big store may search for longer: then what it has stays unsaid. */
const SEARCH_MS = 3_000;
/** One page of rows; whatever is larger is something else. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Who it is, and whether it lets us search: two or three requests. */
export async function identify({ url, fetch, token, options, signal }: SourceProbe): Promise<SourceFinding> {
	const client = new JsonClient({
		url,
		backend: "a Tempo server",
		fetch,
		getToken: async () => token,
		...accessOf(readSettings({ options })),
		logger: silentLogger,
	});
	// "echo" is what Tempo says, and nobody else does. A gateway may let searches through only.
	const echo = await ask(async () => {
		const { bytes } = await client.getBytes("/api/echo", { accept: "text/plain", maxBytes: 1024, signal });
		return /^echo\s*$/.test(bytes.toString("latin1")) || undefined;
	});
	if (echo instanceof SourceError) return { match: "needsToken", error: echo };
	if (echo === undefined) {
		const count = await ask(() => recentTraces(client, signal));
		if (count instanceof SourceError) return { match: "needsToken", error: count };
		return count === undefined ? { match: "no" } : { match: "yes", found: countText(count) };
	}
	// Who it is, it tells everybody; what it has, only to whom it lets in.
	const [version, count] = await Promise.all([
		ask(() => versionOf(client, signal)).catch(isTempoAllTheSame),
		ask(() => recentTraces(client, signal)).catch(isTempoAllTheSame),
	]);
	if (count instanceof SourceError) return { match: "needsToken", error: count };
	const known = [version, count === undefined ? undefined : countText(count)].filter(
		(part) => typeof part === "string",
	);
	return { match: "yes", found: known.join(" · ") || "answers as Tempo does" };
}

/** A request that failed after it has said who it is. */
function isTempoAllTheSame(): undefined {
	return undefined;
}

/** Undefined where the answer names none. */
async function versionOf(client: JsonClient, signal: AbortSignal): Promise<string | undefined> {
	const { value } = await client.get("/api/status/buildinfo", { maxBytes: MAX_ANSWER_BYTES, signal });
	const version = typeof value === "object" && value !== null ? Reflect.get(value, "version") : undefined;
	return typeof version === "string" && /^[\w.+-]{1,40}$/.test(version) ? `version ${version}` : undefined;
}

/** Traces of the last hour, up to `MAX_COUNTED`; undefined where the answer is no list of traces. */
async function recentTraces(client: JsonClient, signal: AbortSignal): Promise<number | undefined> {
	const end = Math.ceil(Date.now() / 1000);
	const query = { q: "{}", limit: MAX_COUNTED, spss: 1, start: end - 3600, end };
	const options = { query, maxBytes: MAX_ANSWER_BYTES, timeoutMs: SEARCH_MS, signal };
	return decodeSearch((await client.get("/api/search", options)).value)?.count;
}

function countText(count: number): string {
	return `${count < MAX_COUNTED ? tracesText(count) : `${count} or more traces`} in the last hour`;
}

/** What was found, undefined for what is not like Tempo, or the refusal. @throws SourceError when nothing answers */
async function ask<T>(request: () => Promise<T>): Promise<T | SourceError | undefined> {
	try {
		return await request();
	} catch (error) {
		const finding = findingOf(error);
		return finding.match === "needsToken" ? finding.error : undefined;
	}
}
