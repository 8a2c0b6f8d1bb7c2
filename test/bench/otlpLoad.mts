/** OTLP export requests as a busy program sends them. */

/** Spans of one request: what the batch processors of the SDKs send at most. */
export const BATCH_SPANS = 512;

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const int = (key: string, intValue: number) => ({ key, value: { intValue: String(intValue) } });
const double = (key: string, doubleValue: number) => ({ key, value: { doubleValue } });

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

/**
 * A request of model calls: 12 GenAI attributes and messages of about `messageChars` characters together. Requests of different
 * numbers share no ids.
 */
export function genAiRequest(messageChars: number, number = 0) {
	const spans = Array.from({ length: BATCH_SPANS }, (_, index) =>
		genAiSpan(number * BATCH_SPANS + index, messageChars),
	);
	return {
		resourceSpans: [
			{
				resource: { attributes: [text("service.name", "assistant"), text("telemetry.sdk.language", "nodejs")] },
				scopeSpans: [{ scope: { name: "gen_ai", version: "1.2.3" }, spans }],
			},
		],
	};
}

function genAiSpan(index: number, messageChars: number) {
	const startMs = 1_772_787_600_000 + index * 3;
	const [question, answer] = [0.65, 0.35].map((share) => sentence(index, Math.floor(messageChars * share) - 70));
	return {
		traceId: hex(0xabc000 + Math.floor(index / 16), 8).padStart(32, "5be9"),
		spanId: hex(0x9000 + index, 16).replace(/^0/, "e"),
		parentSpanId: index % 16 === 0 ? "" : hex(0x9000 + index - 1, 16).replace(/^0/, "e"),
		name: "chat gpt-4o-mini",
		kind: 3,
		startTimeUnixNano: `${startMs}${String((index * 7919) % 1_000_000).padStart(6, "0")}`,
		endTimeUnixNano: `${startMs + 850}${String((index * 104_729) % 1_000_000).padStart(6, "0")}`,
		attributes: [
			text("gen_ai.operation.name", "chat"),
			text("gen_ai.provider.name", index % 3 === 0 ? "anthropic" : "openai"),
			text("gen_ai.request.model", "gpt-4o-mini"),
			text("gen_ai.response.model", "gpt-4o-mini-2024-07-18"),
			text("gen_ai.response.id", `chatcmpl-${hex(index * 2_654_435_761, 24)}`),
			text("gen_ai.conversation.id", `conv_${Math.floor(index / 64)}`),
			double("gen_ai.request.temperature", 0.2),
			int("gen_ai.request.max_tokens", 1024),
			int("gen_ai.usage.input_tokens", 200 + index),
			int("gen_ai.usage.output_tokens", 40 + (index % 97)),
			text("server.address", "api.openai.com"),
			{ key: "gen_ai.response.finish_reasons", value: { arrayValue: { values: [{ stringValue: "stop" }] } } },
			text("gen_ai.input.messages", messages("user", question)),
			text("gen_ai.output.messages", messages("assistant", answer)),
		],
		status: {},
	};
}

function messages(role: string, content: string): string {
	return JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
}

const WORDS = "what is the weather like in Paris today and should I take an umbrella with me when I go out ".split(" ");

function sentence(seed: number, chars: number): string {
	let result = "";
	for (let index = seed; result.length < chars; index++) result += `${WORDS[index % WORDS.length]} `;
	return result.slice(0, Math.max(0, chars));
}
