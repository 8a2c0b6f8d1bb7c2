import { silentLogger } from "../../base/logger.ts";
import type { SourceDefinition } from "../registry.ts";
import { SourceError } from "../source.ts";

export const tracellm: SourceDefinition = {
	type: "tracellm",
	label: "TraceLLM",
	ports: [8000, 8001, 8080],
	identify: async ({ url, fetch, token, signal }) => {
		const [{ JsonClient }, { decodeList, decodeRoot }] = await Promise.all([
			import("../jsonClient.ts"),
			import("./decode.ts"),
		]);
		const client = new JsonClient({
			url,
			backend: "a TraceLLM server",
			fetch,
			getToken: async () => token,
			logger: silentLogger,
		});
		try {
			const root = decodeRoot((await client.get("/api/", { maxBytes: MAX_ANSWER_BYTES, signal })).value);
			if (root === undefined) return { match: "no" };
			const list = await client.get("/api/traces", { query: { limit: 1 }, maxBytes: MAX_ANSWER_BYTES, signal });
			const total = decodeList(list.value)?.total;
			if (total === undefined) return { match: "no" };
			return { match: "yes", found: `${total === 1 ? "1 trace" : `${total} traces`} in ${storageWord(root.storage)}` };
		} catch (error) {
			if (!(error instanceof SourceError)) throw error;
			if (error.reason === "unauthorized" || error.reason === "forbidden") return { match: "needsToken", error };
			if (UNLIKE.has(error.reason)) return { match: "no" };
			throw error;
		}
	},
	create: async (options) => (await import("./tracellmSource.ts")).createTracellmSource(options),
};

/** One document with long texts; whatever is larger is something else. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const UNLIKE: ReadonlySet<SourceError["reason"]> = new Set([
	"notFound",
	"gone",
	"contentType",
	"protocol",
	"tooLarge",
] as const);

function storageWord(storage: string): string {
	if (storage === "sqlite") return "SQLite";
	return storage === "mongodb" ? "MongoDB" : storage;
}
