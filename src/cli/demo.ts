import { sleep } from "../base/abort.ts";
import { CommandError, printable } from "./arguments.ts";
import { type DemoSpan, type DemoTrace, planTrace } from "./demoPlan.ts";
import { refused, unreachable } from "./target.ts";

export interface DemoOptions {
	/** Base address of the server, without `/api`. */
	readonly url: string;
	/** How many traces; undefined goes on until `signal` is aborted. 20 by default, without end when live. */
	readonly traces?: number | undefined;
	/** Traces begun a second. By default one every two seconds of the demo's time when live, as fast as they go otherwise. */
	readonly rate?: number | undefined;
	/** How much faster than life its time goes; 1 by default when live, 100 otherwise. */
	readonly speed?: number | undefined;
	/** The same seed sends the same traces; 1 by default. */
	readonly seed?: number | undefined;
	/** Traces begin as they would in life, without end unless `traces` says so. */
	readonly isLive?: boolean | undefined;
	readonly token?: string | undefined;
	/** Called with one line of text for each trace that has ended. */
	readonly onTrace?: ((line: string) => void) | undefined;
	/** Begins no further traces and ends those that are running: their open spans fail as cancelled. */
	readonly signal: AbortSignal;
}

export interface DemoResult {
	readonly traces: number;
	readonly spans: number;
	readonly failedSpans: number;
}

/** How much faster than life a demo is that is not live. */
const QUICK_SPEED = 100;

/** Traces that begin a second in life. */
const LIVE_RATE = 0.5;

/** Traces at the same time, where no rate says when they begin, and where one does. */
const MAX_OPEN_TRACES = 8;
const MAX_OPEN_TRACES_AT_RATE = 64;

/** Traces that should have begun longer ago are left out. */
const MAX_LATE_MS = 500;

/** Longer ones end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A server that does not answer within this is not coming back for this request. */
const REQUEST_TIMEOUT_MS = 15_000;

/**
 * Sends traces of made-up agents through the public REST API, as an instrumented program would: create the trace, create
 * each span when it begins, complete or fail it when it ends.
 *
 * @throws CommandError with what to do, when the server cannot be reached or refuses a request.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
	const { seed = 1, isLive = false, signal } = options;
	const count = options.traces ?? (isLive ? Number.POSITIVE_INFINITY : 20);
	const speed = options.speed ?? (isLive ? 1 : QUICK_SPEED);
	const rate = options.rate ?? (isLive ? LIVE_RATE * speed : Number.POSITIVE_INFINITY);
	const maxOpen = Number.isFinite(rate) ? MAX_OPEN_TRACES_AT_RATE : MAX_OPEN_TRACES;
	// The first error ends the other traces too.
	const failure = new AbortController();
	const client = new DemoClient(options.url, options.token);
	const player = new Player(client, 1 / speed, AbortSignal.any([signal, failure.signal]));
	const totals = { traces: 0, spans: 0, failedSpans: 0 };
	const open = new Set<Promise<void>>();

	const play = async (number: number) => {
		const plan = planTrace(seed, number);
		const startedMs = Date.now();
		const sent = await player.play(plan);
		totals.traces++;
		totals.spans += sent.spans;
		totals.failedSpans += sent.failed;
		options.onTrace?.(describe(plan, sent, Date.now() - startedMs));
	};

	try {
		let nextMs = performance.now();
		for (let number = 0; number < count && !player.signal.aborted; number++) {
			const entry = play(number)
				.catch((error: unknown) => failure.abort(error))
				.finally(() => open.delete(entry));
			open.add(entry);
			if (Number.isFinite(rate) && number + 1 < count) {
				// Timers that are late make no fewer traces; a machine that has slept makes up for a moment only.
				nextMs = Math.max(nextMs + 1000 / rate, performance.now() - MAX_LATE_MS);
				const waitMs = nextMs - performance.now();
				if (waitMs > 0) await sleep(Math.min(waitMs, MAX_TIMER_MS), player.signal);
			}
			if (open.size >= maxOpen) await Promise.race(open);
		}
	} catch (error) {
		// Aborted while waiting for the next trace.
		if (!player.signal.aborted) throw error;
	}
	await Promise.all(open);
	if (failure.signal.aborted) throw failure.signal.reason;
	return totals;
}

/** What was sent of a trace. */
interface Sent {
	spans: number;
	failed: number;
	/** The demo was stopped before the end of the plan. */
	isCancelled: boolean;
}

function describe(plan: DemoTrace, sent: Sent, tookMs: number): string {
	const mark = sent.isCancelled ? "cancelled" : plan.root.result.type;
	const failures = sent.failed > 0 ? `, ${sent.failed} failed` : "";
	const spans = `${String(sent.spans).padStart(3)} spans${failures}`;
	return `${mark.padEnd(9)}  ${spans}  ${(tookMs / 1000).toFixed(2)} s  ${printable(plan.name, 80)}`;
}

