import { SeededRandom } from "./seededRandom.ts";

/**
 * What the demo sends, made up before it is sent: one tree of spans per trace, from a seed and the trace's number alone, so
 * that the same seed gives the same traces whatever the order in which they are played.
 */

/** `kind` of a span as Traceway's API takes it. */
export type DemoKind =
	| {
			readonly type: "llm_call";
			readonly model: string;
			readonly provider: string;
			readonly input_tokens?: number;
			readonly output_tokens?: number;
			readonly cost?: number;
			readonly first_token_ms?: number;
			readonly agent_name?: string;
	  }
	| { readonly type: "fs_read"; readonly path: string; readonly file_version?: string; readonly bytes_read: number }
	| { readonly type: "fs_write"; readonly path: string; readonly file_version: string; readonly bytes_written: number }
	| { readonly type: "custom"; readonly kind: string; readonly attributes: Readonly<Record<string, unknown>> };

export interface DemoSpan {
	readonly name: string;
	readonly kind: DemoKind;
	readonly input?: unknown;
	/** Time of its own, spent before and after the children, milliseconds. */
	readonly selfMs: number;
	readonly children: readonly DemoSpan[];
	/** Children all at once instead of one after the other. */
	readonly isParallel: boolean;
	readonly result:
		| { readonly type: "completed"; readonly output?: unknown; readonly kind?: DemoKind }
		| { readonly type: "failed"; readonly error: string };
}

export interface DemoTrace {
	readonly name: string;
	readonly tags: readonly string[];
	readonly root: DemoSpan;
}

interface Model {
	readonly name: string;
	readonly provider: string;
	/** Median time of a call, milliseconds. */
	readonly medianMs: number;
	/** US dollars per output token that the provider reports itself; absent for models that the price table knows. */
	readonly usdPerToken?: number;
}

const MODELS: readonly Model[] = [
	{ name: "gpt-4o-mini", provider: "openai", medianMs: 700 },
	{ name: "gpt-4o", provider: "openai", medianMs: 1500 },
	{ name: "claude-sonnet-4-20250514", provider: "anthropic", medianMs: 1900 },
	{ name: "claude-3-5-haiku-latest", provider: "anthropic", medianMs: 800 },
	{ name: "gemini-2.5-flash", provider: "google", medianMs: 600 },
	{ name: "llama-3.1-8b-instruct", provider: "groq", medianMs: 250 },
	// A model that nobody has a price for, and one whose provider says the cost.
	{ name: "qwen3-coder:30b", provider: "ollama", medianMs: 2600 },
	{ name: "sonar-pro", provider: "perplexity", medianMs: 1700, usdPerToken: 0.000015 },
];

const CUSTOMERS = ["Amara Okafor", "Jonas Weiß", "Mei Tanaka", "Lucía Fernández", "Sam O'Neill", "Priya Raman"];
const ORDERS = ["A-10472", "A-10519", "B-20033", "C-31108", "C-31977"];
const QUESTIONS = [
	"Where is my order? It should have arrived on Monday.",
	"I was charged twice for the same subscription, please fix that.",
	"Can I change the delivery address after the parcel has left?",
	"The app signs me out every few minutes since the last update.",
	"How do I export all of my invoices of last year as one file?",
	"¿Puedo cambiar el plan a mitad de mes sin perder los créditos?",
	"日本の住所にも配送できますか？送料も教えてください。",
];
const TOPICS = [
	"effects of heat pumps on the winter peak of the grid",
	"retrieval with late interaction against plain embeddings",
	"state of WebAssembly components in 2026",
	"why SQLite is fast enough for single-node services",
	"sleep and memory consolidation in adults over 60",
];
const FILES = [
	"src/billing/invoice.ts",
	"src/billing/tax.ts",
	"src/http/retry.ts",
	"src/queue/worker.ts",
	"docs/runbook.md",
	"test/invoice.test.ts",
];

