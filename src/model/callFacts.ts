import { isObject, type Json, parsedJson, text } from "./messageShapes.ts";

/** How a call of a model went, as its program recorded it. */
export interface CallFacts {
	/** Why the model stopped, in the provider's own words, each once; empty when not recorded. */
	readonly finishReasons: readonly string[];
	/** Nanoseconds from the start of the call to its first token. */
	readonly firstTokenNs: number | undefined;
}

const MAX_CHOICES = 100;
const MAX_REASONS = 5;

/** Attributes with a time to first token, and nanoseconds per unit. */
const FIRST_TOKEN_KEYS: readonly (readonly [key: string, unitNs: number])[] = [
	["gen_ai.response.time_to_first_chunk", 1e9],
	["gen_ai.client.operation.time_to_first_chunk", 1e9],
	["gen_ai.server.time_to_first_token", 1e9],
	["gen_ai.response.time_to_first_token", 1e9],
	["ai.response.msToFirstChunk", 1e6],
	["ai.stream.msToFirstChunk", 1e6],
	["time_to_first_token_ms", 1e6],
];

const FINISH_KEYS = [
	"gen_ai.response.finish_reasons",
	"gen_ai.response.finish_reason",
	"ai.response.finishReason",
	"llm.finish_reason",
];

/** Facts of a call, from its attributes first, then from its answer: OpenAI, Anthropic, Gemini, Ollama, the Vercel AI SDK. */
export function callFacts(attributes: Json, output: unknown): CallFacts {
	let reasons = FINISH_KEYS.flatMap((key) => wordsOf(parsedJson(attributes[key])));
	if (reasons.length === 0) reasons = reasonsIn(parsedJson(output));
	return { finishReasons: [...new Set(reasons)].slice(0, MAX_REASONS), firstTokenNs: firstTokenNs(attributes) };
}

/** Nanoseconds from the start of a call to its first token, as its attributes say. */
export function firstTokenNs(attributes: Json): number | undefined {
	for (const [key, unitNs] of FIRST_TOKEN_KEYS) {
		const value = attributes[key];
		const number = typeof value === "string" ? Number.parseFloat(value) : value;
		if (typeof number === "number" && Number.isFinite(number) && number >= 0) return number * unitNs;
	}
	return undefined;
}

function wordsOf(value: unknown): string[] {
	const list = Array.isArray(value) ? value.slice(0, MAX_CHOICES) : [value];
	return list.map(text).filter((word) => word !== undefined);
}

function reasonsIn(output: unknown): string[] {
	if (Array.isArray(output)) return output.slice(0, MAX_CHOICES).filter(isObject).flatMap(ownReasons);
	if (!isObject(output)) return [];
	const choices = output.choices ?? output.candidates;
	return [...ownReasons(output), ...(Array.isArray(choices) ? reasonsIn(choices) : [])];
}

function ownReasons(answer: Json): string[] {
	return wordsOf(
		answer.finish_reason ?? answer.finishReason ?? answer.stop_reason ?? answer.stopReason ?? answer.done_reason,
	);
}
