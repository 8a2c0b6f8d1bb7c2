import { isAbortError } from "../../base/abort.ts";
import { displayText } from "../../base/displayText.ts";
import { type Disposable, toDisposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import { conversationOf } from "../../model/conversation.ts";
import { MAX_LIVE_PROMPTS } from "../../protocol/liveMessages.ts";
import { type Source, SourceError } from "../../sources/source.ts";

/** Requests at a time: prompts are an extra, and what the user opens goes first. */
const AT_A_TIME = 3;
/** A longer span is not read for the sake of one line. */
const MAX_SPAN_BYTES = 256 * 1024;
const MAX_PREVIEW = 160;
/** Prompts kept; about 400 bytes each. */
const MAX_KEPT = 2_000;

export interface PromptPreviewsOptions {
	readonly source: () => Source | undefined;
	/** The span whose input is the trace's prompt. */
	readonly spanOf: (traceId: string) => string | undefined;
	readonly onKnown: (prompts: readonly (readonly [traceId: string, prompt: string | null])[]) => void;
	readonly logger: Logger;
}

/**
 * Reads the prompts of rows that are looked at, few at a time and never a large span. A newer question takes the place of
 * what still waits of the older one, so that fast scrolling asks for what it stops at.
 */
export class PromptPreviews implements Disposable {
	readonly #options: PromptPreviewsOptions;
	readonly #abort = new AbortController();
	readonly #end = toDisposable(() => this.#abort.abort());
	/** By trace: which span was read, and what it said. */
	readonly #known = new Map<string, { readonly spanId: string; readonly prompt: string | null }>();
	readonly #underWay = new Set<string>();
	#waiting: string[] = [];

	constructor(options: PromptPreviewsOptions) {
		this.#options = options;
	}

	/** Answers through `onKnown`, at once for what is known; for a trace without a span, or that cannot be read, not at all. */
	load(traceIds: readonly string[]): void {
		this.#waiting = [];
		const answers: [string, string | null][] = [];
		for (const traceId of traceIds.slice(0, MAX_LIVE_PROMPTS)) {
			const spanId = this.#options.spanOf(traceId);
			if (spanId === undefined) continue;
			const known = this.#known.get(traceId);
			if (known?.spanId === spanId) answers.push([traceId, known.prompt]);
			else if (!this.#underWay.has(traceId)) this.#waiting.push(traceId);
		}
		if (answers.length > 0) this.#options.onKnown(answers);
		this.#next();
	}

	dispose(): void {
		this.#waiting = [];
		this.#end.dispose();
	}

	#next(): void {
		while (this.#underWay.size < AT_A_TIME) {
			const traceId = this.#waiting.shift();
			if (traceId === undefined) return;
			void this.#read(traceId);
		}
	}

	async #read(traceId: string): Promise<void> {
		const { source, spanOf, onKnown, logger } = this.#options;
		const from = source();
		const spanId = spanOf(traceId);
		if (from === undefined || spanId === undefined) return;
		this.#underWay.add(traceId);
		try {
			const { input } = await from.loadSpan(traceId, spanId, this.#abort.signal, MAX_SPAN_BYTES);
			if (this.#abort.signal.aborted) return;
			this.#keep(traceId, spanId, promptOf(input));
			onKnown([[traceId, this.#known.get(traceId)?.prompt ?? null]]);
		} catch (error) {
			if (this.#abort.signal.aborted || isAbortError(error)) return;
			const isSettled = error instanceof SourceError && (error.reason === "tooLarge" || error.reason === "notFound");
			if (isSettled) {
				this.#keep(traceId, spanId, null);
				onKnown([[traceId, null]]);
			}
			logger.debug(`the prompt of trace ${traceId} could not be read: ${describeError(error)}`);
		} finally {
			this.#underWay.delete(traceId);
			this.#next();
		}
	}

	#keep(traceId: string, spanId: string, prompt: string | null): void {
		this.#known.delete(traceId);
		this.#known.set(traceId, { spanId, prompt });
		for (const oldest of this.#known.keys()) {
			if (this.#known.size <= MAX_KEPT) break;
			this.#known.delete(oldest);
		}
	}
}

/** The newest words of a person in an input, on one line; null where there are none. */
export function promptOf(input: unknown): string | null {
	if (input === undefined || input === null) return null;
	const { messages } = conversationOf(input, "input");
	const texts = messages.filter(
		({ kind, content }) => kind === "text" && typeof content === "string" && content !== "",
	);
	const text = (texts.findLast(({ role }) => role === "user") ?? texts.at(-1))?.content;
	const words = typeof text === "string" ? text : typeof input === "string" ? input : JSON.stringify(input);
	// Cut before the white space is gathered: a prompt may be megabytes long.
	const line = words
		.slice(0, MAX_PREVIEW * 4)
		.replace(/\s+/g, " ")
		.trim();
	return line === "" ? null : displayText(line, MAX_PREVIEW);
}
