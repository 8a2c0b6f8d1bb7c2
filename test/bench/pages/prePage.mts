import { jsonText } from "../../../src/model/jsonText.ts";
import { timeToAppear } from "./frames.ts";
import { payloadOf } from "./payload.ts";

declare global {
	var preformatted: {
		/** Milliseconds from the message with a text to all of it in a `<pre>` on the screen. */
		open(bytes: number): Promise<number>;
		/** Milliseconds that `JSON.parse` takes of the same text. */
		parse(bytes: number): number;
	};
}

const pre = document.createElement("pre");
document.body.append(pre);
window.addEventListener("message", ({ data }: MessageEvent<string>) => {
	pre.textContent = data;
});

function textOf(bytes: number): string {
	return jsonText(payloadOf(bytes), Number.MAX_SAFE_INTEGER).text;
}

globalThis.preformatted = {
	open(bytes) {
		const text = textOf(bytes);
		return timeToAppear(
			() => window.postMessage(text, "*"),
			() => pre.firstChild !== null,
		);
	},
	parse(bytes) {
		const text = textOf(bytes);
		const startedAt = performance.now();
		JSON.parse(text);
		return performance.now() - startedAt;
	},
};
