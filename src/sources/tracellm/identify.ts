import { silentLogger } from "../../base/logger.ts";
import { findingOf, tracesText } from "../identification.ts";
import { JsonClient } from "../jsonClient.ts";
import type { SourceFinding, SourceProbe } from "../registry.ts";
import { decodeList, decodeRoot } from "./decode.ts";

/** One document with long texts; whatever is larger is something else. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Two requests: what it says of itself, which nobody else says so, and its newest trace. */
export async function identify({ url, fetch, token, signal }: SourceProbe): Promise<SourceFinding> {
	const backend = "a TraceLLM server";
	const client = new JsonClient({ url, backend, fetch, getToken: async () => token, logger: silentLogger });
	try {
		const root = decodeRoot((await client.get("/api/", { maxBytes: MAX_ANSWER_BYTES, signal })).value);
		if (root === undefined) return { match: "no" };
		const list = await client.get("/api/traces", { query: { limit: 1 }, maxBytes: MAX_ANSWER_BYTES, signal });
		const total = decodeList(list.value)?.total;
		if (total === undefined) return { match: "no" };
		return { match: "yes", found: `${tracesText(total)} in ${storageWord(root.storage)}` };
	} catch (error) {
		return findingOf(error);
	}
}

function storageWord(storage: string): string {
	if (storage === "sqlite") return "SQLite";
	return storage === "mongodb" ? "MongoDB" : storage;
}
