import type { Disposable } from "../../src/base/disposable.ts";
import { Emitter } from "../../src/base/emitter.ts";

/** What a page knows of the extension host. A page gets one in its constructor, so that it also runs in a plain browser. */
export interface HostEndpoint<ToHost, FromHost, State> {
	/** Sends one message; there is no answer but what the protocol says. */
	post(message: ToHost): void;
	/** Calls the listener with each message of a known type, in order of arrival. */
	onMessage(listener: (message: FromHost) => void): Disposable;
	/** What `setState` kept last, also across a reload of the window; undefined at first. Unchecked: it may be of an older version. */
	getState(): State | undefined;
	setState(state: State): void;
}

interface VsCodeApi {
	postMessage(message: unknown): void;
	getState(): unknown;
	setState(state: unknown): void;
}

declare global {
	/** Given by VS Code, or by a test page; may be called once in the life of a page. */
	function acquireVsCodeApi(): VsCodeApi;
}

/**
 * Connects a page to its host. The only place that calls `acquireVsCodeApi`, which answers once: call this once a page.
 * Whatever arrives that is no object with one of the known types is ignored; its fields are the host's promise.
 */
export function connectToHost<ToHost, FromHost extends { readonly type: string }, State>(
	knownTypes: readonly FromHost["type"][],
): HostEndpoint<ToHost, FromHost, State> {
	const api = acquireVsCodeApi();
	const known = new Set<string>(knownTypes);
	const emitter = new Emitter<FromHost>();
	const isKnown = (value: unknown): value is FromHost =>
		typeof value === "object" &&
		value !== null &&
		"type" in value &&
		typeof value.type === "string" &&
		known.has(value.type);
	window.addEventListener("message", (event: MessageEvent<unknown>) => {
		if (isKnown(event.data)) emitter.fire(event.data);
	});
	return {
		post: (message) => api.postMessage(message),
		onMessage: emitter.event,
		getState: () => api.getState() as State | undefined,
		setState: (state) => api.setState(state),
	};
}

/** A fresh id for `page/ready`: the host takes a second one as a reload. */
export function newClientId(): string {
	return crypto.randomUUID();
}
