/**
 * The user words of a page: the English defaults, each replaced where the host put a translation into
 * `<script type="application/json" id="words">`. Unknown keys and values that are no strings are ignored.
 */
export function readWords<T extends Readonly<Record<string, string>>>(defaults: T): T {
	const text = document.getElementById("words")?.textContent;
	if (!text) return defaults;
	let given: unknown;
	try {
		given = JSON.parse(text);
	} catch {
		// A page in English is better than no page.
		return defaults;
	}
	if (typeof given !== "object" || given === null) return defaults;
	const words: Record<string, string> = { ...defaults };
	for (const [key, value] of Object.entries(given)) {
		if (Object.hasOwn(defaults, key) && typeof value === "string") words[key] = value;
	}
	return words as T;
}

/** Puts arguments into the places `{0}`, `{1}` … of a text, as `vscode.l10n.t` does. */
export function fill(text: string, ...args: readonly (string | number)[]): string {
	return text.replace(/\{(\d+)\}/g, (place, index: string) => String(args[Number(index)] ?? place));
}
