import { silentLogger } from "../../base/logger.ts";
import type { SourceDefinition } from "../registry.ts";
import { SourceError } from "../source.ts";

/** Grafana Tempo, and what answers as it does: gateways before it, Grafana Cloud Traces. */
export const tempo: SourceDefinition = {
	type: "tempo",
	label: "Grafana Tempo",
	ports: [3200],
	identify: async ({ url, fetch, token, signal }) => {
		const [{ JsonClient }, { decodeSearch }] = await Promise.all([
			import("../jsonClient.ts"),
			import("./searchAnswer.ts"),
		]);
		const client = new JsonClient({
			url,
			backend: "a Tempo server",
			fetch,
			getToken: async () => token,
			logger: silentLogger,
		});
		// "echo" is what Tempo says, and nobody else does. A gateway may let searches through only.
		const echo = await ask(async () => {
			const { bytes } = await client.getBytes("/api/echo", { accept: "text/plain", maxBytes: 1024, signal });
			return /^echo\s*$/.test(bytes.toString("latin1"));
		});
		if (echo instanceof SourceError) return { match: "needsToken", error: echo };
		const second = await ask(async () => {
			if (echo === true) {
				const { value } = await client.get("/api/status/buildinfo", { maxBytes: MAX_ANSWER_BYTES, signal });
				const version = typeof value === "object" && value !== null ? Reflect.get(value, "version") : undefined;
				return typeof version === "string" && /^[\w.+-]{1,40}$/.test(version) ? `version ${version}` : undefined;
			}
			const query = { q: "{}", limit: 1, spss: 1 };
			const { value } = await client.get("/api/search", { query, maxBytes: MAX_ANSWER_BYTES, signal });
			const answer = decodeSearch(value);
			if (answer === undefined) return undefined;
			return answer.count === 0 ? "no recent traces" : "recent traces";
		});
		if (echo === true) return { match: "yes", found: typeof second === "string" ? second : "answers as Tempo does" };
		if (second instanceof SourceError) return { match: "needsToken", error: second };
		return second === undefined ? { match: "no" } : { match: "yes", found: second };
	},
	create: async (options) => (await import("./tempoSource.ts")).createTempoSource(options),
};

/** One row; whatever is larger is something else. */
const MAX_ANSWER_BYTES = 1024 * 1024;

const UNLIKE: ReadonlySet<SourceError["reason"]> = new Set([
	"notFound",
	"gone",
	"contentType",
	"protocol",
	"tooLarge",
] as const);

/** What was found, undefined for what is not like Tempo, or the refusal. @throws SourceError when nothing answers */
async function ask<T>(request: () => Promise<T>): Promise<T | SourceError | undefined> {
	try {
		return await request();
	} catch (error) {
		if (!(error instanceof SourceError)) throw error;
		if (error.reason === "unauthorized" || error.reason === "forbidden") return error;
		if (UNLIKE.has(error.reason)) return undefined;
		throw error;
	}
}
