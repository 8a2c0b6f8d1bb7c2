import { jsonText } from "../../../src/model/jsonText.ts";
import type { HostToSpanDetail, PartText, SpanDetailView } from "../../../src/protocol/messages.ts";
import { timeToAppear } from "./frames.ts";
import { payloadOf } from "./payload.ts";

/** Rows of a tree, or none: then text. */
const FIRST_ROWS = 10;

declare global {
	var detail: {
		/** Makes the answer to "Show Whole" of a payload. */
		prepare(bytes: number): void;
		/** Milliseconds from the message with a span to its input on the screen. */
		open(view: SpanDetailView): Promise<number>;
		/** Milliseconds from the message with the whole of a payload, that was cut, to its first rows. */
		showWhole(): Promise<number>;
	};
}

let whole: PartText | undefined;

globalThis.detail = {
	prepare(bytes) {
		whole = { ...jsonText(payloadOf(bytes), Number.MAX_SAFE_INTEGER), language: "json" };
	},
	open: (view) => timeToAppear(() => post({ type: "detail/value", detail: view }), isThere),
	showWhole() {
		if (whole === undefined) throw new Error("no payload was prepared");
		const text = whole;
		return timeToAppear(
			() => post({ type: "part/value", spanId: "s1", part: "input", text }),
			() => rowsOf(page()) >= FIRST_ROWS,
		);
	},
};

function post(message: HostToSpanDetail): void {
	window.postMessage(message, "*");
}

function page(): ShadowRoot | null | undefined {
	return document.querySelector("traceway-span-detail")?.shadowRoot;
}

function rowsOf(root: ShadowRoot | null | undefined): number {
	return root?.querySelector("traceway-json-tree")?.shadowRoot?.querySelectorAll(".row").length ?? 0;
}

function isThere(): boolean {
	return rowsOf(page()) >= FIRST_ROWS || (page()?.querySelector("pre")?.textContent ?? "") !== "";
}
