import type * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import type { Logger } from "../../base/logger.ts";
import { type Message, type PageHandlers, PageLink } from "./pageLink.ts";

/** The panel lifetime: one webview panel with the line to its page. */
export class PanelHost<FromPage extends Message, ToPage extends Message> implements Disposable {
	readonly panel: vscode.WebviewPanel;
	readonly #owned = new DisposableStore();
	readonly #link: PageLink<FromPage, ToPage>;
	#wasHidden = false;

	constructor(
		panel: vscode.WebviewPanel,
		logger: Logger,
		handlers: PageHandlers<FromPage> & {
			/** The panel is shown again and its page is being made: what is posted from now on gets there, most likely. */
			readonly onShown?: () => void;
			readonly onEnd: () => void;
		},
	) {
		this.panel = panel;
		this.#link = this.#owned.add(new PageLink<FromPage, ToPage>(panel.webview, logger, handlers));
		this.#owned.add(
			panel.onDidChangeViewState(() => {
				if (!panel.visible) {
					this.#link.forgetPage();
					this.#wasHidden = true;
				} else if (this.#wasHidden) {
					this.#wasHidden = false;
					if (handlers.onShown === undefined) return;
					this.#link.awaitPage();
					handlers.onShown();
				}
			}),
		);
		this.#owned.add(
			panel.onDidDispose(() => {
				this.#link.forgetPage();
				handlers.onEnd();
				this.#owned.dispose();
			}),
		);
	}

	/** Whether what is posted gets to the page. */
	get isReady(): boolean {
		return this.#link.isReady;
	}

	post(message: ToPage): void {
		this.#link.post(message);
	}

	dispose(): void {
		this.panel.dispose();
		this.#owned.dispose();
	}
}
