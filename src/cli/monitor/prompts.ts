import type { Disposable } from "../../base/disposable.ts";
import { conversationOf } from "../../model/conversation.ts";
import { conversationInAttributes } from "../../model/conversationAttributes.ts";
import type { SpanDetail } from "../../model/span.ts";
import { type Source, SourceError } from "../../sources/source.ts";
import { promptSpan } from "./rows.ts";

/** Prompts at most kept; the ones that were asked for first go first. */
const MAX_PROMPTS = 2000;
/** Requests at a time. */
const PARALLEL = 2;
/** How long a trace is shown before its prompt is asked for: of those that rush by, none is. */
const DELAY_MS = 300;
/** After a failed request, how long none is made. */
const PAUSE_MS = 5000;
const MAX_CHARS = 400;

/**
 * The prompts of the traces on the screen. Lists do not carry them, so each is read once, from the span that called a model
 * first, when its trace is shown. A trace without one has none; it is asked again when another span comes first.
 */
export class Prompts implements Disposable {
	readonly #source: Source;
	readonly #onChange: () => void;
	readonly #life = new AbortController();
	readonly #texts = new Map<string, string>();
	/** Span that was read for each trace. */
	readonly #read = new Map<string, string>();
	#wanted: readonly string[] = [];
	/** Those of `#wanted` that were shown when the present round began and are not asked for yet. */
	#round: readonly string[] = [];
	#timer: ReturnType<typeof setTimeout> | undefined;
	#running = 0;
	#pausedUntilMs = 0;

	constructor(source: Source, onChange: () => void) {
		this.#source = source;
		this.#onChange = onChange;
	}

	/** By trace id. */
	get texts(): ReadonlyMap<string, string> {
		return this.#texts;
	}

	/** These traces are shown now; what was wanted before and is not read yet is forgotten. */
	want(traceIds: readonly string[]): void {
		this.#wanted = traceIds;
		if (this.#life.signal.aborted || this.#timer !== undefined || !traceIds.some((id) => this.#spanToRead(id))) return;
		const shown = new Set(traceIds);
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			this.#round = this.#wanted.filter((traceId) => shown.has(traceId));
			this.#next();
		}, DELAY_MS);
	}

	dispose(): void {
		clearTimeout(this.#timer);
		this.#life.abort();
	}

	#next(): void {
		if (Date.now() < this.#pausedUntilMs || this.#life.signal.aborted) return;
		while (this.#running < PARALLEL) {
			const [traceId, ...rest] = this.#round;
			if (traceId === undefined) return;
			this.#round = rest;
			const spanId = this.#spanToRead(traceId);
			if (spanId === undefined) continue;
			this.#read.set(traceId, spanId);
			void this.#load(traceId, spanId);
		}
	}

	/** The span that says the prompt of a trace; undefined when there is none, or it was read. */
	#spanToRead(traceId: string): string | undefined {
		const spanId = promptSpan(this.#source.store, traceId);
		return this.#read.get(traceId) === spanId ? undefined : spanId;
	}

	/** Does not reject: without its prompt a row shows the trace's name, and the stream's row says that the server is away. */
	async #load(traceId: string, spanId: string): Promise<void> {
		this.#running++;
		try {
			const text = promptOf(await this.#source.loadSpan(traceId, spanId, this.#life.signal));
			if (text !== undefined) this.#texts.set(traceId, text);
			for (const map of [this.#texts, this.#read]) {
				for (const oldest of map.keys()) {
					if (map.size <= MAX_PROMPTS) break;
					map.delete(oldest);
				}
			}
			this.#onChange();
		} catch (error) {
			// A span that is gone stays gone; anything else is tried again, after a while.
			if (!(error instanceof SourceError && error.reason === "notFound")) {
				this.#read.delete(traceId);
				this.#pausedUntilMs = Date.now() + PAUSE_MS;
			}
		} finally {
			this.#running--;
		}
		this.#next();
	}
}

/** What the user said last in the call's input, on one line. */
export function promptOf({ input, attributes }: SpanDetail): string | undefined {
	const own = conversationOf(input, "input");
	const { messages } = own.messages.length > 0 ? own : conversationInAttributes(attributes, "input");
	const said = messages.findLast(
		({ role, kind, content }) => role === "user" && kind === "text" && typeof content === "string",
	);
	const text = typeof said?.content === "string" ? said.content.slice(0, 4 * MAX_CHARS) : "";
	return text.replace(/\s+/g, " ").trim().slice(0, MAX_CHARS) || undefined;
}
