import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import type { Source } from "../../src/sources/source.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { client, start, temporaryDir } from "./support/testServer.ts";

const soon = { timeout: 20_000, interval: 5 };

/** A span as a program sends it: begun with one kind, ended with perhaps another one. Parents by place in the list. */
interface SentSpan {
	readonly parent: number | undefined;
	readonly begun: object | undefined;
	readonly ended: object | undefined;
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** Few numbers, so that spans repeat each other. */
const kind = fc.record(
	{
		type: fc.constantFrom("llm_call", "custom"),
		model: fc.constantFrom("gpt-4o", "gpt-4o-2024-08-06", "claude-3-haiku", "nobody's"),
		provider: fc.constantFrom("openai", "my-gateway"),
		input_tokens: fc.nat(2),
		output_tokens: fc.nat(2),
		cache_read_tokens: fc.nat(1),
		reasoning_tokens: fc.nat(1),
		cost: fc.constantFrom(0, 0.1, 1 / 3),
		usage_scope: fc.constantFrom("subtree", "self"),
	},
	{ requiredKeys: ["type"] },
);
const programs: fc.Arbitrary<readonly SentSpan[]> = fc.array(
	fc.record({ parent: maybe(fc.nat(7)), begun: maybe(kind), ended: maybe(kind) }),
	{ minLength: 1, maxLength: 8 },
);

function connect(url: string): Source {
	const source = createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
	});
	source.connect();
	return source;
}

/** What the extension shows of the sums of a trace, in the words of the wire. */
function shown({ store }: Source, traceId: string) {
	const summary = store.summary(traceId);
	return {
		input_tokens: summary?.inputTokens,
		output_tokens: summary?.outputTokens,
		total_cost: summary?.costUsd,
	};
}

it("shows live what the server says of a trace, and after a restart what both said before", {
	timeout: 60_000,
}, async () => {
	const dataDir = temporaryDir();
	const first = await start({ dataDir });
	const { get, post, span, trace, delete: remove } = client(first);
	const source = connect(first.url);
	const said = new Map<string, object>();
	try {
		await vi.waitFor(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }), soon);
		await fc.assert(
			fc.asyncProperty(programs, fc.boolean(), maybe(fc.nat(7)), async (spans, isReversed, gone = 99) => {
				const traceId = await trace({ id: `t${said.size}` });
				const id = (place: number) => `${traceId}-${place}`;
				const places = isReversed ? [...spans.keys()].reverse() : [...spans.keys()];
				for (const place of places) {
					const { parent, begun } = spans[place];
					const parentId = parent === undefined ? null : id(parent);
					await span({ id: id(place), trace_id: traceId, parent_id: parentId, kind: begun });
				}
				for (const place of places) await post(`/spans/${id(place)}/complete`, { kind: spans[place].ended });
				// One that is deleted leaves its children without a parent.
				const spanCount = gone < spans.length ? spans.length - 1 : spans.length;
				if (spanCount < spans.length) await remove(`/spans/${id(gone)}`);
				await vi.waitFor(
					() => expect(source.store.summary(traceId)).toMatchObject({ spanCount, runningCount: 0 }),
					soon,
				);
				const { input_tokens, output_tokens, total_cost } = (await get(`/traces/${traceId}`)).json.trace;
				said.set(traceId, { input_tokens, output_tokens, total_cost });
				expect(shown(source, traceId)).toEqual(said.get(traceId));
			}),
			{ numRuns: 60, endOnFailure: true },
		);
	} finally {
		source.dispose();
	}
	await first.close();
	const second = await start({ dataDir });
	const again = connect(second.url);
	try {
		await vi.waitFor(() => expect(again.status).toMatchObject({ state: { name: "open" }, isLoaded: true }), soon);
		for (const [traceId, sums] of said) {
			const { input_tokens, output_tokens, total_cost } = (await client(second).get(`/traces/${traceId}`)).json.trace;
			expect({ input_tokens, output_tokens, total_cost }).toEqual(sums);
			expect(shown(again, traceId)).toEqual(sums);
		}
	} finally {
		again.dispose();
	}
});
