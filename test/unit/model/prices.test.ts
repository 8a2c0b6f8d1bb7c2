import { readFileSync } from "node:fs";
import { calcPrice } from "@pydantic/genai-prices";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
	estimateCostUsd,
	explainCost,
	isPriced,
	loadPrices,
	PRICES_VERSION,
	type PricedUsage,
} from "../../../src/model/prices.ts";

const million = { inputTokens: 1e6, outputTokens: 1e6 };

function costOf(model: string, provider?: string, more: Partial<PricedUsage> = {}): number | undefined {
	return estimateCostUsd({ model, provider, ...million, ...more });
}

it("knows no price before the prices are loaded, and forgets that it did not", async () => {
	expect(costOf("gpt-4o-mini")).toBeUndefined();
	await Promise.all([loadPrices(), loadPrices()]);
	expect(costOf("gpt-4o-mini")).toBe(0.75);
});

it("names the version of the package that is built in", () => {
	const url = new URL("../../../node_modules/@pydantic/genai-prices/package.json", import.meta.url);
	expect(JSON.parse(readFileSync(url, "utf8"))).toMatchObject({ version: PRICES_VERSION });
});

describe("estimateCostUsd", () => {
	beforeAll(loadPrices);

	it.each([
		["gpt-4o-mini", undefined, 0.75],
		["gpt-4o-mini-2024-07-18", undefined, 0.75],
		["GPT-4o-Mini", "OpenAI", 0.75],
		["gpt-4o-mini", "openai.responses", 0.75],
		["gpt-4o-mini", "azure.ai.openai", 0.75],
		["openai/gpt-4o-mini", undefined, 0.75],
		["openai/gpt-4o-mini", "openrouter", 0.75],
		["openai/gpt-4o-mini", "my-gateway", 0.75],
		["gpt-4o", undefined, 12.5],
		["claude-3-5-haiku-20241022", "anthropic.messages", 4.8],
		["us.anthropic.claude-3-5-sonnet-20241022-v2:0", "aws.bedrock", 18],
		["llama-3.3-70b-versatile", "groq.chat", 1.38],
		["grok-3", "x_ai", 18],
		["text-embedding-3-small", "openai", 0.02],
	])("prices a million tokens each of %s by %s", (model, provider, usd) => {
		expect(costOf(model, provider)).toBeCloseTo(usd, 12);
	});

	it("does not lose a known model to a provider that it does not know", () => {
		for (const provider of ["", "nope", "litellm-proxy", "__proto__", "x".repeat(256)]) {
			expect(costOf("gpt-4o-mini", provider)).toBe(0.75);
		}
	});

	it("takes nothing for what runs on one's own machine", () => {
		for (const provider of ["ollama", "ollama.chat", "LM Studio", "lmstudio", "llama.cpp", "vllm"]) {
			expect(costOf("gpt-oss-20b", provider)).toBeUndefined();
		}
	});

	it("is unknown without a model, a price or a token", () => {
		expect(estimateCostUsd({ model: undefined, ...million })).toBeUndefined();
		for (const model of ["", "gpt", "no such model", "gpt-4-77", "constructor", "x".repeat(5000)]) {
			expect(costOf(model)).toBeUndefined();
			expect(isPriced(model, undefined)).toBe(false);
		}
		for (const nothing of [undefined, 0, Number.NaN, -1, Number.POSITIVE_INFINITY]) {
			expect(costOf("gpt-4o", undefined, { inputTokens: nothing, outputTokens: nothing })).toBeUndefined();
		}
		// Priced by the hour of sound.
		expect(costOf("whisper-large-v3", "groq")).toBeUndefined();
	});

	it("counts cached tokens as parts of the input, at their own prices", () => {
		const usage = { inputTokens: 10_000, outputTokens: 0, cacheReadTokens: 6000, cacheWriteTokens: 3000 };
		const cost = costOf("claude-3-5-sonnet-20241022", "anthropic", usage);
		expect(cost).toBeCloseTo((1000 * 3 + 6000 * 0.3 + 3000 * 3.75) / 1e6, 12);
		// No price for cached tokens: they cost what input costs.
		expect(costOf("gpt-3.5-turbo-16k", "openai", usage)).toBeCloseTo((10_000 * 3) / 1e6, 12);
	});

	it("adds parts that are greater than their whole, which then was counted without them", () => {
		const usage = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 1000, reasoningTokens: 20 };
		expect(costOf("gpt-4o", undefined, usage)).toBeCloseTo((10 * 2.5 + 1000 * 1.25 + 25 * 10) / 1e6, 12);
	});

	it("takes the tier by all tokens sent, for all tokens", () => {
		const at = (inputTokens: number) => costOf("gemini-2.5-pro", "google", { inputTokens, outputTokens: 1000 });
		expect(at(200_000)).toBeCloseTo((200_000 * 1.25 + 1000 * 10) / 1e6, 12);
		expect(at(200_001)).toBeCloseTo((200_001 * 2.5 + 1000 * 15) / 1e6, 12);
	});

	it("takes the price of the day and hour of the call", () => {
		const at = (time: string) => costOf("o3", "openai", { atMs: Date.parse(time) });
		expect(at("2025-06-09T23:59:59Z")).toBeCloseTo(50, 12);
		expect(at("2025-06-10T00:00:00Z")).toBeCloseTo(10, 12);
		const night = costOf("deepseek-chat", "deepseek", { atMs: Date.parse("2025-03-01T20:00:00Z") });
		const day = costOf("deepseek-chat", "deepseek", { atMs: Date.parse("2025-03-01T01:00:00Z") });
		expect(night).not.toBe(day);
		expect(costOf("o3", "openai", { atMs: Number.NaN })).toBeCloseTo(10, 12);
		expect(costOf("o3", "openai", { atMs: 1e300 })).toBeCloseTo(10, 12);
	});

	it("answers the same after thousands of other models and minutes", () => {
		const before = [costOf("gpt-4o"), costOf("no such model")];
		for (let index = 0; index < 3000; index++) expect(costOf(`no-${index}`)).toBeUndefined();
		for (let index = 0; index < 3000; index++) costOf("o3", "openai", { atMs: index * 60_000 });
		expect([costOf("gpt-4o"), costOf("no such model")]).toEqual(before);
	});

	const MODELS: readonly (readonly [model: string, provider: string])[] = [
		["gpt-4o-mini", "openai"],
		["o3", "openai"],
		["gpt-5.6-sol", "openai"],
		["claude-sonnet-4-5", "anthropic"],
		["claude-opus-4-6", "anthropic"],
		["claude-3-haiku-20240307", "anthropic"],
		["gemini-2.5-pro", "google"],
		["gemini-2.0-flash", "google"],
		["deepseek-chat", "deepseek"],
		["deepseek-v4-pro", "deepseek"],
		["sonar-pro", "perplexity"],
		["sonar-deep-research", "perplexity"],
		["mistral-medium-latest", "mistral"],
		["text-embedding-3-small", "openai"],
		["anthropic/claude-3.5-sonnet", "openrouter"],
	];
	const share = fc.double({ min: 0, max: 1, noNaN: true });
	const calls = fc.record({
		which: fc.constantFrom(...MODELS),
		input: fc.oneof(fc.nat(500), fc.nat(1_000_000)),
		output: fc.oneof(fc.nat(500), fc.nat(100_000)),
		cached: share,
		written: share,
		reasoned: share,
		atMs: fc.integer({ min: Date.parse("2024-01-01"), max: Date.parse("2028-01-01") }),
	});

	it("is what the package computes, for any call at any time", () => {
		fc.assert(
			fc.property(calls, ({ which: [model, provider], input, output, cached, written, reasoned, atMs }) => {
				fc.pre(input + output > 0);
				const cacheRead = Math.floor(input * cached);
				const cacheWrite = Math.floor((input - cacheRead) * written);
				const reasoning = Math.floor(output * reasoned);
				const parts = { cacheReadTokens: cacheRead, cacheWriteTokens: cacheWrite, reasoningTokens: reasoning };
				const usage = { model, provider, inputTokens: input, outputTokens: output, ...parts, atMs };
				const theirs = calcPrice(
					{
						input_tokens: input,
						output_tokens: output,
						cache_read_tokens: cacheRead,
						cache_write_tokens: cacheWrite,
						output_reasoning_tokens: reasoning,
					},
					model,
					{ providerId: provider, timestamp: new Date(atMs) },
				);
				expect(estimateCostUsd(usage)).toBeCloseTo(theirs?.total_price ?? Number.NaN, 9);
				const explained = explainCost(usage);
				const sum = (explained?.terms ?? []).reduce((usd, term) => usd + (term.tokens * term.usdPerMillion) / 1e6, 0);
				expect(sum + (explained?.requestUsd ?? 0)).toBeCloseTo(theirs?.total_price ?? Number.NaN, 9);
			}),
			{ numRuns: 1000 },
		);
	});

	it("is a cost or unknown for whatever counts and words", () => {
		const count = fc.oneof(fc.constant(undefined), fc.double(), fc.nat());
		const word = fc.oneof(
			fc.string(),
			fc.constantFrom("gpt-4o", "claude-3-haiku", "a/b/gpt-4o", "/", "anthropic", "litellm"),
		);
		fc.assert(
			fc.property(
				fc.record({
					model: fc.option(word, { nil: undefined }),
					provider: fc.option(word, { nil: undefined }),
					inputTokens: count,
					outputTokens: count,
					cacheReadTokens: count,
					cacheWriteTokens: count,
					reasoningTokens: count,
					atMs: count,
				}),
				(usage) => {
					const cost = estimateCostUsd(usage);
					expect(cost === undefined || cost >= 0).toBe(true);
					expect(explainCost(usage) === undefined).toBe(cost === undefined);
				},
			),
		);
	});
});
