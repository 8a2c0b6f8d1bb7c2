import { provideVSCodeDesignSystem, vsCodeButton, vsCodeProgressRing } from "@vscode/webview-ui-toolkit";

/**
 * The one place that knows `@vscode/webview-ui-toolkit`. It is archived and large, so pages import this file lazily, use
 * it for form controls only and work without it: whoever replaces the toolkit replaces the two elements here.
 *
 * `<tw-button appearance="primary|secondary">` and `<tw-progress-ring>` exist once this has been called.
 */
export function registerKit(): void {
	provideVSCodeDesignSystem().withPrefix("tw").register(vsCodeButton(), vsCodeProgressRing());
}
