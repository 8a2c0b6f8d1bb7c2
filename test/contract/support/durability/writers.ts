import { Agent, request } from "node:http";
import type { SeededRandom } from "../../../../src/cli/seededRandom.ts";
import type { Ledger, OtlpSpanPlan, Write } from "./ledger.ts";
import { attributeOf, errorOf, inputOf, outputOf } from "./payloads.ts";

/** Where the server of this round listens. */
export interface Target {
	readonly url: string;
	readonly otlpUrl: string;
}

/** The server went away with a request under way. */
export class Unanswered extends Error {}

/** One connection to the server. */
export class Connection {
	readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

	/** Resolves with the status and the body; rejects with `Unanswered`. */
	send(method: string, url: string, body?: string): Promise<{ readonly status: number; readonly text: string }> {
		return new Promise((resolve, reject) => {
			const fail = (cause: Error) => reject(new Unanswered(`${method} ${url}: ${cause.message}`, { cause }));
			const headers: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
			const sent = request(url, { method, agent: this.#agent, headers }, (response) => {
				let text = "";
				response.setEncoding("utf8").on("data", (chunk: string) => {
					text += chunk;
				});
				response.on("error", fail);
				response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
			});
			sent.on("error", fail);
			sent.end(body);
		});
	}

	close(): void {
		this.#agent.destroy();
	}
}

export interface WriterOptions {
	readonly name: string;
	readonly target: Target;
	readonly ledger: Ledger;
	readonly random: SeededRandom;
	/** Told of answers that should not be. */
	readonly report: (problem: string) => void;
}

abstract class Writer {
	protected readonly options: WriterOptions;
	readonly #connection = new Connection();
	#made = 0;

	constructor(options: WriterOptions) {
		this.options = options;
	}

	/** Sends one write after the other until the server is gone. */
	async run(): Promise<void> {
		try {
			for (;;) await this.perform(this.next());
		} catch (error) {
			if (!(error instanceof Unanswered)) throw error;
		} finally {
			this.#connection.close();
		}
	}

	/** Sends a write and takes down what became of it. */
	async perform(write: Write): Promise<void> {
		const { ledger, target, report } = this.options;
		ledger.didTry(write);
		const [method, url, body] = requestOf(write, target);
		let status: number;
		try {
			({ status } = await this.#connection.send(method, url, body));
		} catch (error) {
			ledger.unanswered.push(write);
			throw error;
		}
		const problem = ledger.didAnswer(write, status);
		if (problem !== undefined) report(problem);
	}

	close(): void {
		this.#connection.close();
	}

	protected abstract next(): Write;

	protected newId(): string {
		return `${this.options.name}-${++this.#made}`;
	}
}

/** Sends again what the last round left open, as a client does whose answer was lost. */
export class Repeater extends Writer {
	protected next(): Write {
		throw new Error("a repeater has nothing of its own to send");
	}
}

/** Traces and spans one by one over REST: begun, ended, deleted, some of them twice. */
export class RestWriter extends Writer {
	#traces: string[] = [];
	#running: { readonly id: string; readonly traceId: string }[] = [];
	#ended: { readonly id: string; readonly traceId: string }[] = [];
	#last: Write | undefined;

	/** `before` is the writer of the last round, whose traces and running spans this one goes on with. */
	constructor(options: WriterOptions, before: RestWriter | undefined) {
		super(options);
		if (before === undefined) return;
		this.#traces = before.#traces;
		this.#running = before.#running;
		this.#ended = before.#ended;
	}

