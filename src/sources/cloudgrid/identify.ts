import { silentLogger } from "../../base/logger.ts";
import { findingOf, tracesText } from "../identification.ts";
import type { SourceFinding, SourceProbe } from "../registry.ts";
import { decodeTracePage } from "./decode.ts";
import { GraphqlClient } from "./graphqlClient.ts";
import { Operations } from "./operations.ts";
import { CloudgridProblem } from "./problem.ts";

/** CloudGrid's default page, which every configuration allows. */
const MAX_COUNTED = 50;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** One request: its own search, for ids only. */
export async function identify({ url, fetch, token, signal }: SourceProbe): Promise<SourceFinding> {
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
		const more = page.nextCursor === undefined ? "" : "more than ";
		return { match: "yes", found: `${more}${tracesText(page.traces.length)}` };
	} catch (error) {
		const isRefusal =
			error instanceof CloudgridProblem && (error.reason === "unauthorized" || error.reason === "forbidden");
		if (!(error instanceof CloudgridProblem) || isRefusal) return findingOf(error);
		// A numbered error is CloudGrid's own way to fail: it is there, and what is wrong with it will be seen.
		return /^ERR-\d{3}$/.test(error.id ?? "") ? { match: "yes", found: error.message } : { match: "no" };
	}
}
