import type { calcPrice } from "@pydantic/genai-prices";

/**
 * List prices of model calls, from the data of `@pydantic/genai-prices` (tiers, prices of cached tokens, prices that changed on
 * a day). The package finds the model, which takes 30 µs; the answer is kept and the arithmetic is done here, which takes less
 * than one. Nothing is fetched, ever: prices are those of the version that was built in.
 */

/** The version of the package and the day it was published, shown beside an estimate. A test holds both together. */
export const PRICES_VERSION = "0.1.8";
export const PRICES_AS_OF = "2026-09-23";

/** Tokens of one model call. Undefined is unknown; what is not a number of tokens counts as unknown. */
export interface PricedUsage {
	readonly model: string | undefined;
	readonly provider?: string | undefined;
	/** Everything that was sent; the cache counts are parts of it. */
	readonly inputTokens: number | undefined;
	/** Everything that came back; `reasoningTokens` is a part of it. */
	readonly outputTokens: number | undefined;
	readonly cacheReadTokens?: number | undefined;
	readonly cacheWriteTokens?: number | undefined;
	readonly reasoningTokens?: number | undefined;
	/** When the call was made, milliseconds since the epoch: prices change. Undefined is now. */
	readonly atMs?: number | undefined;
}

/**
 * Which spans are estimated where nobody said their cost: calls of models, and spans that sum up calls, whose estimate counts
 * where the calls themselves say nothing. Other spans with tokens say them for information.
 */
export function isEstimated(kindType: string, isRollup: boolean): boolean {
	return kindType === "llm_call" || isRollup;
}

export type TokenPart = "input" | "cacheRead" | "cacheWrite" | "output" | "reasoning";

/** How an estimate comes about: the sum of `tokens × usdPerMillion / 1e6` over the terms, and `requestUsd`. */
export interface CostExplanation {
	/** The name under which the price was found: `gpt-4o-mini` for `gpt-4o-mini-2024-07-18`. */
	readonly model: string;
	readonly terms: readonly { readonly part: TokenPart; readonly tokens: number; readonly usdPerMillion: number }[];
	/** Price of the call itself, 0 for most models. */
	readonly requestUsd: number;
}

/** US dollars per million tokens; with tiers the price depends on all tokens sent. */
type Rate =
	| number
	| { readonly base: number; readonly tiers: readonly { readonly start: number; readonly price: number }[] };

interface Rates {
	readonly input: Rate;
	readonly output: Rate;
	/** Undefined where the part costs what the rest of its whole costs. */
	readonly cacheRead: Rate | undefined;
	readonly cacheWrite: Rate | undefined;
	readonly reasoning: Rate | undefined;
	readonly requestUsd: number;
}

interface KnownModel {
	readonly id: string;
	/** Looks the same model up again, for another moment. */
	readonly find: (at: Date) => FoundPrice | null;
	/** Prices for all times; undefined for models whose prices depend on the day or the hour. */
	readonly rates: Rates | undefined;
	/** Prices by minute since the epoch, for the others. Undefined inside: no price per token. */
	readonly ratesByMinute: Map<number, Rates | undefined>;
}

type Calculate = typeof calcPrice;
type FoundPrice = NonNullable<ReturnType<Calculate>>;

/** Models looked up last, in all; more than one trace store ever names. */
const MAX_KNOWN = 1000;
const MAX_MINUTES = 1000;
/** A longer name is no model's. */
const MAX_WORD_LENGTH = 256;

/** What runs on the user's own machine costs nothing per token, whatever a vendor takes for the same model. */
const LOCAL_PROVIDERS = /^(?:ollama|lm[-_ ]?studio|llama[-_.]?(?:cpp|file)|local[-_]?ai|mlx|vllm)/i;

let calculate: Calculate | undefined;
let loading: Promise<void> | undefined;
/** By provider ("" for none), then by model; null for what has no price. */
const knownModels = new Map<string, Map<string, KnownModel | null>>();
let knownCount = 0;

/**
 * Loads the price data (800 kB, so a chunk of their own). Until then nothing has a price: whoever estimates waits for this
 * first. Further calls share the first one.
 */