const FAILURES = {
	rateLimit: `RateLimitError: 429 Too Many Requests
    at OpenAI.makeStatusError (/app/node_modules/openai/core.js:341:25)
    at OpenAI.makeRequest (/app/node_modules/openai/core.js:385:30)
    at async Agent.step (/app/src/agent.ts:118:22)
{"error":{"message":"Rate limit reached for requests per minute","type":"requests","code":"rate_limit_exceeded"}}`,
	timeout: `httpx.ReadTimeout: The read operation timed out
Traceback (most recent call last):
  File "/app/agent/tools/http.py", line 58, in fetch
    response = await client.get(url, timeout=10.0)
  File "/usr/lib/python3.12/site-packages/httpx/_client.py", line 1768, in get
    return await self.request("GET", url)
httpx.ReadTimeout: The read operation timed out`,
	schema: `ValidationError: the model's answer does not match the schema
  - /items/3/amount: must be number, is string ("12,90")
  - /items/3: must have required property "currency"
  - /total: must be >= 0`,
	sql: `psycopg.errors.UndefinedColumn: column o.region does not exist
LINE 3: GROUP BY o.region
                 ^
HINT:  Perhaps you meant to reference the column "c.region".`,
	context: `BadRequestError: 400 This model's maximum context length is 128000 tokens. However, your messages resulted in 131742 tokens.
Please reduce the length of the messages.`,
} as const;

interface Message {
	readonly role: "system" | "user" | "assistant" | "tool";
	readonly content: string;
	readonly tool_call_id?: string;
}

/** Roughly four characters a token, as English has it. */
function tokensOf(value: unknown): number {
	return Math.max(1, Math.round(JSON.stringify(value).length / 4));
}

function custom(kind: string, attributes: Readonly<Record<string, unknown>> = {}): DemoKind {
	return { type: "custom", kind, attributes };
}

const completed = (output?: unknown): DemoSpan["result"] => ({ type: "completed", output });
const failed = (error: string): DemoSpan["result"] => ({ type: "failed", error });

/** A span without children that takes `selfMs`. */
function leaf(name: string, kind: DemoKind, selfMs: number, input: unknown, result: DemoSpan["result"]): DemoSpan {
	return { name, kind, selfMs, input, result, children: [], isParallel: false };
}

function llmCall(random: SeededRandom, name: string, messages: readonly Message[], answer: unknown): DemoSpan {
	const model = random.pick(MODELS);
	const kind: DemoKind = { type: "llm_call", model: model.name, provider: model.provider };
	const selfMs = random.durationMs(model.medianMs);
	if (random.isTrue(0.03)) {
		const error = random.pick([FAILURES.rateLimit, FAILURES.context]);
		return leaf(name, kind, selfMs, messages, failed(error));
	}
	// Prompts of real agents are longer than what is written here: count the part that a template would add.
	const inputTokens = tokensOf(messages) + random.integer(120, 2400);
	const outputTokens = tokensOf(answer);
	const cost = model.usdPerToken === undefined ? {} : { cost: Number((model.usdPerToken * outputTokens).toFixed(6)) };
	// Long prompts wait longer for the first token of their answer.
	const waitShare = 0.1 + 0.4 * (inputTokens / (inputTokens + 2000));
	const finalKind: DemoKind = {
		...kind,
		input_tokens: inputTokens,
		output_tokens: outputTokens,
		...cost,
		first_token_ms: Math.round(selfMs * waitShare),
	};
	return leaf(name, kind, selfMs, messages, { type: "completed", output: answer, kind: finalKind });
}

