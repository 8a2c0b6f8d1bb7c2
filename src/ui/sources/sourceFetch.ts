import { readFile } from "node:fs/promises";
import { describeError, type Logger } from "../../base/logger.ts";
import type { SourceConfig } from "../../sources/source.ts";

/**
 * The fetch of a source. Normally the global one, which VS Code patches for proxies and certificates. A source with a CA
 * file of its own gets undici's, from a lazy chunk, with its own dispatcher: undici's dispatchers and the global fetch must
 * never meet.
 */
export async function fetchFor(config: Pick<SourceConfig, "caFile">, logger: Logger): Promise<typeof globalThis.fetch> {
	if (config.caFile === undefined) return (input, init) => globalThis.fetch(input, init);
	try {
		const ca = await readFile(config.caFile, "utf8");
		const { Agent, fetch } = await import("undici");
		const dispatcher = new Agent({ connect: { ca }, bodyTimeout: 0 });
		const isolated = (input: string, init: object) => fetch(input, { ...init, dispatcher });
		// Two declarations of one standard: undici's own types and the platform's.
		return isolated as unknown as typeof globalThis.fetch;
	} catch (error) {
		logger.error(`cannot use the CA file ${config.caFile}: ${describeError(error)}`);
		return (input, init) => globalThis.fetch(input, init);
	}
}
