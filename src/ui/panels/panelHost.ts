import type * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import type { Logger } from "../../base/logger.ts";
import { PROTOCOL_VERSION } from "../../protocol/messages.ts";

/** What a page may say; the subject decides what the words mean. */
interface Message {
	readonly type: string;
}

/**
 * The panel lifetime: one webview panel with its page. Nothing is posted while it is hidden, because a hidden page does not
 * exist: it asks again when it is shown. Nor before the page said that it is ready, unless the subject wants to send ahead.
 */
export class PanelHost<FromPage extends Message, ToPage extends Message> implements Disposable {
	readonly panel: vscode.WebviewPanel;
	readonly #owned = new DisposableStore();
	readonly #logger: Logger;
	#clientId: string | undefined;
	/** Shown again, and its page is being made: VS Code keeps what is posted until the page listens. */
	#isComing = false;
	#wasHidden = false;

	constructor(
		panel: vscode.WebviewPanel,
		logger: Logger,
		handlers: {
			/** @param isAwaited It is the page for which `onShown` was called. */
			readonly onReady: (isAwaited: boolean) => void;
			/** The panel is shown again and its page is being made: what is posted from now on gets there, most likely. */
			readonly onShown?: () => void;
			readonly onMessage: (message: FromPage) => void;
			readonly onEnd: () => void;
		},
	) {
		this.panel = panel;
		this.#logger = logger;
		this.#owned.add(
			panel.webview.onDidReceiveMessage((value: unknown) => {
				if (!isMessage(value)) {
					this.#logger.warn("a page sent something that is no message");
					return;
				}
				if (value.type !== "page/ready") {
					handlers.onMessage(value as FromPage);
					return;
				}
				const ready = value as { clientId?: unknown; protocolVersion?: unknown };
				if (ready.protocolVersion !== PROTOCOL_VERSION) {
					this.#logger.error(
						`page protocol ${String(ready.protocolVersion)}, host ${PROTOCOL_VERSION}: reload the window`,
					);
					return;
				}
				this.#clientId = String(ready.clientId);
				const isAwaited = this.#isComing;
				this.#isComing = false;
				handlers.onReady(isAwaited);
			}),
		);
		this.#owned.add(
			panel.onDidChangeViewState(() => {
				if (!panel.visible) {
					this.#clientId = undefined;
					this.#isComing = false;
					this.#wasHidden = true;
				} else if (this.#wasHidden) {
					this.#wasHidden = false;
					if (handlers.onShown === undefined) return;
					this.#isComing = true;
					handlers.onShown();
				}
			}),
		);
		this.#owned.add(
			panel.onDidDispose(() => {
				this.#clientId = undefined;
				this.#isComing = false;
				handlers.onEnd();
				this.#owned.dispose();
			}),
		);
	}

	/** Whether what is posted gets to the page. */
	get isReady(): boolean {
		return this.#clientId !== undefined || this.#isComing;
	}

	post(message: ToPage): void {
		if (this.isReady) void this.panel.webview.postMessage(message);
	}

	dispose(): void {
		this.panel.dispose();
		this.#owned.dispose();
	}
}

function isMessage(value: unknown): value is Message {
	return typeof value === "object" && value !== null && typeof (value as Message).type === "string";
}
