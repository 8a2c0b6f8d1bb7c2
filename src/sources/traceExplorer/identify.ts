import { silentLogger } from "../../base/logger.ts";
import { OVERVIEW_BUCKETS } from "../../model/overview.ts";
import { findingOf } from "../identification.ts";
import { JsonClient } from "../jsonClient.ts";
import type { SourceFinding, SourceProbe } from "../registry.ts";
import { SourceError } from "../source.ts";
import { asObject, decodeNumber } from "../wire.ts";

const MAX_HEALTH_BYTES = 4096;
const MAX_OVERVIEW_BYTES = 4 * 1024 * 1024;
/** Two requests: is it well, and does it count as nobody else does. */
export async function identify({ url, fetch, token, signal }: SourceProbe): Promise<SourceFinding> {
	const backend = "a Trace Explorer";
	const client = new JsonClient({ url, backend, fetch, getToken: async () => token, logger: silentLogger });
	let isHealthy = false;
	try {
		const health = await client.get("/api/health", { maxBytes: MAX_HEALTH_BYTES, signal });
		isHealthy = asObject(health.value)?.status === "ok";
		if (!isHealthy) return { match: "no" };
		// Many servers are healthy; nobody else counts in 60 buckets of nanoseconds.
		const options = { query: { range: "1h" }, maxBytes: MAX_OVERVIEW_BYTES, signal };
		const overview = asObject((await client.get("/api/overview", options)).value);
		const buckets = asObject(overview?.timeseries)?.bucket_starts_ns;
		const count = decodeNumber(overview?.total_sessions);
		if (count === undefined || !Array.isArray(buckets) || buckets.length !== OVERVIEW_BUCKETS) return { match: "no" };
		return { match: "yes", found: `${count === 1 ? "1 session" : `${count} sessions`} in the last hour` };
	} catch (error) {
		// It answers in the way of FastAPI when its Tempo does not.
		const isTempoAway = isHealthy && error instanceof SourceError && error.reason === "serverError";
		return isTempoAway ? { match: "yes", found: "its Tempo does not answer" } : findingOf(error);
	}
}
