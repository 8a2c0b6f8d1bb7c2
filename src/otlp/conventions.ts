/**
 * Which attribute of which convention tells what, as data: OpenTelemetry GenAI (`gen_ai.*`, old and current names),
 * OpenInference (`llm.*`, `input.value`), Traceloop/OpenLLMetry (`traceloop.*`, `llm.usage.*`), the Vercel AI SDK (`ai.*`),
 * Logfire and Pydantic AI (`request_data`, `final_result`), OpenCode (`cost_usd`). The table in ARCHITECTURE.md is about this
 * file.
 */

/** What an attribute may tell. The order is that of `Picked`'s columns. */
export const FIELDS = [
	"model",
	"provider",
	"inputTokens",
	"outputTokens",
	"cacheReadTokens",
	"cacheWriteTokens",
	"reasoningTokens",
	"totalTokens",
	"cost",
	"inputCost",
	"outputCost",
	"firstTokenSeconds",
	"firstTokenMs",
	"input",
	"output",
	"toolCalls",
	"events",
	"session",
	"kind",
	"toolName",
	"agentName",
	"entityName",
	"agentRun",
	"systemName",
] as const;
export type Field = (typeof FIELDS)[number];

/** Numbers of the fields. */
export const F = Object.fromEntries(FIELDS.map((field, index) => [field, index])) as Readonly<Record<Field, number>>;

