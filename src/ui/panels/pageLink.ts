import type * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import type { Logger } from "../../base/logger.ts";
import { PROTOCOL_VERSION } from "../../protocol/messages.ts";

/** What a page may say; the subject decides what the words mean. */
export interface Message {
	readonly type: string;
}

export interface PageHandlers<FromPage extends Message> {
	/** @param isAwaited It is the page that `awaitPage` told of. */
	readonly onReady: (isAwaited: boolean) => void;
	readonly onMessage: (message: FromPage) => void;
}

/**
 * The line to the page of one webview. Nothing is posted while it is hidden, because a hidden page does not exist: it asks
 * again when it is shown. Nor before the page said that it is ready, unless the subject wants to send ahead (`awaitPage`).
 */
export class PageLink<FromPage extends Message, ToPage extends Message> implements Disposable {
	readonly #webview: vscode.Webview;
	readonly #owned = new DisposableStore();
	#clientId: string | undefined;
	/** Shown again, and its page is being made: VS Code keeps what is posted until the page listens. */
	#isComing = false;

	constructor(webview: vscode.Webview, logger: Logger, handlers: PageHandlers<FromPage>) {
		this.#webview = webview;
		this.#owned.add(
			webview.onDidReceiveMessage((value: unknown) => {
				if (!isMessage(value)) {
					logger.warn("a page sent something that is no message");
					return;
				}
				if (value.type !== "page/ready") {
					handlers.onMessage(value as FromPage);
					return;
				}
				const ready = value as { clientId?: unknown; protocolVersion?: unknown };
				if (ready.protocolVersion !== PROTOCOL_VERSION) {
					logger.error(`page protocol ${String(ready.protocolVersion)}, host ${PROTOCOL_VERSION}: reload the window`);
					return;
				}
				this.#clientId = String(ready.clientId);
				const isAwaited = this.#isComing;
				this.#isComing = false;
				handlers.onReady(isAwaited);
			}),
		);
	}

	/** Whether what is posted gets to the page. */
	get isReady(): boolean {
		return this.#clientId !== undefined || this.#isComing;
	}

	/** The page is being made anew: what is posted from now on gets there. */
	awaitPage(): void {
		this.#isComing = true;
	}

	/** The page was hidden: it is no more. */
	forgetPage(): void {
		this.#clientId = undefined;
		this.#isComing = false;
	}

	post(message: ToPage): void {
		if (this.isReady) void this.#webview.postMessage(message);
	}

	dispose(): void {
		this.forgetPage();
		this.#owned.dispose();
	}
}

function isMessage(value: unknown): value is Message {
	return typeof value === "object" && value !== null && typeof (value as Message).type === "string";
}