function retrieval(random: SeededRandom, query: string, index: string): DemoSpan {
	const documents = Array.from({ length: random.integer(3, 6) }, (_, rank) => ({
		id: `${index}/${random.integer(100, 999)}`,
		score: Number((0.92 - rank * 0.07 - random.next() * 0.03).toFixed(3)),
		text: random.pick([
			"Parcels that have left the warehouse can be redirected once, until the evening before delivery.",
			"Refunds go back to the original means of payment within five working days.",
			"Credits of a plan are kept for the rest of the paid month when the plan changes.",
			"Sessions end after 30 minutes without activity unless “stay signed in” is set.",
		]),
	}));
	const embedMs = random.durationMs(60);
	const searchMs = random.durationMs(35);
	return {
		name: `retrieve ${index}`,
		kind: custom("retrieval", { index, top_k: documents.length }),
		input: { query },
		selfMs: 4,
		isParallel: false,
		children: [
			leaf(
				"embed query",
				custom("embedding", { model: "text-embedding-3-small", dimensions: 1536 }),
				embedMs,
				query,
				completed(),
			),
			leaf("vector search", custom("vector_search", { metric: "cosine", ef: 64 }), searchMs, undefined, completed()),
		],
		result: completed(documents),
	};
}

function tool(random: SeededRandom, name: string, medianMs: number, args: unknown, output: unknown, error: string) {
	const kind = custom("tool", { "tool.name": name, "tool.call_id": `call_${random.integer(1e6, 9e6).toString(36)}` });
	const result = random.isTrue(0.07) ? failed(error) : completed(output);
	return leaf(name, kind, random.durationMs(medianMs), args, result);
}

function readFileSpan(random: SeededRandom, path: string): DemoSpan {
	const bytes = random.integer(400, 42_000);
	return leaf(
		`read ${path}`,
		{ type: "fs_read", path, file_version: `v${random.integer(1, 40)}`, bytes_read: bytes },
		random.durationMs(6),
		undefined,
		completed(),
	);
}

/** A step of an agent with parts of its own; it fails when its last part failed and nobody could go on. */
function agent(
	random: SeededRandom,
	name: string,
	service: string,
	children: readonly DemoSpan[],
	io: { readonly input: unknown; readonly output: unknown; readonly isParallel?: boolean },
): DemoSpan {
	const last = children.at(-1);
	const result =
		last?.result.type === "failed"
			? failed(`AgentError: step “${last.name}” failed\n${last.result.error}`)
			: completed(io.output);
	return {
		name,
		kind: custom("agent", {
			"agent.name": name,
			"resource.service.name": service,
			"resource.service.version": "2.4.1",
		}),
		input: io.input,
		selfMs: random.durationMs(20),
		isParallel: io.isParallel ?? false,
		children: children.map((child) => calledBy(service, child)),
		result,
	};
}

/** A model call that says which agent makes it, when it begins and when it has ended. */
function calledBy(agentName: string, span: DemoSpan): DemoSpan {
	const { kind, result } = span;
	if (kind.type !== "llm_call") return span;
	const named = { ...span, kind: { ...kind, agent_name: agentName } };
	if (result.type === "failed" || result.kind?.type !== "llm_call") return named;
	return { ...named, result: { ...result, kind: { ...result.kind, agent_name: agentName } } };
}

type Scenario = (random: SeededRandom) => DemoTrace;

function trace(random: SeededRandom, name: string, service: string, root: DemoSpan): DemoTrace {
	const tags = [`service:${service}`, "env:demo"];
	// Few sessions, so that they have several traces each.
	if (random.isTrue(0.7)) tags.push(`session:${service}-${random.integer(1, 4)}`);
	return { name, tags, root };
}