/** Plays a plan in time. When its signal is aborted it waits no more and fails what is open. */
class Player {
	readonly signal: AbortSignal;
	readonly #client: DemoClient;
	readonly #timeFactor: number;

	constructor(client: DemoClient, timeFactor: number, signal: AbortSignal) {
		this.#client = client;
		this.#timeFactor = timeFactor;
		this.signal = signal;
	}

	async play(plan: DemoTrace): Promise<Sent> {
		const sent: Sent = { spans: 0, failed: 0, isCancelled: false };
		const traceId = await this.#client.createTrace(plan.name, plan.tags);
		await this.#playSpan(traceId, null, plan.root, sent);
		return sent;
	}

	async #playSpan(traceId: string, parentId: string | null, span: DemoSpan, sent: Sent): Promise<void> {
		const spanId = await this.#client.createSpan({
			trace_id: traceId,
			parent_id: parentId,
			name: span.name,
			kind: span.kind,
			input: span.input,
		});
		sent.spans++;
		await this.#wait(span.selfMs / 2);
		if (span.isParallel) {
			await Promise.all(
				span.children.map(async (child, index) => {
					// Workers never start in the very same moment.
					await this.#wait(index * 25);
					if (!this.signal.aborted) await this.#playSpan(traceId, spanId, child, sent);
				}),
			);
		} else {
			for (const child of span.children) {
				if (!this.signal.aborted) await this.#playSpan(traceId, spanId, child, sent);
			}
		}
		await this.#wait(span.selfMs / 2);
		await this.#endSpan(spanId, span, sent);
	}

	async #endSpan(spanId: string, span: DemoSpan, sent: Sent): Promise<void> {
		if (this.signal.aborted) {
			sent.isCancelled = true;
			sent.failed++;
			await this.#client.failSpan(spanId, "Cancelled: the demo was stopped");
		} else if (span.result.type === "failed") {
			sent.failed++;
			await this.#client.failSpan(spanId, span.result.error);
		} else await this.#client.completeSpan(spanId, span.result.output, span.result.kind);
	}

	async #wait(ms: number): Promise<void> {
		try {
			await sleep(Math.min(ms * this.#timeFactor, MAX_TIMER_MS), this.signal);
		} catch (error) {
			if (!this.signal.aborted) throw error;
		}
	}
}

/** The four calls that a program makes. Errors are `CommandError`s that say what to do. */
class DemoClient {
	readonly #url: string;
	readonly #token: string | undefined;

	constructor(url: string, token: string | undefined) {
		this.#url = url;
		this.#token = token;
	}

	createTrace(name: string, tags: readonly string[]): Promise<string> {
		return this.#create("/api/traces", { name, tags });
	}

	createSpan(span: Readonly<Record<string, unknown>>): Promise<string> {
		return this.#create("/api/spans", span);
	}

	async completeSpan(id: string, output: unknown, kind: unknown): Promise<void> {
		const hasBody = output !== undefined || kind !== undefined;
		await this.#post(`/api/spans/${encodeURIComponent(id)}/complete`, hasBody ? { output, kind } : undefined);
	}

	async failSpan(id: string, error: string): Promise<void> {
		await this.#post(`/api/spans/${encodeURIComponent(id)}/fail`, { error });
	}

	async #create(path: string, body: unknown): Promise<string> {
		const text = await this.#post(path, body);
		try {
			const { id } = JSON.parse(text) as { readonly id?: unknown };
			if (typeof id === "string" && id.length > 0) return id;
		} catch {
			// Handled below: an answer that is no JSON is no Traceway server's.
		}
		throw new CommandError(
			`${this.#url} answered POST ${path} without an id; is it a Traceway server? Give the right address with --url`,
		);
	}

	async #post(path: string, body: unknown): Promise<string> {
		let response: Response;
		let text: string;
		try {
			response = await fetch(this.#url + path, {
				method: "POST",
				headers: {
					...(body === undefined ? {} : { "content-type": "application/json" }),
					...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
				},
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
				signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
			});
			text = await response.text();
		} catch (error) {
			throw new CommandError(unreachable(this.#url, error, REQUEST_TIMEOUT_MS), 1, { cause: error });
		}
		// A span that somebody deleted meanwhile, or cleared with everything else, is no reason to stop.
		const isGone = /^\/api\/spans\/[^/]+\/(complete|fail)$/.test(path) && response.status === 404;
		if (!response.ok && !isGone) throw new CommandError(refused(this.#url, `POST ${path}`, response.status, text));
		return text;
	}
}
