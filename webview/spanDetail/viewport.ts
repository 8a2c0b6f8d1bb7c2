import type { LitElement, ReactiveController } from "lit";

/** Where a list of many rows is scrolled to: its element of class `viewport`, measured on scroll and when its size changes. */
export class Viewport implements ReactiveController {
	/** Pixels. */
	scrollTop = 0;
	height = 0;
	readonly #host: LitElement;
	readonly #resize = new ResizeObserver(() => this.measure());
	#observed: HTMLElement | undefined;

	constructor(host: LitElement) {
		this.#host = host;
		host.addController(this);
	}

	/** The host itself while it shows no rows. */
	get element(): HTMLElement {
		return this.#host.renderRoot.querySelector<HTMLElement>(".viewport") ?? this.#host;
	}

	hostUpdated(): void {
		const { element } = this;
		if (element === this.#observed) return;
		this.#resize.disconnect();
		this.#resize.observe(element);
		this.#observed = element;
	}

	hostConnected(): void {
		if (this.#observed !== undefined) this.#resize.observe(this.#observed);
	}

	hostDisconnected(): void {
		this.#resize.disconnect();
	}

	/** Has the host drawn again when something moved. */
	readonly measure = (): void => {
		const { scrollTop, clientHeight } = this.element;
		if (scrollTop === this.scrollTop && clientHeight === this.height) return;
		this.scrollTop = scrollTop;
		this.height = clientHeight;
		this.#host.requestUpdate();
	};
}