const supportChat: Scenario = (random) => {
	const service = "support-agent";
	const question = random.pick(QUESTIONS);
	const customer = random.pick(CUSTOMERS);
	const order = random.pick(ORDERS);
	const system: Message = { role: "system", content: "You help customers of a shop. Be brief, exact and kind." };
	const user: Message = { role: "user", content: question };
	const found = { order, status: random.pick(["in transit", "delivered", "delayed"]), days: random.integer(0, 6) };
	const answer = `Hello ${customer}, order ${order} is ${found.status}. We have looked it up and will write again tomorrow.`;
	const root = agent(
		random,
		"answer customer",
		service,
		[
			llmCall(random, "classify request", [system, user], { intent: "order_status", confidence: 0.93 }),
			retrieval(random, question, "help-center"),
			tool(random, "get_order", 120, { order }, found, FAILURES.timeout),
			llmCall(
				random,
				"draft reply",
				[system, user, { role: "tool", tool_call_id: "call_order", content: JSON.stringify(found) }],
				{ role: "assistant", content: answer },
			),
			leaf(
				"check reply",
				custom("guardrail", { policy: "pii" }),
				random.durationMs(15),
				answer,
				completed({ ok: true }),
			),
		],
		{ input: { customer, question }, output: { reply: answer } },
	);
	return trace(random, question.length > 48 ? `${question.slice(0, 47)}…` : question, service, root);
};

const codeReview: Scenario = (random) => {
	const service = "code-review-bot";
	const number = random.integer(120, 980);
	const files = FILES.filter(() => random.isTrue(0.6));
	const reviews = files.map((path) =>
		agent(
			random,
			`review ${path}`,
			service,
			[
				readFileSpan(random, path),
				llmCall(
					random,
					"find problems",
					[
						{ role: "system", content: "You review code. Report bugs, not taste. Answer as JSON." },
						{ role: "user", content: `Review the change in ${path}:\n\n- return total;\n+ return round(total, 2);\n` },
					],
					[
						{
							line: random.integer(3, 240),
							severity: "major",
							text: "Rounding each item changes the sum of the invoice.",
						},
					],
				),
			],
			{ input: { path }, output: { findings: random.integer(0, 4) } },
		),
	);
	const report = "reports/review.md";
	const write = leaf(
		`write ${report}`,
		{ type: "fs_write", path: report, file_version: `pr-${number}`, bytes_written: random.integer(900, 6000) },
		random.durationMs(8),
		undefined,
		completed(),
	);
	const parts: DemoSpan = {
		name: "review files",
		kind: custom("workflow", { files: files.length }),
		selfMs: 5,
		isParallel: true,
		children: reviews,
		result: completed(),
	};
	const root = agent(random, "review pull request", service, [parts, write], {
		input: { repository: "shop/backend", pull_request: number },
		output: { report },
	});
	return trace(random, `review of #${number}`, service, root);
};

const research: Scenario = (random) => {
	const service = "research-agent";
	const topic = random.pick(TOPICS);
	const search = (index: number) => {
		const query = `${topic} ${random.pick(["survey", "measurements", "criticism", "since 2024"])}`;
		const url = `https://example.org/${random.integer(1000, 9999)}`;
		return agent(
			random,
			`researcher ${index + 1}`,
			service,
			[
				tool(random, "web_search", 400, { query }, [{ url, title: `${topic} (${index + 1})` }], FAILURES.rateLimit),
				tool(
					random,
					"fetch_page",
					600,
					{ url },
					{ status: 200, bytes: random.integer(9000, 220_000) },
					FAILURES.timeout,
				),
				llmCall(
					random,
					"summarise page",
					[
						{ role: "system", content: "Summarise in five sentences. Name the source of each claim." },
						{ role: "user", content: `# ${topic}\n\nLong text of the page ${url}.` },
					],
					{ text: `The page treats ${topic}. Its figures come from ${random.integer(3, 40)} studies.` },
				),
			],
			{ input: { query }, output: { url } },
		);
	};
	const team: DemoSpan = {
		name: "research in parallel",
		kind: custom("workflow", { workers: 3 }),
		selfMs: 6,
		isParallel: true,
		children: Array.from({ length: random.integer(2, 4) }, (_, index) => search(index)),
		result: completed(),
	};
	const plan = llmCall(random, "plan", [{ role: "user", content: `Plan research on: ${topic}` }], {
		steps: ["search", "read", "compare", "write"],
	});
	const report = llmCall(
		random,
		"write report",
		[{ role: "user", content: `Write the report on ${topic} from the three summaries.` }],
		{
			text: `# ${topic}\n\nShort version: it depends, and on three things in particular.\n\n1. Size\n2. Climate\n3. Price`,
		},
	);
	const root = agent(random, "research", service, [plan, team, report], { input: { topic }, output: { words: 1240 } });
	return trace(random, `research: ${topic}`, service, root);
};

