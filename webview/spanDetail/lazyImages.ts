import type { SpanPart } from "../../src/protocol/messages.ts";

/** How far outside the view an image is asked for already. */
const MARGIN = "200px";

/**
 * Images of the span shown, each asked for once when its place comes into view: a conversation may hold hundreds of them, and
 * the message that brings a span stays small while it is live.
 */
export class LazyImages {
	readonly #ask: (part: SpanPart) => void;
	readonly #uris = new Map<SpanPart, string>();
	readonly #asked = new Set<SpanPart>();
	readonly #places = new WeakMap<Element, SpanPart>();
	#observer: IntersectionObserver | undefined;

	constructor(ask: (part: SpanPart) => void) {
		this.#ask = ask;
	}

	/** Undefined until it is there, `"none"` when it cannot be shown. */
	get(part: SpanPart): string | undefined {
		return this.#uris.get(part);
	}

	set(part: SpanPart, uri: string | undefined): void {
		// The page's policy lets nothing else in; this keeps a mistake of the host from becoming a request.
		this.#uris.set(part, uri?.startsWith("data:image/") === true ? uri : "none");
	}

	watch(place: Element, part: SpanPart): void {
		if (this.#asked.has(part)) return;
		this.#places.set(place, part);
		this.#observer ??= new IntersectionObserver((entries) => this.#handle(entries), { rootMargin: MARGIN });
		this.#observer.observe(place);
	}

	/** Another span is shown. */
	clear(): void {
		this.#observer?.disconnect();
		this.#observer = undefined;
		this.#uris.clear();
		this.#asked.clear();
	}

	#handle(entries: readonly IntersectionObserverEntry[]): void {
		for (const { isIntersecting, target } of entries) {
			if (!isIntersecting) continue;
			this.#observer?.unobserve(target);
			const part = this.#places.get(target);
			if (part === undefined || this.#asked.has(part)) continue;
			this.#asked.add(part);
			this.#ask(part);
		}
	}
}
