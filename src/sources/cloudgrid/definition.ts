import { silentLogger } from "../../base/logger.ts";
import type { SourceDefinition } from "../registry.ts";
import { SourceError } from "../source.ts";

export const cloudgrid: SourceDefinition = {
	type: "cloudgrid",
	label: "CloudGrid",
	ports: [3000],
	identify: async ({ url, fetch, token, signal }) => {
		const [{ GraphqlClient }, { CloudgridProblem }, { decodeTracePage }, { Operations }] = await Promise.all([
			import("./graphqlClient.ts"),
			import("./problem.ts"),
			import("./decode.ts"),
			import("./operations.ts"),
		]);
		const client = new GraphqlClient({ url, fetch, getToken: async () => token, logger: silentLogger });
		try {
			const data = await client.ask({
				operationName: "TraceSearch",
				query: new Operations().searchIds,
				variables: { input: { limit: MAX_COUNTED } },
				maxBytes: MAX_ANSWER_BYTES,
				signal,
			});
			const page = decodeTracePage(data);
			if (page === undefined) return { match: "no" };
			const count = page.traces.length;
			const more = page.nextCursor === undefined ? "" : "more than ";
			return { match: "yes", found: `${more}${count} ${count === 1 ? "trace" : "traces"}` };
		} catch (error) {
			if (!(error instanceof SourceError)) throw error;
			if (error.reason === "unauthorized" || error.reason === "forbidden") return { match: "needsToken", error };
			// A numbered error is CloudGrid's own way to fail: it is there, and what is wrong with it will be seen.
			if (error instanceof CloudgridProblem && /^ERR-\d{3}$/.test(error.id ?? ""))
				return { match: "yes", found: error.message };
			if (UNLIKE.has(error.reason) || error instanceof CloudgridProblem) return { match: "no" };
			throw error;
		}
	},
	create: async (options) => (await import("./cloudgridSource.ts")).createCloudgridSource(options),
};

/** CloudGrid's default page, which every configuration allows. */
const MAX_COUNTED = 50;
const MAX_ANSWER_BYTES = 1024 * 1024;
const UNLIKE: ReadonlySet<SourceError["reason"]> = new Set([
	"notFound",
	"gone",
	"contentType",
	"protocol",
	"conflict",
	"tooLarge",
] as const);
