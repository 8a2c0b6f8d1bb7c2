/** What this file needs of `vscode.MarkdownString`. */
interface Markdown {
	value: string;
	appendText(text: string): unknown;
}

/**
 * Appends text that Markdown leaves alone. `appendText` escapes the signs of Markdown, but VS Code still makes links of
 * addresses and decodes entities; here both stay the characters that they are.
 */
export function appendPlain(markdown: Markdown, text: string): void {
	const before = markdown.value;
	markdown.appendText(text.replaceAll("&", "&amp;"));
	const added = markdown.value.slice(before.length);
	markdown.value =
		before +
		added
			.replaceAll("://", "&#58;//")
			.replaceAll(/(www)\./gi, "$1&#46;")
			.replaceAll("@", "&#64;");
}

/** A label in which `$(name)` stays text; VS Code would draw an icon in its place. */
export function plainLabel(text: string): string {
	return text.replaceAll("$(", "\\$(");
}
