import type { SourceFinding } from "./registry.ts";
import { SourceError } from "./source.ts";

/** Answers of something else than what was asked for. */
const UNLIKE: ReadonlySet<SourceError["reason"]> = new Set([
	"notFound",
	"gone",
	"contentType",
	"protocol",
	"conflict",
	"tooLarge",
] as const);

/** What a failed request says of who is there; throws the error when it says nothing, as nobody answered. */
export function findingOf(error: unknown): Exclude<SourceFinding, { match: "yes" }> {
	if (!(error instanceof SourceError)) throw error;
	if (error.reason === "unauthorized" || error.reason === "forbidden") return { match: "needsToken", error };
	if (UNLIKE.has(error.reason)) return { match: "no" };
	throw error;
}

/** `1 trace`, `40 traces`. */
export function tracesText(count: number): string {
	return count === 1 ? "1 trace" : `${count} traces`;
}
