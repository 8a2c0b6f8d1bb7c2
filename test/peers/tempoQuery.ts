import type { PeerValue, TempoSpan } from "./tempoData.ts";

/**
 * The part of TraceQL that tests need: `{ .a = "x" && .b != 2 }` or with `||` throughout, the scopes `span.`, `resource.` and none, the intrinsics
 * `name` and `status`, and one `| select(.x, …)` behind it. Anything else is refused, as Tempo refuses what it cannot parse.
 */
export interface TempoQuery {
	matches(span: TempoSpan): boolean;
	/** Names of attributes that the answer shows of each span. */
	readonly select: readonly string[];
}

const CONDITION = /^\s*(?:(resource\.|span\.|\.)([\w.-]+)|(name|status))\s*(=|!=)\s*("(?:[^"\\]|\\.)*"|[\w.-]+)\s*$/;

/** Undefined for what is no such query. */
export function parseTempoQuery(text: string): TempoQuery | undefined {
	const whole = /^\s*\{([^{}]*)\}\s*(?:\|\s*select\(([^()]*)\)\s*)?$/.exec(text);
	if (whole === null) return undefined;
	const [, inner, selected] = whole;
	const conditions: ((span: TempoSpan) => boolean)[] = [];
	const isAny = inner.includes("||");
	if (isAny && inner.includes("&&")) return undefined;
	for (const part of inner.trim() === "" ? [] : inner.split(isAny ? "||" : "&&")) {
		const found = CONDITION.exec(part);
		if (found === null) return undefined;
		const [, scope, name, intrinsic, operator, value] = found;
		const wanted = value.startsWith('"') ? (JSON.parse(value) as string) : value;
		conditions.push((span) => (String(fieldOf(span, scope, name, intrinsic)) === wanted) === (operator === "="));
	}
	const select = (selected ?? "")
		.split(",")
		.map((name) => name.trim().replace(/^(span|resource)?\./, ""))
		.filter((name) => name !== "");
	const matches = (span: TempoSpan) =>
		isAny ? conditions.some((holds) => holds(span)) : conditions.every((holds) => holds(span));
	return { matches, select };
}

function fieldOf(span: TempoSpan, scope: string | undefined, name: string, intrinsic: string | undefined): PeerValue {
	if (intrinsic === "name") return span.name;
	if (intrinsic === "status") return span.error === undefined ? "unset" : "error";
	const service = name === "service.name" ? (span.service ?? "assistant") : undefined;
	const own = span.attributes?.[name];
	return (scope === "resource." ? service : scope === "span." ? own : (own ?? service)) ?? "";
}
