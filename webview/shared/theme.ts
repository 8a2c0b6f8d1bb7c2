import type { Disposable } from "../../src/base/disposable.ts";
import { Emitter, type Event } from "../../src/base/emitter.ts";

export type ThemeKind = "dark" | "light" | "highContrast" | "highContrastLight";

/**
 * VS Code's colours as values, for the canvas; elements use `var(--vscode-…)` in their styles. Each colour is read once a
 * theme change: `getComputedStyle` forces a style recalculation, which has no place in a frame.
 */
export class Theme implements Disposable {
	readonly #emitter = new Emitter<void>();
	readonly #cache = new Map<string, string>();
	readonly #observer: MutationObserver;
	readonly #forcedColors = window.matchMedia("(forced-colors: active)");
	#style: CSSStyleDeclaration | undefined;

	/** Fires after the theme changed; colours read before are stale. */
	readonly onDidChange: Event<void> = this.#emitter.event;

	constructor() {
		this.#observer = new MutationObserver(this.#handleChange);
		// The body carries the theme's kind and id, the root element the colours themselves: a customised colour changes only those.
		this.#observer.observe(document.body, {
			attributes: true,
			attributeFilter: ["class", "data-vscode-theme-kind", "data-vscode-theme-id"],
		});
		this.#observer.observe(document.documentElement, { attributes: true, attributeFilter: ["style", "class"] });
		this.#forcedColors.addEventListener("change", this.#handleChange);
	}

	get kind(): ThemeKind {
		switch (document.body.dataset.vscodeThemeKind) {
			case "vscode-light":
				return "light";
			case "vscode-high-contrast":
				return "highContrast";
			case "vscode-high-contrast-light":
				return "highContrastLight";
			default:
				return "dark";
		}
	}

	get isHighContrast(): boolean {
		return this.kind === "highContrast" || this.kind === "highContrastLight" || this.#forcedColors.matches;
	}

	/** Value of the first of these custom properties that has one, as in `color("--vscode-charts-red", "--vscode-errorForeground")`. */
	color(...names: readonly string[]): string {
		const key = names[0];
		let value = this.#cache.get(key);
		if (value === undefined) {
			this.#style ??= getComputedStyle(document.documentElement);
			value = "";
			for (const name of names) {
				value = this.#style.getPropertyValue(name).trim();
				if (value !== "") break;
			}
			// Outside VS Code nothing is set; the body's own text colour is at least readable.
			if (value === "") value = getComputedStyle(document.body).color;
			this.#cache.set(key, value);
		}
		return value;
	}

	dispose(): void {
		this.#observer.disconnect();
		this.#forcedColors.removeEventListener("change", this.#handleChange);
		this.#emitter.dispose();
	}

	readonly #handleChange = (): void => {
		this.#cache.clear();
		this.#style = undefined;
		this.#emitter.fire();
	};
}