const dataAnalyst: Scenario = (random) => {
	const service = "data-analyst";
	const question = random.pick(["Revenue by region, last quarter", "Which customers order less than a year ago?"]);
	const sql =
		"SELECT c.region, sum(o.total)\nFROM orders o JOIN customers c ON c.id = o.customer_id\nGROUP BY o.region";
	const isWrongFirst = random.isTrue(0.3);
	const query = (statement: string, result: DemoSpan["result"]) =>
		leaf(
			"run sql",
			custom("tool", { "tool.name": "sql", "db.system": "postgresql" }),
			random.durationMs(180),
			{ statement },
			result,
		);
	const rows = [
		["EMEA", random.integer(10_000, 90_000)],
		["AMER", random.integer(10_000, 90_000)],
		["APAC", random.integer(10_000, 90_000)],
	];
	const ask: Message = { role: "user", content: question };
	const wrong = isWrongFirst
		? [
				query(sql, failed(FAILURES.sql)),
				llmCall(random, "repair sql", [ask, { role: "user", content: FAILURES.sql }], {
					sql: sql.replace("o.region", "c.region"),
				}),
			]
		: [];
	const root = agent(
		random,
		"analyse data",
		service,
		[
			llmCall(random, "write sql", [ask], { sql }),
			...wrong,
			query(sql.replace("o.region", "c.region"), completed({ columns: ["region", "total"], rows })),
			llmCall(random, "explain result", [ask, { role: "tool", content: JSON.stringify(rows) }], {
				text: "EMEA leads; APAC grew the most against the quarter before.",
			}),
			tool(random, "draw_chart", 90, { type: "bar" }, { path: "charts/revenue.png" }, FAILURES.schema),
		],
		{ input: { question }, output: { chart: "charts/revenue.png" } },
	);
	return trace(random, question, service, root);
};

const invoiceReader: Scenario = (random) => {
	const service = "invoice-reader";
	const pages = random.integer(2, 7);
	const batch: DemoSpan = {
		name: "read pages",
		kind: custom("workflow", { pages }),
		selfMs: 3,
		isParallel: true,
		children: Array.from({ length: pages }, (_, page) =>
			llmCall(
				random,
				`page ${page + 1}`,
				[
					{ role: "system", content: "Extract the items of this invoice as JSON by the given schema." },
					{ role: "user", content: `[image: page ${page + 1} of ${pages}]` },
				],
				{ items: [{ text: "Paper A4", amount: random.integer(3, 90), currency: "EUR" }] },
			),
		),
		result: completed(),
	};
	const check = tool(random, "validate_items", 12, { schema: "invoice/3" }, { valid: true }, FAILURES.schema);
	const path = `inbox/invoice-${random.integer(1000, 9999)}.pdf`;
	const root = agent(random, "read invoice", service, [readFileSpan(random, path), batch, check], {
		input: { path },
		output: { total: random.integer(30, 4000), currency: "EUR" },
	});
	return trace(random, path, service, root);
};

const SCENARIOS: readonly Scenario[] = [supportChat, codeReview, research, dataAnalyst, invoiceReader];

/** The trace with a number in the sequence of a seed. */
export function planTrace(seed: number, number: number): DemoTrace {
	// Neighbouring seeds of mulberry32 start alike; a large odd step takes them apart.
	const random = new SeededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
	random.next();
	return random.pick(SCENARIOS)(random);
}