export function loadPrices(): Promise<void> {
	loading ??= import("@pydantic/genai-prices").then(
		(prices) => {
			calculate = prices.calcPrice;
		},
		(error: unknown) => {
			loading = undefined;
			throw error;
		},
	);
	return loading;
}

/**
 * Estimated cost of a call in US dollars. Undefined when the model has no known price, both counts are 0 or unknown, or the
 * prices are not loaded. Never throws.
 *
 * A part that is greater than its whole (more cached tokens than input) was not counted in it: some instrumentations report
 * input without what the cache held. The whole is then the sum of both.
 */
export function estimateCostUsd(usage: PricedUsage): number | undefined {
	const rates = ratesOf(usage);
	if (rates === undefined) return undefined;
	const { cacheRead, cacheWrite, plainInput, reasoning, plainOutput } = splitTokens(usage);
	const sent = plainInput + cacheRead + cacheWrite;
	let input = plainInput;
	let output = plainOutput;
	// One division at the end: fewer digits that no price list has.
	let microUsd = 0;
	if (rates.cacheRead === undefined) input += cacheRead;
	else microUsd += cacheRead * rateAt(rates.cacheRead, sent);
	if (rates.cacheWrite === undefined) input += cacheWrite;
	else microUsd += cacheWrite * rateAt(rates.cacheWrite, sent);
	if (rates.reasoning === undefined) output += reasoning;
	else microUsd += reasoning * rateAt(rates.reasoning, sent);
	microUsd += input * rateAt(rates.input, sent) + output * rateAt(rates.output, sent);
	return microUsd / 1e6 + rates.requestUsd;
}

/** What `estimateCostUsd` adds up, for people; undefined when it is. Parts without tokens are left out. */
export function explainCost(usage: PricedUsage): CostExplanation | undefined {
	const rates = ratesOf(usage);
	if (rates === undefined) return undefined;
	const { cacheRead, cacheWrite, plainInput, reasoning, plainOutput } = splitTokens(usage);
	const sent = plainInput + cacheRead + cacheWrite;
	const parts: readonly (readonly [part: TokenPart, tokens: number, rate: Rate | undefined])[] = [
		[
			"input",
			plainInput + (rates.cacheRead === undefined ? cacheRead : 0) + (rates.cacheWrite === undefined ? cacheWrite : 0),
			rates.input,
		],
		["cacheRead", cacheRead, rates.cacheRead],
		["cacheWrite", cacheWrite, rates.cacheWrite],
		["output", plainOutput + (rates.reasoning === undefined ? reasoning : 0), rates.output],
		["reasoning", reasoning, rates.reasoning],
	];
	const terms = parts.flatMap(([part, tokens, rate]) =>
		rate === undefined || tokens === 0 ? [] : [{ part, tokens, usdPerMillion: rateAt(rate, sent) }],
	);
	return { model: knownModel(usage.model ?? "", usage.provider ?? "")?.id ?? "", terms, requestUsd: rates.requestUsd };
}

/** True when a price of the model is known, whatever the counts. */
export function isPriced(model: string, provider: string | undefined): boolean {
	return knownModel(model, provider ?? "") !== null;
}

function splitTokens(usage: PricedUsage): {
	readonly plainInput: number;
	readonly cacheRead: number;
	readonly cacheWrite: number;
	readonly plainOutput: number;
	readonly reasoning: number;
} {
	const input = tokens(usage.inputTokens);
	const output = tokens(usage.outputTokens);
	const cacheRead = tokens(usage.cacheReadTokens);
	const cacheWrite = tokens(usage.cacheWriteTokens);
	const reasoning = tokens(usage.reasoningTokens);
	return {
		plainInput: cacheRead + cacheWrite > input ? input : input - cacheRead - cacheWrite,
		cacheRead,
		cacheWrite,
		plainOutput: reasoning > output ? output : output - reasoning,
		reasoning,
	};
}

function tokens(count: number | undefined): number {
	return count !== undefined && count > 0 && count < Number.POSITIVE_INFINITY ? count : 0;
}

/** A tier's price holds for all tokens of a call that sends more than its start. */
function rateAt(rate: Rate, sentTokens: number): number {
	if (typeof rate === "number") return rate;
	let price = rate.base;
	for (const tier of rate.tiers) if (sentTokens > tier.start) price = tier.price;
	return price;
}

