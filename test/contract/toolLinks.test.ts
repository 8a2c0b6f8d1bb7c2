import { describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { ToolLinker, type ToolLinks } from "../../src/ui/panels/toolLinks.ts";
import { client, start } from "./support/testServer.ts";

/** Milliseconds of the trace; later than any server's clock would make them wrong is not a question here. */
const NOON = Date.UTC(2026, 2, 6, 12);
const time = (ms: number): string => new Date(NOON + ms).toISOString();

interface Sent {
	readonly id: string;
	readonly parent?: string;
	readonly name?: string;
	readonly kind?: object;
	readonly from: number;
	/** Undefined while it runs. */
	readonly to?: number | undefined;
	readonly input?: unknown;
	readonly output?: unknown;
}

const llm = { type: "llm_call", model: "gpt-4o" };
const tool = (attributes: object = {}) => ({ type: "custom", kind: "tool_call", attributes });
const asks = (...calls: readonly (readonly [id: string | undefined, name: string, given: unknown])[]) => ({
	role: "assistant",
	tool_calls: calls.map(([id, name, given]) => ({ id, function: { name, arguments: JSON.stringify(given) } })),
});

/** A real server with one trace of these spans, the source connected to it, and a count of the spans that were read one by one. */
async function traceOf(spans: readonly Sent[]) {
	const server = await start();
	const { post, span, trace } = client(server);
	const traceId = await trace({ id: "t" });
	for (const { parent = null, from, to, output, kind = tool(), name, ...sent } of spans) {
		const body = { ...sent, name: name ?? sent.id, kind, trace_id: traceId, parent_id: parent, started_at: time(from) };
		const id = await span(body);
		if (to !== undefined) await post(`/spans/${encodeURIComponent(id)}/complete`, { output, ended_at: time(to) });
	}
	let reads = 0;
	const source = createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url: server.url },
		logger: silentLogger,
		fetch: (input, init) => {
			if (/\/spans\/[^?]/.test(String(input))) reads++;
			return fetch(input, init);
		},
		getToken: async () => undefined,
	});
	source.connect();
	await vi.waitFor(() => expect(source.status.isLoaded).toBe(true), { timeout: 20_000, interval: 5 });
	const signal = new AbortController().signal;
	await source.loadTrace(traceId, signal);
	const linker = new ToolLinker(source.store, silentLogger);
	return {
		reads: () => reads,
		async links(spanId: string): Promise<ToolLinks> {
			const detail = await source.loadSpan(traceId, spanId, signal);
			return await linker.linksOf(detail, source, signal);
		},
		end: () => source.dispose(),
	};
}

async function withTrace(
	spans: readonly Sent[],
	run: (trace: Awaited<ReturnType<typeof traceOf>>) => Promise<void>,
): Promise<void> {
	const trace = await traceOf(spans);
	try {
		await run(trace);
	} finally {
		trace.end();
	}
}

const agent: Sent = { id: "agent", kind: { type: "custom", kind: "agent" }, from: 0, to: 10_000 };

