import { isObject, text } from "../../model/messageShapes.ts";
import type { SpanDetail } from "../../model/span.ts";
import type { CaptureKind } from "../../protocol/messages.ts";

/** What tells who recorded a span: the name of its instrumentation, then names of attributes that only one of them writes. */
const SIGNS: readonly (readonly [kind: CaptureKind, scope: RegExp, prefixes: readonly string[]])[] = [
	["aiSdk", /^ai$/, ["ai."]],
	["pydanticAi", /^(?:pydantic-ai|logfire)/, ["logfire.", "gen_ai.aggregated_usage."]],
	["openInference", /openinference/, ["openinference.", "llm.model_name", "llm.token_count."]],
	["traceloop", /traceloop|\.openai\.v\d$/, ["traceloop.", "llm.request.type"]],
	["genAi", /./, ["gen_ai."]],
];

/** Whose setting decides whether the messages of this call are sent; `own` for a program that speaks Traceway's API itself. */
export function captureOf({ raw, attributes }: SpanDetail): CaptureKind {
	const scope = isObject(raw.scope) ? (text(raw.scope.name) ?? "") : "";
	const keys = Object.keys(attributes);
	for (const [kind, name] of SIGNS) if (kind !== "genAi" && name.test(scope)) return kind;
	for (const [kind, , prefixes] of SIGNS) {
		if (prefixes.some((prefix) => keys.some((key) => key.startsWith(prefix)))) return kind;
	}
	return scope === "" ? "own" : "genAi";
}
