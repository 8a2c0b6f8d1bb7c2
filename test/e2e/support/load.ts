import { Agent, request } from "node:http";

export interface LoadOptions {
	readonly port: number;
	readonly spansPerSecond: number;
	readonly spansPerTrace: number;
}

/** What a program's SDK would do under load: keeps sending, and sends again what was not acknowledged. */
export class Load {
	/** Ids of spans that the server acknowledged, by trace. */
	readonly acknowledged = new Map<string, Set<string>>();
	readonly #options: LoadOptions;
	readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
	readonly #pending = new Set<Promise<void>>();
	#isStopped = false;
	#sent = 0;
	#trace: Promise<string> | undefined;
	#traceNumber = -1;
	#timer: ReturnType<typeof setInterval> | undefined;

	constructor(options: LoadOptions) {
		this.#options = options;
	}

	get count(): number {
		let count = 0;
		for (const ids of this.acknowledged.values()) count += ids.size;
		return count;
	}

	start(): void {
		const startedAt = performance.now();
		this.#timer = setInterval(() => {
			const due = ((performance.now() - startedAt) / 1000) * this.#options.spansPerSecond;
			// What piled up while the server was away is not sent all at once.
			while (this.#sent < due && this.#pending.size < 64) this.#sendOne();
			if (this.#pending.size >= 64) this.#sent = Math.max(this.#sent, Math.floor(due));
		}, 10);
	}

	/** Stops sending and waits until every request has its answer or its error. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		clearInterval(this.#timer);
		await Promise.allSettled(this.#pending);
		this.#agent.destroy();
	}

	#sendOne(): void {
		const { spansPerTrace } = this.#options;
		const number = this.#sent++;
		const traceNumber = Math.floor(number / spansPerTrace);
		if (traceNumber !== this.#traceNumber) {
			this.#traceNumber = traceNumber;
			this.#trace = this.#beginTrace(`load ${traceNumber}`);
		}
		const sending = this.#send(this.#trace as Promise<string>, `span ${number}`).finally(() => {
			this.#pending.delete(sending);
		});
		this.#pending.add(sending);
	}

	async #beginTrace(name: string): Promise<string> {
		// Kept until it is taken: a program that cannot name its trace has nothing to send.
		for (;;) {
			try {
				return (JSON.parse(await this.#post("/api/traces", JSON.stringify({ name }))) as { id: string }).id;
			} catch (error) {
				if (this.#isStopped) throw error;
				await new Promise((resolve) => setTimeout(resolve, 50));
			}
		}
	}

	async #send(trace: Promise<string>, name: string): Promise<void> {
		let traceId: string;
		let spanId: string;
		try {
			traceId = await trace;
			const body = { trace_id: traceId, name, kind: { type: "custom", kind: "task", attributes: {} } };
			spanId = (JSON.parse(await this.#post("/api/spans", JSON.stringify(body))) as { id: string }).id;
		} catch {
			// The server is away, which is the point of the test: what it did not acknowledge may or may not be there.
			return;
		}
		let ids = this.acknowledged.get(traceId);
		if (ids === undefined) {
			ids = new Set();
			this.acknowledged.set(traceId, ids);
		}
		ids.add(spanId);
		if (this.#isStopped) return;
		await this.#post(`/api/spans/${spanId}/complete`).catch(() => undefined);
	}

	#post(path: string, body?: string): Promise<string> {
		return new Promise((resolve, reject) => {
			const headers = body === undefined ? {} : { "content-type": "application/json" };
			const outgoing = request(
				{ host: "127.0.0.1", port: this.#options.port, path, method: "POST", agent: this.#agent, headers },
				(answer) => {
					let text = "";
					answer.setEncoding("utf8");
					answer.on("data", (chunk: string) => {
						text += chunk;
					});
					answer.on("error", reject);
					answer.on("end", () => {
						if ((answer.statusCode ?? 500) < 300) resolve(text);
						else reject(new Error(`${path}: HTTP ${answer.statusCode} ${text}`));
					});
				},
			);
			outgoing.on("error", reject);
			outgoing.end(body);
		});
	}
}
