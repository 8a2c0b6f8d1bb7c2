import type { Api } from "./api.ts";

const KIND = { type: "llm_call", model: "gpt-4o-mini", provider: "openai" };

const QUESTION = [
	{ role: "system", content: "You are a careful travel agent. Answer in one paragraph and name your sources." },
	{ role: "user", content: "Which train takes me from Vienna to Trieste tomorrow morning, and what does it cost?" },
];

const ANSWER = {
	role: "assistant",
	content:
		"The EuroCity 151 leaves Wien Hbf at 07:58 and reaches Trieste Centrale at 17:04, with one change in Ljubljana. A " +
		"saver ticket is 39.90 € while there are seats left; the flexible fare is 98.40 €.",
};

const CALL = {
	role: "assistant",
	content: null,
	tool_calls: [
		{
			id: "call_7Jd2",
			type: "function",
			function: { name: "find_trains", arguments: '{"from":"Wien Hbf","to":"Trieste Centrale","day":"2026-11-22"}' },
		},
	],
};

const ERROR = `RateLimitError: 429 Too Many Requests
    at OpenAI.makeStatusError (/app/node_modules/openai/core.js:341:25)
    at async Agent.step (/app/src/agent.ts:118:22)
{"error":{"message":"Rate limit reached for requests per minute","type":"requests","code":"rate_limit_exceeded"}}`;

/** Ids of one trace of an agent with a model call in each state. */
export interface AgentRun {
	readonly traceId: string;
	readonly rootId: string;
	readonly completedId: string;
	readonly failedId: string;
	readonly runningId: string;
	readonly spanCount: number;
}

export const RUN_NAME = "plan a trip to Trieste";

/** Sends a trace of an agent that has called its model with success and in vain, and waits for a third answer. */
export async function sendAgentRun(api: Api): Promise<AgentRun> {
	const traceId = await api.trace(RUN_NAME, ["session:trip-41", "service:travel-agent"]);
	const rootId = await api.span(traceId, "travel agent", {
		kind: { type: "custom", kind: "agent", attributes: { "agent.name": "travel", "service.name": "travel-agent" } },
		input: { question: QUESTION[1]?.content },
	});
	const completedId = await api.span(traceId, "choose a tool", { parent_id: rootId, kind: KIND, input: QUESTION });
	await api.complete(completedId, { kind: { ...KIND, input_tokens: 1284, output_tokens: 46 }, output: CALL });
	const toolId = await api.span(traceId, "find_trains", {
		parent_id: rootId,
		kind: { type: "custom", kind: "tool", attributes: { "tool.name": "find_trains", "http.status_code": 200 } },
		input: { from: "Wien Hbf", to: "Trieste Centrale", day: "2026-11-22" },
	});
	await api.complete(toolId, { output: { trains: [{ name: "EC 151", departs: "07:58", arrives: "17:04" }] } });
	const failedId = await api.span(traceId, "write the answer", { parent_id: rootId, kind: KIND, input: QUESTION });
	await api.fail(failedId, ERROR);
	const secondId = await api.span(traceId, "write the answer again", {
		parent_id: rootId,
		kind: KIND,
		input: QUESTION,
	});
	await api.complete(secondId, { kind: { ...KIND, input_tokens: 1530, output_tokens: 212 }, output: ANSWER });
	const runningId = await api.span(traceId, "check the answer", {
		parent_id: rootId,
		kind: { ...KIND, model: "claude-sonnet-4-20250514", provider: "anthropic" },
		input: [...QUESTION, ANSWER, { role: "user", content: "Is every price in this answer supported by a source?" }],
	});
	return { traceId, rootId, completedId: secondId, failedId, runningId, spanCount: 6 };
}