describe("tool calls and the spans that ran them", () => {
	it("belong together by the id of the call, in both directions, whatever else is alike", () =>
		withTrace(
			[
				agent,
				{
					id: "plan",
					parent: "agent",
					kind: llm,
					from: 10,
					to: 900,
					input: [{ role: "user", content: "Look" }],
					output: asks(["c1", "look", { at: 1 }], ["c2", "look", { at: 1 }], ["c3", "look", { at: 1 }]),
				},
				{ id: "r2", parent: "agent", name: "look", kind: tool({ "gen_ai.tool.call.id": "c2" }), from: 910, to: 950 },
				{ id: "r1", parent: "agent", name: "ai.toolCall", kind: tool({ "ai.toolCall.id": "c1" }), from: 911, to: 930 },
				// LangChain: the id is in what came back.
				{ id: "r3", parent: "agent", name: "look", from: 912, to: 990, output: { content: "x", tool_call_id: "c3" } },
				{
					id: "reply",
					parent: "agent",
					kind: llm,
					from: 1_000,
					to: 2_000,
					input: [asks(["c1", "look", { at: 1 }]), { role: "tool", tool_call_id: "c1", content: "x" }],
					output: "done",
				},
			],
			async ({ links }) => {
				expect([...(await links("plan")).runs]).toEqual([
					["outputMessage-0", "r1"],
					["outputMessage-1", "r2"],
					["outputMessage-2", "r3"],
				]);
				expect([...(await links("reply")).runs]).toEqual([["inputMessage-0", "r1"]]);
				for (const id of ["r1", "r2", "r3"]) expect((await links(id)).askedBy).toBe("plan");
				expect((await links("agent")).askedBy).toBeUndefined();
			},
		));

	it("belong together by name, arguments and order where no id says it, each in its own agent", () =>
		withTrace(
			["a", "b"].flatMap((name): Sent[] => [
				{ ...agent, id: name },
				{
					id: `${name}-plan`,
					parent: name,
					kind: llm,
					from: 10,
					to: 900,
					output: asks([undefined, "look", { at: 1, deep: true }], [undefined, "look", { at: 1, deep: true }]),
				},
				{ id: `${name}-step`, parent: name, kind: { type: "custom", kind: "step" }, from: 901, to: 990 },
				{ id: `${name}-1`, parent: `${name}-step`, name: "look", input: { deep: true, at: 1 }, from: 910, to: 950 },
				{
					id: `${name}-2`,
					parent: `${name}-step`,
					name: "execute_tool look",
					input: '{"kwargs": {"at": 1, "deep": true}}',
					from: 911,
					to: undefined,
				},
				// Asked for by the next call.
				{ id: `${name}-next`, parent: name, kind: llm, from: 1_000, to: 1_100, output: asks([undefined, "look", {}]) },
				{ id: `${name}-3`, parent: name, name: "look", input: { at: 1, deep: true }, from: 1_101, to: 1_102 },
			]),
			async ({ links }) => {
				for (const name of ["a", "b"]) {
					expect([...(await links(`${name}-plan`)).runs.values()]).toEqual([`${name}-1`, `${name}-2`]);
					expect((await links(`${name}-2`)).askedBy).toBe(`${name}-plan`);
					// Its arguments are others than those that were asked for.
					expect((await links(`${name}-next`)).runs.size).toBe(0);
					expect((await links(`${name}-3`)).askedBy).toBeUndefined();
				}
			},
		));

	it("stay apart where it is in doubt: more runs than calls, another id, an id twice", () =>
		withTrace(
			[
				agent,
				{
					id: "plan",
					parent: "agent",
					kind: llm,
					from: 10,
					to: 900,
					output: asks([undefined, "look", {}], ["c2", "find", { q: 1 }], ["c3", "twice", {}]),
				},
				{ id: "r1", parent: "agent", name: "look", input: {}, from: 910, to: 920 },
				{ id: "r2", parent: "agent", name: "look", input: {}, from: 921, to: 930 },
				{
					id: "r3",
					parent: "agent",
					name: "find",
					input: { q: 1 },
					kind: tool({ "tool_call.id": "x" }),
					from: 931,
					to: 932,
				},
				{ id: "r4", parent: "agent", name: "twice", kind: tool({ "tool.call.id": "c3" }), from: 940, to: 941 },
				{ id: "r5", parent: "agent", name: "twice", kind: tool({ "tool.call.id": "c3" }), from: 942, to: 943 },
			],
			async ({ links }) => {
				expect((await links("plan")).runs.size).toBe(0);
				expect((await links("r1")).askedBy).toBeUndefined();
			},
		));

	it("mean the outer one of two spans that report the same run", () =>
		withTrace(
			[
				agent,
				{ id: "plan", parent: "agent", kind: llm, from: 10, to: 900, output: asks([undefined, "look", {}]) },
				{ id: "outer", parent: "agent", name: "look", input: {}, from: 910, to: 990 },
				{ id: "inner", parent: "outer", name: "look.tool", input: {}, from: 911, to: 980 },
			],
			async ({ links }) => {
				expect([...(await links("plan")).runs.values()]).toEqual(["outer"]);
			},
		));

	it("are looked for in a bounded number of spans, and what was read is read once", () =>
		withTrace(
			[
				agent,
				{ id: "plan", parent: "agent", kind: llm, from: 10, to: 900, output: asks(["c9", "look", {}]) },
				...Array.from({ length: 60 }, (_, at): Sent => {
					const kind = tool({ "gen_ai.tool.call.id": `c${at}` });
					return { id: `r${at}`, parent: "agent", name: "look", kind, input: {}, from: 910 + at, to: 990 + at };
				}),
			],
			async ({ links, reads }) => {
				expect([...(await links("plan")).runs.values()]).toEqual(["r9"]);
				expect(reads()).toBe(1 + 24);
				await links("plan");
				expect(reads()).toBe(2 + 24);
			},
		));

	it("may have any names and ids", () => {
		const odd = "__proto__\u0000<img src=x>\u202e💥";
		return withTrace(
			[
				agent,
				{ id: "plan", parent: "agent", kind: llm, from: 10, to: 900, output: asks([odd, odd, { [odd]: odd }]) },
				{
					id: "r1",
					parent: "agent",
					name: "constructor",
					kind: tool({ "gen_ai.tool.call.id": odd }),
					from: 910,
					to: 920,
				},
			],
			async ({ links }) => {
				expect([...(await links("plan")).runs.values()]).toEqual(["r1"]);
				expect((await links("r1")).askedBy).toBe("plan");
			},
		);
	});
});
