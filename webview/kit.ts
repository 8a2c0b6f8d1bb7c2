import { provideVSCodeDesignSystem, vsCodeButton, vsCodeProgressRing } from "@vscode/webview-ui-toolkit";

/**
 * The toolkit copies VS Code's colours into variables of its own when the page fires `load`; loaded later than that, it
 * keeps the dark theme's defaults for ever. These rules give its elements the colours as they are, and follow a change of
 * the theme without a listener.
 */
const COLORS = `
	tw-button, tw-progress-ring {
		--focus-border: var(--vscode-focusBorder);
		--font-family: var(--vscode-font-family);
		--type-ramp-base-font-size: var(--vscode-font-size);
		--type-ramp-base-line-height: 16px;
		--button-border: var(--vscode-button-border, var(--vscode-contrastBorder, transparent));
		--button-primary-background: var(--vscode-button-background);
		--button-primary-foreground: var(--vscode-button-foreground);
		--button-primary-hover-background: var(--vscode-button-hoverBackground, var(--vscode-button-background));
		--button-secondary-background: var(--vscode-button-secondaryBackground, transparent);
		--button-secondary-foreground: var(--vscode-button-secondaryForeground, var(--vscode-foreground));
		--button-secondary-hover-background: var(--vscode-button-secondaryHoverBackground, transparent);
		--progress-background: var(--vscode-progressBar-background);
	}
`;

/**
 * The one place that knows `@vscode/webview-ui-toolkit`. It is archived and large, so pages import this file lazily, use
 * it for form controls only and work without it: whoever replaces the toolkit replaces the two elements here.
 *
 * `<tw-button appearance="primary|secondary">` and `<tw-progress-ring>` exist once this has been called; the style sheet
 * that it gives belongs to each root that uses them.
 */
export function registerKit(): CSSStyleSheet {
	provideVSCodeDesignSystem().withPrefix("tw").register(vsCodeButton(), vsCodeProgressRing());
	const sheet = new CSSStyleSheet();
	sheet.replaceSync(COLORS);
	return sheet;
}
