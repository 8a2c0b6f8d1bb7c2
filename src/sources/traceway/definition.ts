import { silentLogger } from "../../base/logger.ts";
import type { SourceDefinition } from "../registry.ts";
import { SourceError } from "../source.ts";

export const traceway: SourceDefinition = {
	type: "traceway",
	label: "Traceway",
	ports: [3000],
	identify: async ({ url, fetch, token, signal }) => {
		const [{ TracewayClient }, { decodePage }] = await Promise.all([import("./client.ts"), import("./decode.ts")]);
		const client = new TracewayClient({ url, fetch, getToken: async () => token, logger: silentLogger });
		try {
			const { value } = await client.get("/traces", { query: { limit: 1 }, maxBytes: MAX_ANSWER_BYTES, signal });
			const page = decodePage(value, "traces");
			if (page === undefined) return { match: "no" };
			const count = Math.max(page.total, page.items.length);
			return { match: "yes", found: count === 1 ? "1 trace" : `${count} traces` };
		} catch (error) {
			if (!(error instanceof SourceError)) throw error;
			if (error.reason === "unauthorized" || error.reason === "forbidden") return { match: "needsToken", error };
			if (UNLIKE.has(error.reason)) return { match: "no" };
			throw error;
		}
	},
	create: async (options) => (await import("./tracewaySource.ts")).createTracewaySource(options),
};

/** One row; whatever is larger is something else. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const UNLIKE: ReadonlySet<SourceError["reason"]> = new Set([
	"notFound",
	"gone",
	"contentType",
	"protocol",
	"tooLarge",
] as const);
