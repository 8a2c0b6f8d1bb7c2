import { silentLogger } from "../../base/logger.ts";
import type { SourceDefinition } from "../registry.ts";
import { SourceError } from "../source.ts";
import { asObject } from "../wire.ts";

export const traceway: SourceDefinition = {
	type: "traceway",
	label: "Traceway",
	ports: [3000],
	identify: async ({ url, fetch, token, signal }) => {
		const { TracewayClient } = await import("./client.ts");
		const client = new TracewayClient({ url, fetch, getToken: async () => token, logger: silentLogger });
		try {
			// Exactly these keys in every dialect; lists of traces under the same path are TraceLLM's, too.
			const { value } = await client.get("/stats", { maxBytes: MAX_ANSWER_BYTES, signal });
			const { trace_count: traces, span_count: spans } = asObject(value) ?? {};
			if (!Number.isSafeInteger(traces) || !Number.isSafeInteger(spans)) return { match: "no" };
			return { match: "yes", found: traces === 1 ? "1 trace" : `${String(traces)} traces` };
		} catch (error) {
			if (!(error instanceof SourceError)) throw error;
			if (error.reason === "unauthorized" || error.reason === "forbidden") return { match: "needsToken", error };
			if (UNLIKE.has(error.reason)) return { match: "no" };
			throw error;
		}
	},
	create: async (options) => (await import("./tracewaySource.ts")).createTracewaySource(options),
};

/** Two numbers; whatever is larger is something else. */
const MAX_ANSWER_BYTES = 64 * 1024;
const UNLIKE: ReadonlySet<SourceError["reason"]> = new Set([
	"notFound",
	"gone",
	"contentType",
	"protocol",
	"tooLarge",
] as const);