/** The names that tell a field; the first one that is there and can be used wins. */
const NAMES: Readonly<Record<Field, readonly string[]>> = {
	model: [
		"gen_ai.request.model",
		"gen_ai.response.model",
		"llm.model_name",
		"llm.request.model_name",
		"llm.response.model_name",
		"llm.request.model",
		"llm.response.model",
		"embedding.model_name",
		"reranker.model_name",
		"ai.model.id",
		"ai.response.model",
		"model_name",
	],
	provider: ["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "llm.vendor", "ai.model.provider"],
	inputTokens: [
		"gen_ai.usage.input_tokens",
		"gen_ai.usage.prompt_tokens",
		"llm.token_count.prompt",
		"llm.usage.prompt_tokens",
		"ai.usage.inputTokens",
		"ai.usage.promptTokens",
		"ai.usage.input_tokens",
		"ai.usage.tokens",
		"gen_ai.aggregated_usage.input_tokens",
	],
	outputTokens: [
		"gen_ai.usage.output_tokens",
		"gen_ai.usage.completion_tokens",
		"llm.token_count.completion",
		"llm.usage.completion_tokens",
		"ai.usage.outputTokens",
		"ai.usage.completionTokens",
		"ai.usage.output_tokens",
		"gen_ai.aggregated_usage.output_tokens",
	],
	cacheReadTokens: [
		"gen_ai.usage.cache_read.input_tokens",
		"gen_ai.usage.cache_read_input_tokens",
		"gen_ai.usage.cache_read_tokens",
		"gen_ai.usage.input_tokens.cached",
		"gen_ai.usage.details.cache_read_tokens",
		"gen_ai.usage.details.cache_read_input_tokens",
		"gen_ai.usage.details.cached_tokens",
		"llm.token_count.prompt_details.cache_read",
		"llm.usage.cache_read_input_tokens",
		"ai.usage.inputTokenDetails.cacheReadTokens",
		"ai.usage.cachedInputTokens",
		"gen_ai.aggregated_usage.cache_read.input_tokens",
		"gen_ai.aggregated_usage.details.cache_read_tokens",
	],
	cacheWriteTokens: [
		"gen_ai.usage.cache_creation.input_tokens",
		"gen_ai.usage.cache_write.input_tokens",
		"gen_ai.usage.cache_creation_input_tokens",
		"gen_ai.usage.cache_write_tokens",
		"gen_ai.usage.input_tokens.cache_write",
		"gen_ai.usage.details.cache_write_tokens",
		"gen_ai.usage.details.cache_creation_input_tokens",
		"llm.token_count.prompt_details.cache_write",
		"llm.token_count.prompt_details.cache_creation",
		"llm.token_count.cache_write",
		"llm.usage.cache_creation_input_tokens",
		"ai.usage.inputTokenDetails.cacheWriteTokens",
		"gen_ai.aggregated_usage.cache_creation.input_tokens",
		"gen_ai.aggregated_usage.details.cache_write_tokens",
	],
	reasoningTokens: [
		"gen_ai.usage.reasoning.output_tokens",
		"gen_ai.usage.reasoning_output_tokens",
		"gen_ai.usage.reasoning_tokens",
		"gen_ai.usage.output_tokens.reasoning",
		"gen_ai.usage.details.reasoning_tokens",
		"llm.token_count.completion_details.reasoning",
		"llm.usage.reasoning_tokens",
		"ai.usage.outputTokenDetails.reasoningTokens",
		"ai.usage.reasoningTokens",
		"gen_ai.aggregated_usage.reasoning.output_tokens",
		"gen_ai.aggregated_usage.details.reasoning_tokens",
	],
	totalTokens: ["gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total", "ai.usage.totalTokens"],
	cost: [
		"gen_ai.usage.cost",
		"gen_ai.usage.cost_usd",
		"gen_ai.usage.total_cost",
		"gen_ai.usage.cost.total",
		"llm.cost.total",
		"llm.usage.cost",
		"operation.cost",
		"cost_usd",
		"session.total_cost_usd",
	],
	inputCost: ["gen_ai.usage.input_cost", "llm.cost.prompt"],
	outputCost: ["gen_ai.usage.output_cost", "llm.cost.completion"],
	firstTokenSeconds: [
		"gen_ai.response.time_to_first_chunk",
		"gen_ai.client.operation.time_to_first_chunk",
		"gen_ai.response.time_to_first_token",
		"gen_ai.server.time_to_first_token",
	],
	firstTokenMs: ["ai.response.msToFirstChunk", "ai.stream.msToFirstChunk", "time_to_first_token_ms"],
	input: [
		"gen_ai.input.messages",
		"gen_ai.tool.call.arguments",
		"gen_ai.retrieval.query.text",
		"ai.prompt.messages",
		"ai.prompt",
		"ai.toolCall.args",
		"ai.value",
		"ai.values",
		"gen_ai.prompt",
		"traceloop.entity.input",
		"input.value",
		"tool.parameters",
		"request_data",
		"tool_arguments",
		"pydantic_ai.all_messages",
		"all_messages_events",
		"mcp.request.argument",
	],
	output: [
		"gen_ai.output.messages",
		"gen_ai.tool.call.result",
		"gen_ai.retrieval.documents",
		"ai.response.text",
		"ai.response.object",
		"ai.toolCall.result",
		"ai.embedding",
		"ai.embeddings",
		"ai.ranking",
		"gen_ai.completion",
		"traceloop.entity.output",
		"output.value",
		"response_data",
		"tool_response",
		"final_result",
		"mcp.response.value",
	],
	toolCalls: ["ai.response.toolCalls"],
	events: ["events"],
	session: [
		"session.id",
		"gen_ai.conversation.id",
		"gen_ai.session.id",
		"traceloop.association.properties.session_id",
		"traceloop.association.properties.sessionId",
		"ai.telemetry.metadata.sessionId",
		"ai.telemetry.metadata.session_id",
		"ai.settings.context.sessionId",
		"langfuse.session.id",
		"langsmith.trace.session_id",
		"traceloop.association.properties.thread_id",
	],
	kind: [
		"openinference.span.kind",
		"gen_ai.operation.name",
		"traceloop.span.kind",
		"ai.operationId",
		"operation.name",
		"llm.request.type",
	],
	toolName: ["gen_ai.tool.name", "tool.name", "ai.toolCall.name", "tool_call.function.name"],
	agentName: ["gen_ai.agent.name", "agent.name", "agent_name"],
	entityName: ["traceloop.entity.name", "ai.telemetry.functionId"],
	agentRun: ["final_result", "all_messages_events", "pydantic_ai.all_messages"],
	systemName: ["gen_ai.system"],
};

/** Attributes of spans that tell a field, the one that counts first. */
export function attributesOfField(field: Field): readonly string[] {
	return NAMES[field];
}

/** What a value must be to be used. */
export const ValueCheck = { any: 0, text: 1, count: 2, money: 3, content: 4, kind: 5, amount: 6 } as const;
export type ValueCheck = (typeof ValueCheck)[keyof typeof ValueCheck];

const CHECKS: Readonly<Partial<Record<Field, ValueCheck>>> = {
	inputTokens: ValueCheck.count,
	outputTokens: ValueCheck.count,
	cacheReadTokens: ValueCheck.count,
	cacheWriteTokens: ValueCheck.count,
	reasoningTokens: ValueCheck.count,
	totalTokens: ValueCheck.count,
	cost: ValueCheck.money,
	inputCost: ValueCheck.money,
	firstTokenSeconds: ValueCheck.amount,
	firstTokenMs: ValueCheck.amount,
	outputCost: ValueCheck.money,
	input: ValueCheck.content,
	output: ValueCheck.content,
	toolCalls: ValueCheck.content,
	events: ValueCheck.content,
	kind: ValueCheck.kind,
	agentRun: ValueCheck.any,
	systemName: ValueCheck.any,
};

/** What a name tells. */
export interface FieldRule {
	/** Number of the field. */
	readonly field: number;
	/** 0 is the most trusted name. */
	readonly rank: number;
	readonly check: ValueCheck;
	/** True of the names that make any span a model call (reference, section 7, and OpenCode's). */
	readonly marksModelCall: boolean;
	/** True of the names that Anthropic's API gives cached tokens, which its `input_tokens` leaves out. */
	readonly isOutsideInput: boolean;
	/** A second thing that the same name tells. */
	readonly also: FieldRule | undefined;
}

const MODEL_CALL_MARKS = new Set(["gen_ai.request.model", "gen_ai.response.model", "llm.model_name"]);

const OUTSIDE_INPUT = new Set(["gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cache_creation_input_tokens"]);

const rules = new Map<string, FieldRule>();
for (const [field, names] of Object.entries(NAMES) as [Field, readonly string[]][]) {
	for (const [rank, name] of names.entries()) {
		rules.set(name, {
			field: F[field],
			rank,
			check: CHECKS[field] ?? ValueCheck.text,
			marksModelCall: MODEL_CALL_MARKS.has(name) && field === "model",
			isOutsideInput: OUTSIDE_INPUT.has(name),
			also: rules.get(name),
		});
	}
}

/** What the attribute of a span tells. */
export function fieldRuleOf(name: string): FieldRule | undefined {
	return rules.get(name);
}

/** Attributes of `gen_ai.client.inference.operation.details` and of the events `gen_ai.content.prompt` and `.completion`. */
const EVENT_NAMES = new Set(["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.prompt", "gen_ai.completion"]);

/** What the attribute of an event tells. */
export function eventRuleOf(name: string): FieldRule | undefined {
	return EVENT_NAMES.has(name) ? rules.get(name) : undefined;
}

/** A name that is one piece of a message: `<prefix>.<index>.<path>`. */
export interface FlatRule {
	readonly side: "input" | "output";
	/** Of several prefixes on one span the one with the least rank is read. */
	readonly rank: number;
	readonly path: readonly string[];
}

const FLAT_PREFIXES = [
	["gen_ai.prompt.", "input"],
	["llm.input_messages.", "input"],
	["llm.prompts.", "input"],
	["gen_ai.completion.", "output"],
	["llm.output_messages.", "output"],
	["llm.completions.", "output"],
	["retrieval.documents.", "output"],
	["reranker.output_documents.", "output"],
] as const;

const MAX_INDEX_DIGITS = 5;
const MAX_PATH = 16;

/** The place of a piece of a message; undefined for other names, `gen_ai.prompt.name` among them. */
export function flatRuleOf(name: string): FlatRule | undefined {
	for (const [rank, [prefix, side]] of FLAT_PREFIXES.entries()) {
		if (!name.startsWith(prefix)) continue;
		const path = name.slice(prefix.length).split(".");
		if (path.length > MAX_PATH || !isIndex(path[0])) return undefined;
		return { side, rank, path };
	}
	return undefined;
}

export function isIndex(step: string): boolean {
	return step.length <= MAX_INDEX_DIGITS && /^\d+$/.test(step);
}

/** Word of a span that is a model call. */
export const MODEL_CALL = "llm_call";

/** What the words of the conventions mean, in lower case; `llm_call` is a model call, every other one an inner kind of `custom`. */
const KIND_WORDS: Readonly<Record<string, string>> = {
	// OpenInference
	llm: MODEL_CALL,
	embedding: MODEL_CALL,
	chain: "chain",
	retriever: "retrieval",
	reranker: "rerank",
	tool: "tool_call",
	agent: "agent",
	guardrail: "guardrail",
	evaluator: "evaluation",
	prompt: "prompt",
	decision: "decision",
	// OpenTelemetry GenAI
	chat: MODEL_CALL,
	text_completion: MODEL_CALL,
	generate_content: MODEL_CALL,
	embeddings: MODEL_CALL,
	execute_tool: "tool_call",
	invoke_agent: "agent",
	create_agent: "agent",
	invoke_workflow: "workflow",
	agent_step: "step",
	plan: "plan",
	retrieval: "retrieval",
	rerank: "rerank",
	create_memory: "memory",
	update_memory: "memory",
	upsert_memory: "memory",
	delete_memory: "memory",
	search_memory: "memory",
	create_memory_store: "memory",
	delete_memory_store: "memory",
	// Traceloop
	workflow: "workflow",
	task: "task",
	completion: MODEL_CALL,
	// Vercel AI SDK
	"ai.generatetext": "agent",
	"ai.streamtext": "agent",
	"ai.generateobject": "agent",
	"ai.streamobject": "agent",
	"ai.workflowagent.stream": "agent",
	"ai.generatetext.dogenerate": MODEL_CALL,
	"ai.streamtext.dostream": MODEL_CALL,
	"ai.generateobject.dogenerate": MODEL_CALL,
	"ai.streamobject.dostream": MODEL_CALL,
	"ai.embed": "embedding",
	"ai.embedmany": "embedding",
	"ai.embed.doembed": MODEL_CALL,
	"ai.embedmany.doembed": MODEL_CALL,
	"ai.rerank": "rerank",
	"ai.rerank.dorerank": "rerank",
	"ai.toolcall": "tool_call",
	"ai.generatespeech": MODEL_CALL,
	"ai.transcribe": MODEL_CALL,
	"ai.streamtranscribe": MODEL_CALL,
};

const kindWords = new Map(Object.entries(KIND_WORDS));

/** The meaning of a convention's word for what a span is; undefined for a word that says nothing. */
export function kindOfWord(word: string): string | undefined {
	const known = kindWords.get(word);
	if (known !== undefined) return known;
	// `operation.name` of the Vercel AI SDK has the function's id behind a space.
	return kindWords.get(word.split(" ", 1)[0].toLowerCase());
}

/** Names of spans that say what the span is. */
export const SPAN_NAME_KINDS: ReadonlyMap<string, string> = new Map([["opencode.session", "agent"]]);
