import type { Frame, Page } from "playwright-core";

export interface ReceivedMessage {
	/** Epoch milliseconds. */
	readonly atMs: number;
	readonly type: string;
	/** About what crosses: bytes of typed arrays, and of everything else as JSON. */
	readonly bytes: number;
}

/** What a webview's frame saw of itself since it came to be. */
export interface Probe {
	/** Epoch milliseconds, as all here. */
	readonly bornAtMs: number;
	/** Its script was there. */
	scriptAtMs: number;
	/** A row of the waterfall was on the screen: the frame after the one in which it was in the page. */
	paintedAtMs: number;
	readonly messages: ReceivedMessage[];
}

declare global {
	var tracewayProbe: Probe | undefined;
}

/** From now on every webview that opens in a window watches itself. */
export async function installProbes(page: Page): Promise<void> {
	await page.addInitScript(watchFrame);
}

export async function readProbe(frame: Frame): Promise<Probe> {
	return await frame.evaluate(() => {
		const probe = globalThis.tracewayProbe;
		if (probe === undefined) throw new Error("the frame opened before it could be watched");
		return probe;
	});
}

/** Runs in each new frame, before anything else. Self-contained: it is sent as text. */
function watchFrame(): void {
	if (window === window.top) return;
	const probe: Probe = {
		bornAtMs: Date.now(),
		scriptAtMs: Number.NaN,
		paintedAtMs: Number.NaN,
		messages: [],
	};
	globalThis.tracewayProbe = probe;
	const receive = ({ data }: MessageEvent<unknown>): void => {
		let bytes = 0;
		const text = JSON.stringify(data, (_key, value: unknown) => {
			if (!ArrayBuffer.isView(value)) return value;
			bytes += value.byteLength;
			return undefined;
		});
		const { type } = (data ?? {}) as { readonly type?: unknown };
		probe.messages.push({ atMs: Date.now(), type: String(type), bytes: bytes + (text?.length ?? 0) });
	};
	let isListening = false;
	const look = (): void => {
		// VS Code writes the page into this frame, and takes all listeners away that were there before.
		if (!isListening && document.body?.dataset.page !== undefined) {
			isListening = true;
			window.addEventListener("message", receive);
		}
		const page = document.querySelector("traceway-waterfall");
		if (Number.isNaN(probe.scriptAtMs) && page?.shadowRoot) probe.scriptAtMs = Date.now();
		const chart = page?.shadowRoot?.querySelector("traceway-chart");
		if (chart?.shadowRoot?.querySelector(".row") == null) return;
		clearInterval(timer);
		requestAnimationFrame(() => {
			probe.paintedAtMs = Date.now();
		});
	};
	// A timer: Chromium forgets the frame callbacks of a document that is written anew.
	const timer = setInterval(look, 4);
}
