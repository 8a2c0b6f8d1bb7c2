import { abortable } from "../../base/abort.ts";
import type { Disposable } from "../../base/disposable.ts";
import type { Sliced } from "../../base/sliced.ts";
import type { TurnBudget } from "../../stream/turnBudget.ts";
import type { JsonClient } from "../jsonClient.ts";
import { SourceError } from "../source.ts";
import { asObject, decodeId, type JsonObject } from "../wire.ts";
import { decodeSessionSpans, parseSpans, type SessionSpans } from "./decode.ts";
import { spansPath } from "./paths.ts";

/** A session as it was read. */
export interface SessionRead {
	readonly decoded: SessionSpans;
	/** The wire's spans by id, with all that they carry. */
	readonly objects: ReadonlyMap<string, JsonObject>;
}

interface Reading {
	readonly promise: Promise<SessionRead>;
	readonly startedAtMs: number;
}

/** The backend looks through its Tempo for each. */
const TIMEOUT_MS = 60_000;
/** So long one answer serves all who ask: the wire has no single spans, and whoever opens one soon asks for its neighbours. */
const FRESH_MS = 3000;
/** Sessions kept so long; each holds all its payloads. */
const MAX_KEPT = 2;

/** Reads whole sessions by REST, each once for all who ask at the same time and shortly after. */
export class SessionReads implements Disposable {
	readonly #client: JsonClient;
	readonly #budget: TurnBudget;
	readonly #life = new AbortController();
	readonly #readings = new Map<string, Reading>();
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(client: JsonClient, budget: TurnBudget) {
		this.#client = client;
		this.#budget = budget;
	}

	/** An unknown session is an empty one, as the backend has it. Rejects with `SourceError`, or the signal's reason. */
	async read(sessionId: string, signal: AbortSignal): Promise<SessionRead> {
		signal.throwIfAborted();
		let reading = this.#readings.get(sessionId);
		if (reading === undefined || Date.now() - reading.startedAtMs > FRESH_MS) {
			const promise = this.#get(sessionId);
			reading = { promise, startedAtMs: Date.now() };
			this.#readings.delete(sessionId);
			this.#readings.set(sessionId, reading);
			// Whoever waits hears of it; without a waiter left it is nobody's.
			promise.catch(() => this.forget(sessionId, promise));
			for (const [oldest] of this.#readings) {
				if (this.#readings.size <= MAX_KEPT) break;
				this.#readings.delete(oldest);
			}
			this.#timer ??= setTimeout(() => this.#dropOld(), FRESH_MS);
		}
		return await abortable(reading.promise, signal);
	}

	/** The session has changed: the next question is asked anew. */
	forget(sessionId: string, promise?: Promise<SessionRead>): void {
		if (promise === undefined || this.#readings.get(sessionId)?.promise === promise) this.#readings.delete(sessionId);
	}

	dispose(): void {
		this.#life.abort();
		clearTimeout(this.#timer);
		this.#readings.clear();
	}

	#dropOld(): void {
		const nowMs = Date.now();
		for (const [id, { startedAtMs }] of this.#readings) {
			if (nowMs - startedAtMs > FRESH_MS) this.#readings.delete(id);
		}
		this.#timer = this.#readings.size === 0 ? undefined : setTimeout(() => this.#dropOld(), FRESH_MS);
	}

	async #get(sessionId: string): Promise<SessionRead> {
		const path = spansPath(sessionId);
		const { signal } = this.#life;
		// The text, because it may be as long as the longest session, and parsing that in one go would be felt.
		const { value: text } = await this.#client.get(path, { parse: (json) => json, timeoutMs: TIMEOUT_MS, signal });
		const value = await this.#parse(path, String(text), signal);
		const decoded = await inTurns(decodeSessionSpans(sessionId, value), this.#budget, signal);
		if (decoded === undefined || !Array.isArray(value)) {
			throw new SourceError("protocol", `GET ${path}: the answer is no list of spans`);
		}
		const objects = new Map<string, JsonObject>();
		for (const item of value) {
			const object = asObject(item);
			const id = decodeId(object?.span_id);
			if (object !== undefined && id !== undefined) objects.set(id, object);
		}
		return { decoded, objects };
	}

	async #parse(path: string, text: string, signal: AbortSignal): Promise<unknown> {
		try {
			return await inTurns(parseSpans(text), this.#budget, signal);
		} catch (cause) {
			if (!(cause instanceof SyntaxError)) throw cause;
			throw new SourceError("protocol", `GET ${path}: the answer is no valid JSON`, { cause });
		}
	}
}

/** Does work to its end, with turns for others. Throws the signal's reason. */
export async function inTurns<T>(work: Sliced<T>, budget: TurnBudget, signal: AbortSignal): Promise<T> {
	for (;;) {
		const step = work.next();
		if (step.done === true) return step.value;
		if (!budget.isSpent) continue;
		await budget.turn();
		signal.throwIfAborted();
	}
}
