import { silentLogger } from "../../base/logger.ts";
import { findingOf, tracesText } from "../identification.ts";
import type { SourceFinding, SourceProbe } from "../registry.ts";
import { asObject } from "../wire.ts";
import { TracewayClient } from "./client.ts";

/** Two numbers; whatever is larger is something else. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** One request, or two at the root of the Encore backend. */
export async function identify({ url, fetch, token, signal }: SourceProbe): Promise<SourceFinding> {
	const client = new TracewayClient({ url, fetch, getToken: async () => token, logger: silentLogger });
	try {
		// Exactly these keys in every dialect; lists of traces under the same path are TraceLLM's, too.
		const { value } = await client.get("/stats", { maxBytes: MAX_ANSWER_BYTES, signal });
		const { trace_count: traces, span_count: spans } = asObject(value) ?? {};
		if (!Number.isSafeInteger(traces) || !Number.isSafeInteger(spans)) return { match: "no" };
		return { match: "yes", found: tracesText(Number(traces)) };
	} catch (error) {
		return findingOf(error);
	}
}
