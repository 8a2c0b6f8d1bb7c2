import { isDeepStrictEqual } from "node:util";
import type { StreamMessage } from "../../../../src/protocol/events.ts";
import type { WireSpan, WireSpanPage, WireStats, WireTracePage } from "../../../../src/protocol/rest.ts";
import type { Ledger, SpanPromise } from "./ledger.ts";
import { attributeOf, errorOf, inputOf, outputOf } from "./payloads.ts";
import { type Fingerprint, fingerprint, replay, type SeenEvent, subjectOf } from "./watcher.ts";

/** A span as the log of events tells it. */
interface ToldSpan {
	readonly traceId: string;
	state: "running" | "completed" | "failed";
}

type Report = (problem: string) => void;

/**
 * Compares what the server holds with what it has promised. The log of events is the witness: it is read on from round to
 * round and folded into the state that it tells of; every acknowledged write must be in it, everything in it must have been
 * asked for, and what REST answers must be what it adds up to.
 */
export class Audit {
	readonly #ledger: Ledger;
	readonly #report: Report;
	/** Events that anyone has seen, by id. */
	readonly #seen = new Map<number, Fingerprint>();
	#lastId = 0;
	readonly #spans = new Map<string, ToldSpan>();
	/** Traces with their number of spans. */
	readonly #traces = new Map<string, number>();
	readonly #recorded = new Set<string>();
	/** What the log has told of at any time: `created id`, `completed id`, … */
	readonly #told = new Set<string>();
	/** Event that brought each span, of its last life. */
	readonly #broughtBy = new Map<string, number>();
	#clears = 0;
	/** Newest event that told of everything being deleted: payloads from before it are gone from the log. */
	#clearedId = 0;

	constructor(ledger: Ledger, report: Report) {
		this.#ledger = ledger;
		this.#report = report;
	}

	get eventCount(): number {
		return this.#lastId;
	}

	get liveSpanCount(): number {
		return this.#spans.size;
	}

	/** Takes down an event of any stream: an id stands for one event, for ever. */
	didSee({ id, text }: SeenEvent): void {
		if (!Number.isSafeInteger(id) || id < 1) {
			this.#report(`an event came without an id: ${text.slice(0, 200)}`);
			return;
		}
		const known = this.#seen.get(id);
		const now = fingerprint(text);
		if (known === undefined) this.#seen.set(id, now);
		else if (known.subject !== now.subject) {
			this.#report(`event ${id} was "${known.subject}" and is "${now.subject}"`);
		} else if (known.digest !== now.digest && this.#isOfThisLife(id, now.subject)) {
			this.#report(`event ${id} (${now.subject}) has another text than before: ${text.slice(0, 200)}`);
		}
	}

