import { SeededRandom } from "../../src/cli/seededRandom.ts";
import type { WholeSpan } from "../../src/otlp/spanRecord.ts";
import { prepareKind } from "../../src/server/spanKind.ts";

/** A span as a program with a table of its own would keep it: what `JSON.stringify` and an obvious schema are given. */
export interface PlainRow {
	readonly id: string;
	readonly trace_id: string;
	readonly parent_id: string | null;
	readonly name: string;
	readonly kind: string;
	readonly model: string | null;
	readonly provider: string | null;
	readonly input_tokens: number | null;
	readonly output_tokens: number | null;
	readonly status: string;
	readonly error: string | null;
	readonly started_at: string;
	readonly ended_at: string;
	readonly input: string;
	readonly output: string;
}

export interface GeneratedSpan {
	readonly span: WholeSpan;
	readonly row: PlainRow;
}

export const SPANS_PER_TRACE = 20;
export const MODELS = ["gpt-4o-mini", "gpt-4o", "claude-sonnet-4", "gemini-2.5-pro"] as const;
const TOOLS = ["search", "read_file", "write_file", "run_tests", "fetch_page"] as const;
const SYLLABLES = "ka lo mi ter an shi ver don pre al ment ing tion re un sta gra pho lin qua ze ro bel cor".split(" ");

/** Two thousand words, the first ones far more frequent than the last ones, as in texts that people write. */
function vocabulary(random: SeededRandom): readonly string[] {
	return Array.from({ length: 2000 }, () => {
		let word = "";
		for (let count = random.integer(1, 4); count > 0; count--) word += random.pick(SYLLABLES);
		return word;
	});
}

/**
 * Spans of agents' traces, about 1 KB each, in the order in which they come; the same for the same seed. One in `phraseEvery`
 * holds the words of `PHRASE`.
 */
export class SpanSource {
	readonly #random: SeededRandom;
	readonly #words: readonly string[];
	readonly #phraseEvery: number;
	#count = 0;
	#traceId = "";
	#rootId = "";
	readonly #startMs: number;

	constructor(seed: number, startMs: number, phraseEvery = 5000) {
		this.#random = new SeededRandom(seed);
		this.#words = vocabulary(this.#random);
		this.#phraseEvery = phraseEvery;
		this.#startMs = startMs;
	}

	next(): GeneratedSpan {
		const random = this.#random;
		const at = this.#count++;
		const id = this.#hex(16);
		const isRoot = at % SPANS_PER_TRACE === 0;
		if (isRoot) {
			this.#traceId = this.#hex(32);
			this.#rootId = id;
		}
		const isCall = !isRoot && at % 2 === 0;
		const model = isCall ? MODELS[(at % 7) % MODELS.length] : null;
		const durationMs = random.durationMs(isCall ? 900 : 120);
		const startMs = this.#startMs + at * 3;
		const isFailed = at % 37 === 0;
		const name = isRoot ? "agent run" : isCall ? `chat ${model}` : random.pick(TOOLS);
		const inputTokens = isCall ? random.integer(50, 8000) : null;
		const outputTokens = isCall ? random.integer(10, 900) : null;
		const phrase = at % this.#phraseEvery === 0 ? ` ${PHRASE}` : "";
		const input = `[{"role":"user","content":"${this.#text(50)}${phrase}"}]`;
		const output = `"${this.#text(28)}"`;
		const wireKind = isCall
			? {
					type: "llm_call",
					model: model!,
					provider: "openai",
					input_tokens: inputTokens!,
					output_tokens: outputTokens!,
				}
			: { type: "custom", kind: isRoot ? "agent" : "tool_call", attributes: null };
		const span: WholeSpan = {
			id,
			traceId: this.#traceId,
			parentId: isRoot ? null : this.#rootId,
			name,
			kind: prepareKind(wireKind, undefined),
			sessionId: null,
			inputJson: input,
			outputJson: output,
			metadataJson: null,
			start: { ms: startMs, subNs: random.integer(0, 999_999) },
			end: { ms: startMs + durationMs, subNs: 0 },
			error: isFailed ? "the tool gave up" : null,
			otel: undefined,
		};
		const row: PlainRow = {
			id,
			trace_id: span.traceId,
			parent_id: span.parentId,
			name,
			kind: wireKind.type,
			model,
			provider: isCall ? "openai" : null,
			input_tokens: inputTokens,
			output_tokens: outputTokens,
			status: isFailed ? "failed" : "completed",
			error: span.error,
			started_at: new Date(startMs).toISOString(),
			ended_at: new Date(startMs + durationMs).toISOString(),
			input,
			output,
		};
		return { span, row };
	}

	take(count: number): GeneratedSpan[] {
		return Array.from({ length: count }, () => this.next());
	}

	#text(words: number): string {
		let text = "";
		for (let index = 0; index < words; index++) {
			// Squared: low numbers, which stand for frequent words, come more often.
			const dice = this.#random.next();
			text += `${this.#words[Math.floor(dice * dice * this.#words.length)]} `;
		}
		return text;
	}

	#hex(digits: number): string {
		let text = "";
		while (text.length < digits)
			text += Math.floor(this.#random.next() * 0x10000000)
				.toString(16)
				.padStart(7, "0");
		return text.slice(0, digits);
	}
}

export const PHRASE = "verification of the staging quorum";
