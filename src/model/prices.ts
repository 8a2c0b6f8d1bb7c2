/**
 * Traceway's price table, US dollars per million tokens, input then output (reference, section 8). The name in lower case is
 * matched exactly, else by the first prefix in this order; the order matters (`gpt-4o-mini` before `gpt-4o`).
 */
const PRICES: readonly (readonly [names: readonly string[], inputUsd: number, outputUsd: number])[] = [
	[["gpt-4o-mini"], 0.15, 0.6],
	[["gpt-4o-audio"], 2.5, 10],
	[["gpt-4o"], 2.5, 10],
	[["gpt-4.1-mini"], 0.4, 1.6],
	[["gpt-4.1-nano"], 0.1, 0.4],
	[["gpt-4.1"], 2, 8],
	[["gpt-4-turbo"], 10, 30],
	[["gpt-4-32k"], 60, 120],
	[["gpt-4"], 30, 60],
	[["gpt-3.5-turbo"], 0.5, 1.5],
	[["o4-mini", "o3-mini", "o1-mini"], 1.1, 4.4],
	[["o3"], 2, 8],
	[["o1-preview", "o1"], 15, 60],
	[["claude-opus-4"], 15, 75],
	[["claude-sonnet-4", "claude-3.5-sonnet", "claude-3-5-sonnet", "claude-3-sonnet"], 3, 15],
	[["claude-3.5-haiku", "claude-3-5-haiku"], 0.8, 4],
	[["claude-3-opus"], 15, 75],
	[["claude-3-haiku"], 0.25, 1.25],
	[["gemini-2.5-pro"], 1.25, 10],
	[["gemini-2.5-flash"], 0.15, 0.6],
	[["gemini-2.0-flash"], 0.1, 0.4],
	[["gemini-1.5-pro"], 1.25, 5],
	[["gemini-1.5-flash"], 0.075, 0.3],
	[["gemini-pro"], 0.5, 1.5],
	[["mistral-large"], 2, 6],
	[["mistral-medium"], 2.7, 8.1],
	[["mistral-small"], 0.2, 0.6],
	[["codestral"], 0.3, 0.9],
	[["mixtral-8x7b"], 0.7, 0.7],
	[["mixtral-8x22b"], 2, 6],
	[["llama-3.3-70b", "llama-3.1-70b", "llama-3-70b"], 0.59, 0.79],
	[["llama-3.1-8b", "llama-3-8b"], 0.05, 0.08],
	[["command-r-plus"], 2.5, 10],
	[["command-r"], 0.15, 0.6],
	[["deepseek-chat", "deepseek-coder"], 0.14, 0.28],
	[["deepseek-reasoner"], 0.55, 2.19],
];

/** The day the table was taken, shown beside an estimate. */
export const PRICES_AS_OF = "2026-03-06";

export interface Price {
	readonly model: string;
	/** US dollars per million tokens. */
	readonly inputUsd: number;
	readonly outputUsd: number;
}

const exact = new Map<string, Price>();
const prefixes: Price[] = [];
for (const [names, inputUsd, outputUsd] of PRICES) {
	for (const model of names) {
		const price = { model, inputUsd, outputUsd };
		exact.set(model, price);
		prefixes.push(price);
	}
}

/** Answers for the models seen last; sums over a trace ask once a span. */
const known = new Map<string, Price | undefined>();
const MAX_KNOWN = 1000;

/** The price of a model, or undefined when the table does not know it. */
export function priceOf(model: string): Price | undefined {
	const before = known.get(model);
	if (before !== undefined || known.has(model)) return before;
	const name = model.toLowerCase();
	const price = exact.get(name) ?? prefixes.find((candidate) => name.startsWith(candidate.model));
	if (known.size >= MAX_KNOWN) known.clear();
	known.set(model, price);
	return price;
}

/**
 * Estimated cost in US dollars: `input · pi / 1e6 + output · po / 1e6`. Undefined when the model is unknown or both counts
 * are 0 or absent.
 */
export function estimateCostUsd(
	model: string | undefined,
	inputTokens: number | undefined,
	outputTokens: number | undefined,
): number | undefined {
	if (model === undefined || (!inputTokens && !outputTokens)) return undefined;
	const price = priceOf(model);
	if (price === undefined) return undefined;
	return ((inputTokens ?? 0) * price.inputUsd + (outputTokens ?? 0) * price.outputUsd) / 1e6;
}