	protected next(): Write {
		const { random } = this.options;
		const dice = random.next();
		if (this.#last !== undefined && dice < 0.02) return this.#last;
		if (dice < 0.022 && this.options.name.endsWith("-0")) return { type: "clear" };
		if (this.#traces.length === 0 || dice < 0.06) {
			const id = this.newId();
			this.#traces.push(id);
			return this.#repeatable({ type: "trace", id });
		}
		if (dice < 0.07 && this.#traces.length > 1) {
			const id = this.#traces.shift()!;
			this.#running = this.#running.filter(({ traceId }) => traceId !== id);
			this.#ended = this.#ended.filter(({ traceId }) => traceId !== id);
			return { type: "deleteTrace", id };
		}
		if (dice < 0.11 && this.#ended.length > 0) return { type: "deleteSpan", id: this.#ended.shift()!.id };
		if (dice < 0.55 && this.#running.length > 0) {
			const span = this.#running.splice(random.integer(0, this.#running.length - 1), 1)[0]!;
			this.#ended.push(span);
			return { type: "end", id: span.id, how: random.isTrue(0.2) ? "failed" : "completed" };
		}
		const traceId = random.pick(this.#traces);
		const parentId = this.#running.find((span) => span.traceId === traceId)?.id ?? null;
		const id = this.newId();
		this.#running.push({ id, traceId });
		return this.#repeatable({ type: "span", id, traceId, parentId });
	}

	/** What may be sent twice: at once, while nothing else can have happened to it. */
	#repeatable(write: Write): Write {
		this.#last = write;
		return write;
	}

	override async perform(write: Write): Promise<void> {
		if (write !== this.#last) this.#last = undefined;
		await super.perform(write);
	}
}

/** Batches from an exporter, some of them twice. */
export class OtlpWriter extends Writer {
	#last: Write | undefined;

	protected next(): Write {
		const { random } = this.options;
		if (this.#last !== undefined && random.isTrue(0.1)) return this.#last;
		const traceId = hex(random, 32);
		const spans: OtlpSpanPlan[] = [];
		for (let count = random.integer(1, 40); count > 0; count--) {
			const parentId = spans.length === 0 ? null : random.pick(spans).id;
			spans.push({ id: hex(random, 16), parentId, isFailed: random.isTrue(0.1) });
		}
		this.#last = { type: "otlp", traceId, spans };
		return this.#last;
	}
}

function hex(random: SeededRandom, digits: number): string {
	// A first digit that is not 0: ids of zeros only are invalid.
	let text = "a";
	while (text.length < digits) text += random.integer(0, 15).toString(16);
	return text;
}

function requestOf(write: Write, { url, otlpUrl }: Target): [method: string, url: string, body?: string] {
	const json = JSON.stringify;
	switch (write.type) {
		case "trace":
			return ["POST", `${url}/api/traces`, json({ id: write.id, name: `trace ${write.id}`, tags: [write.id] })];
		case "span": {
			const { id, traceId, parentId } = write;
			const kind = { type: "llm_call", model: "gpt-4o-mini", provider: "openai" };
			const body = { id, trace_id: traceId, parent_id: parentId, name: `span ${id}`, kind, input: inputOf(id) };
			return ["POST", `${url}/api/spans`, json(body)];
		}
		case "end":
			return write.how === "completed"
				? ["POST", `${url}/api/spans/${write.id}/complete`, json({ output: outputOf(write.id) })]
				: ["POST", `${url}/api/spans/${write.id}/fail`, json({ error: errorOf(write.id) })];
		case "deleteSpan":
			return ["DELETE", `${url}/api/spans/${write.id}`];
		case "deleteTrace":
			return ["DELETE", `${url}/api/traces/${write.id}`];
		case "clear":
			return ["DELETE", `${url}/api/traces`];
		case "otlp":
			return ["POST", `${otlpUrl}/v1/traces`, json(exportRequest(write.traceId, write.spans))];
	}
}

function exportRequest(traceId: string, plans: readonly OtlpSpanPlan[]): object {
	const spans = plans.map(({ id, parentId, isFailed }, index) => ({
		traceId,
		spanId: id,
		...(parentId === null ? {} : { parentSpanId: parentId }),
		name: `span ${id}`,
		kind: 1,
		startTimeUnixNano: `17725104000${String(index).padStart(2, "0")}000001`,
		endTimeUnixNano: `17725104010${String(index).padStart(2, "0")}000001`,
		attributes: [{ key: "payload", value: { stringValue: attributeOf(id) } }],
		status: isFailed ? { code: 2, message: errorOf(id) } : {},
	}));
	const resource = { attributes: [{ key: "service.name", value: { stringValue: "durability" } }] };
	return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "load" }, spans }] }] };
}