function ratesOf(usage: PricedUsage): Rates | undefined {
	const { model, provider = "", atMs } = usage;
	if (model === undefined || (tokens(usage.inputTokens) === 0 && tokens(usage.outputTokens) === 0)) return undefined;
	const known = knownModel(model, provider);
	if (known === null) return undefined;
	return known.rates ?? ratesAt(known, atMs ?? Date.now());
}

/** Prices of a moment, to the minute: no price begins or ends within one. */
function ratesAt(known: KnownModel, atMs: number): Rates | undefined {
	const minute = Math.floor((Math.abs(atMs) <= 8.64e15 ? atMs : Date.now()) / 60_000);
	const { ratesByMinute } = known;
	const before = ratesByMinute.get(minute);
	if (before !== undefined || ratesByMinute.has(minute)) return before;
	const found = known.find(new Date(minute * 60_000));
	const rates = found === null ? undefined : ratesIn(found.model_price);
	if (ratesByMinute.size >= MAX_MINUTES) ratesByMinute.clear();
	ratesByMinute.set(minute, rates);
	return rates;
}

function knownModel(model: string, provider: string): KnownModel | null {
	const before = knownModels.get(provider)?.get(model);
	if (before !== undefined) return before;
	if (calculate === undefined || model.length > MAX_WORD_LENGTH || provider.length > MAX_WORD_LENGTH) return null;
	const known = LOCAL_PROVIDERS.test(provider) ? null : findModel(calculate, model, provider);
	if (knownCount >= MAX_KNOWN) {
		knownModels.clear();
		knownCount = 0;
	}
	let models = knownModels.get(provider);
	if (models === undefined) {
		models = new Map();
		knownModels.set(provider, models);
	}
	models.set(model, known);
	knownCount++;
	return known;
}

/**
 * A model by the provider as it was said (`openai`, `openai.chat`, `x_ai`), else, because gateways name themselves, by its name
 * alone; then without the vendor in front of the name (`openai/gpt-4o`). Null when it has no price per token.
 */
function findModel(calculatePrice: Calculate, model: string, provider: string): KnownModel | null {
	const providers = provider === "" ? [] : [provider, provider.split(".", 1)[0], provider.replaceAll("_", "-")];
	const slash = model.lastIndexOf("/");
	const tail = model.slice(slash + 1);
	const attempts: (readonly [name: string, providerId: string | undefined])[] = [
		...providers.map((one) => [model, one] as const),
		[model, undefined],
	];
	if (slash > 0) attempts.push([tail, model.slice(0, slash)], [tail, undefined]);
	for (const [name, providerId] of attempts) {
		const options = providerId === undefined ? {} : { providerId };
		const found = calculatePrice({}, name, options);
		if (found === null) continue;
		const rates = ratesIn(found.model_price);
		const isFixed = !Array.isArray(found.model.prices);
		if (isFixed && rates === undefined) return null;
		return {
			id: found.model.id,
			find: (timestamp) => calculatePrice({}, name, { ...options, timestamp }),
			rates: isFixed ? rates : undefined,
			ratesByMinute: new Map(),
		};
	}
	return null;
}

/** The prices that token counts can use; undefined when there is none. */
function ratesIn(price: FoundPrice["model_price"]): Rates | undefined {
	const { input_mtok: input, output_mtok: output } = price;
	if (input === undefined && output === undefined) return undefined;
	const { requests_kcount: requests } = price;
	return {
		input: sorted(input ?? 0),
		output: sorted(output ?? 0),
		cacheRead: sorted(price.cache_read_mtok),
		cacheWrite: sorted(price.cache_write_mtok),
		reasoning: sorted(price.output_reasoning_mtok),
		requestUsd: typeof requests === "number" ? requests / 1000 : 0,
	};
}

function sorted(rate: Rate): Rate;
function sorted(rate: Rate | undefined): Rate | undefined;
function sorted(rate: Rate | undefined): Rate | undefined {
	if (rate === undefined || typeof rate === "number") return rate;
	return { base: rate.base, tiers: [...rate.tiers].sort((a, b) => a.start - b.start) };
}