	/** Reads what the log has new, and compares. */
	async check(url: string): Promise<void> {
		const events: SeenEvent[] = [];
		const latest = await replay(url, this.#lastId, (event) => events.push(event));
		for (const { id, text } of events) {
			if (id !== this.#lastId + 1) this.#report(`event ${id} follows event ${this.#lastId}`);
			this.#lastId = id;
			this.#fold(id, JSON.parse(text) as StreamMessage);
		}
		for (const event of events) this.didSee(event);
		const newest = Math.max(0, ...[...this.#seen.keys()].slice(-1000));
		if (newest > latest) this.#report(`event ${newest} was seen, but the newest one is ${latest}`);
		this.#compareWithLedger();
		await this.#compareWithState(url);
	}

	/** Reads the whole log once more: no event may have changed, vanished or come in between. */
	async checkWholeLog(url: string): Promise<void> {
		let last = 0;
		await replay(url, 0, (event) => {
			if (event.id !== last + 1) this.#report(`event ${event.id} follows event ${last} in the whole log`);
			last = event.id;
			if (!this.#seen.has(event.id)) this.#report(`event ${event.id} is new in the past`);
			this.didSee(event);
		});
		for (const id of this.#seen.keys()) if (id > last) this.#report(`event ${id} was seen and is lost`);
	}

	/** False for an event about what has been deleted since, or may have been: the log keeps an outline of that only. */
	#isOfThisLife(id: number, subject: string): boolean {
		const about = subject.slice(subject.indexOf(" ") + 1);
		const span = this.#ledger.spans.get(about);
		const trace = this.#ledger.traces.get(span?.traceId ?? about);
		if (span?.isDeleteTried === true || trace?.isDeleteTried === true) return false;
		if (id <= this.#clearedId || this.#ledger.clearsTried > this.#clears) return false;
		return this.#spans.has(about) ? id >= (this.#broughtBy.get(about) ?? 0) : this.#traces.has(about);
	}

	#fold(id: number, message: StreamMessage): void {
		this.#told.add(subjectOf(message));
		switch (message.type) {
			case "trace_created": {
				const known = this.#ledger.traces.get(message.trace.id);
				if (known === undefined) this.#report(`event ${id} tells of a trace that nobody sent: ${message.trace.id}`);
				this.#recorded.add(message.trace.id);
				if (!this.#traces.has(message.trace.id)) this.#traces.set(message.trace.id, 0);
				return;
			}
			case "span_created":
				this.#foldBegun(id, message.span);
				return;
			case "span_completed":
			case "span_failed":
				this.#foldEnded(id, message.type === "span_failed" ? "failed" : "completed", message.span);
				return;
			case "span_deleted": {
				const promise = this.#ledger.spans.get(message.span_id);
				if (promise?.isDeleteTried !== true) this.#report(`event ${id} deletes span ${message.span_id}, unasked`);
				this.#remove(message.span_id, id);
				return;
			}
			case "trace_deleted":
				this.#foldTraceDeleted(id, message.trace_id);
				return;
			case "cleared":
				this.#clears++;
				this.#clearedId = id;
				this.#spans.clear();
				this.#traces.clear();
				this.#recorded.clear();
				return;
			default:
				this.#report(`event ${id} is of no known type: ${JSON.stringify(message).slice(0, 200)}`);
		}
	}

	#foldBegun(id: number, span: WireSpan): void {
		if (this.#spans.has(span.id)) this.#report(`event ${id} begins span ${span.id} a second time`);
		const promise = this.#promiseOf(id, span);
		if (promise?.isWhole === true) this.#report(`event ${id} begins span ${span.id}, which arrived ended`);
		this.#add(id, span, "running");
	}

	#foldEnded(id: number, state: "completed" | "failed", span: WireSpan): void {
		const promise = this.#promiseOf(id, span);
		if (promise !== undefined && promise.triedEnd !== state) {
			this.#report(`event ${id} says that span ${span.id} is ${state}, asked for was ${promise.triedEnd}`);
		}
		const known = this.#spans.get(span.id);
		if (promise?.isWhole === true) {
			if (known !== undefined) this.#report(`event ${id} brings span ${span.id} a second time`);
			else this.#add(id, span, state);
		} else if (known?.state !== "running") {
			this.#report(`event ${id} ends span ${span.id}, which is ${known?.state ?? "unknown"}`);
		} else known.state = state;
	}

	#promiseOf(id: number, span: WireSpan): SpanPromise | undefined {
		const promise = this.#ledger.spans.get(span.id);
		if (promise === undefined) this.#report(`event ${id} tells of a span that nobody sent: ${span.id}`);
		return promise;
	}

	#add(id: number, span: WireSpan, state: ToldSpan["state"]): void {
		this.#broughtBy.set(span.id, id);
		this.#spans.set(span.id, { traceId: span.trace_id, state });
		this.#traces.set(span.trace_id, (this.#traces.get(span.trace_id) ?? 0) + 1);
	}

	#remove(spanId: string, id: number): void {
		const span = this.#spans.get(spanId);
		if (span === undefined) {
			this.#report(`event ${id} deletes span ${spanId}, which is not there`);
			return;
		}
		this.#spans.delete(spanId);
		const left = (this.#traces.get(span.traceId) ?? 0) - 1;
		// A trace without a record of its own goes with its last span.
		if (left === 0 && !this.#recorded.has(span.traceId)) this.#traces.delete(span.traceId);
		else this.#traces.set(span.traceId, left);
	}

	#foldTraceDeleted(id: number, traceId: string): void {
		if (this.#ledger.traces.get(traceId)?.isDeleteTried !== true) {
			this.#report(`event ${id} deletes trace ${traceId}, unasked`);
		}
		this.#traces.delete(traceId);
		this.#recorded.delete(traceId);
		for (const [spanId, span] of this.#spans) if (span.traceId === traceId) this.#spans.delete(spanId);
	}

	#compareWithLedger(): void {
		const { clearsAnswered, clearsTried, spans, traces } = this.#ledger;
		if (this.#clears < clearsAnswered || this.#clears > clearsTried) {
			this.#report(
				`${clearsAnswered} of ${clearsTried} deletions of everything were answered, ${this.#clears} are logged`,
			);
		}
		for (const [id, promise] of spans) {
			const lost = (what: string) => this.#report(`span ${id}: ${what} was acknowledged and is not in the log`);
			if (promise.isCreated && !promise.isWhole && !this.#told.has(`span_created ${id}`)) lost("its beginning");
			if (promise.isEnded && !this.#told.has(`span_${promise.triedEnd} ${id}`)) lost("its end");
			if (promise.isDeleted && !this.#told.has(`span_deleted ${id}`)) lost("its deletion");
			const isAlive = this.#spans.has(id);
			if (isAlive && promise.isDeleted) this.#report(`span ${id} is there although its deletion was acknowledged`);
			const isCleared = this.#clearedId > (this.#broughtBy.get(id) ?? 0);
			const isDeleted = promise.isDeleteTried || traces.get(promise.traceId)?.isDeleteTried === true;
			if (promise.isMissing && !isCleared && !isDeleted)
				this.#report(`span ${id} was not found, but nobody deleted it`);
		}
		for (const [id, promise] of traces) {
			if (promise.isRecorded && !this.#told.has(`trace_created ${id}`)) {
				this.#report(`trace ${id} was acknowledged and is not in the log`);
			}
			if (promise.isDeleted && this.#traces.has(id)) {
				this.#report(`trace ${id} is there although its deletion was acknowledged`);
			}
		}
	}

	async #compareWithState(url: string): Promise<void> {
		const left = new Map(this.#spans);
		for await (const span of pages<WireSpan, WireSpanPage>(`${url}/api/spans`)) {
			const told = left.get(span.id);
			if (told === undefined) {
				const what = this.#spans.has(span.id) ? "is listed twice" : "is there, but not by the log";
				this.#report(`span ${span.id} ${what}`);
				continue;
			}
			left.delete(span.id);
			const problem = differenceOf(span, told, this.#ledger.spans.get(span.id));
			if (problem !== undefined) this.#report(`span ${span.id}: ${problem}`);
		}
		for (const id of left.keys()) this.#report(`span ${id} is lost: it is in the log, but not in the list`);

		const traces = new Map(this.#traces);
		for await (const trace of pages<WireTracePage["items"][number], WireTracePage>(`${url}/api/traces`)) {
			const count = traces.get(trace.id);
			if (count !== trace.span_count) {
				this.#report(`trace ${trace.id} has ${trace.span_count} spans, by the log ${count ?? "it is not there"}`);
			}
			traces.delete(trace.id);
		}
		for (const id of traces.keys()) this.#report(`trace ${id} is lost: it is in the log, but not in the list`);

		const stats = (await getJson(`${url}/api/stats`)) as WireStats;
		if (stats.span_count !== this.#spans.size || stats.trace_count !== this.#traces.size) {
			this.#report(`the server counts ${stats.trace_count} traces and ${stats.span_count} spans, not what it lists`);
		}
	}
}

function differenceOf(span: WireSpan, told: ToldSpan, promise: SpanPromise | undefined): string | undefined {
	if (promise === undefined) return "nobody sent it";
	const state = typeof span.status === "string" ? span.status : "failed";
	if (state !== told.state) return `is ${state}, by the log ${told.state}`;
	if (span.trace_id !== promise.traceId) return `is in trace ${span.trace_id}, sent was ${promise.traceId}`;
	if (span.parent_id !== promise.parentId) return `has parent ${span.parent_id}, sent was ${promise.parentId}`;
	if (span.name !== `span ${span.id}`) return `has the name ${span.name}`;
	if (typeof span.status !== "string" && span.status.failed.error !== errorOf(span.id)) return "has another error";
	if (promise.isWhole) {
		return JSON.stringify(span).includes(JSON.stringify(attributeOf(span.id))) ? undefined : "has lost its attribute";
	}
	if (!isDeepStrictEqual(span.input, inputOf(span.id))) return "has another input";
	const output = state === "completed" ? outputOf(span.id) : undefined;
	if (!isDeepStrictEqual(span.output ?? undefined, output)) return "has another output";
	return undefined;
}

async function* pages<T, P extends { readonly items: readonly T[]; readonly next_cursor: string | null }>(
	url: string,
): AsyncGenerator<T> {
	for (let cursor: string | null = ""; cursor !== null; ) {
		const page = (await getJson(`${url}?limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`)) as P;
		yield* page.items;
		cursor = page.next_cursor;
	}
}

async function getJson(url: string): Promise<unknown> {
	const response = await fetch(url);
	if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
	return response.json();
}
