import type { Disposable } from "../../src/base/disposable.ts";

/**
 * Tells when the page begins and ceases to want the keys that VS Code binds to its commands: while it has the focus, and
 * no field in which a letter is a letter, nor a dialog, has it.
 */
export class KeyFocus implements Disposable {
	readonly #tell: (isWanted: boolean) => void;
	readonly #stop = new AbortController();
	#isWanted = false;

	/** `root` is the shadow root of the page: the document is not told of a focus that moves inside it. */
	constructor(root: EventTarget, tell: (isWanted: boolean) => void) {
		this.#tell = tell;
		const { signal } = this.#stop;
		for (const target of [window, document, root]) {
			for (const type of ["focusin", "focusout", "focus", "blur"]) {
				// After the event: while the focus moves nobody has it.
				target.addEventListener(type, () => queueMicrotask(() => this.#update()), { signal });
			}
		}
		this.#update();
	}

	dispose(): void {
		this.#stop.abort();
	}

	#update(): void {
		if (this.#stop.signal.aborted) return;
		const isWanted = document.hasFocus() && !isField(activeElement());
		if (isWanted === this.#isWanted) return;
		this.#isWanted = isWanted;
		this.#tell(isWanted);
	}
}

/**
 * Gives the tree the focus when the page has it and nothing in it: VS Code's own keys lead to the page, not to a part of it,
 * and a page that is made anew has forgotten where one was.
 */
export class FocusTaker implements Disposable {
	readonly #take: () => void;
	readonly #stop = new AbortController();

	constructor(take: () => void) {
		this.#take = take;
		window.addEventListener("focus", () => this.check(), { signal: this.#stop.signal });
	}

	/** There is something to focus now. */
	check(): void {
		if (document.hasFocus() && (document.activeElement ?? document.body) === document.body) this.#take();
	}

	dispose(): void {
		this.#stop.abort();
	}
}

/** The element that has the focus, in whatever shadow it stands. */
function activeElement(): Element | null {
	let active = document.activeElement;
	while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
	return active;
}

function isField(element: Element | null): boolean {
	if (!(element instanceof HTMLElement)) return false;
	return element.isContentEditable || element.matches("input, textarea, select, dialog, dialog *");
}
