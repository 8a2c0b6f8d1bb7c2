import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

/** What a page says, in English, by its keys. */
type PageWords = Readonly<Record<string, string>>;
export type PageName = "waterfall" | "spanDetail" | "live" | "overview";

const PAGE_ELEMENTS: Record<PageName, string> = {
	waterfall: "traceway-waterfall",
	spanDetail: "traceway-span-detail",
	live: "traceway-live",
	overview: "traceway-overview",
};

/** The page's words in the user's language, as a block of data; nothing in English, which the page has itself. */
function wordsBlock(words: PageWords): string {
	if (vscode.l10n.bundle === undefined) return "";
	const translated = Object.fromEntries(Object.entries(words).map(([key, text]) => [key, vscode.l10n.t(text)]));
	// `<` could end the block.
	return `<script type="application/json" id="words">${JSON.stringify(translated).replaceAll("<", "\\u003c")}</script>`;
}

/** The only folder webviews may load from. */
export function webviewRoot(extensionUri: vscode.Uri): vscode.Uri {
	return vscode.Uri.joinPath(extensionUri, "dist", "webview");
}

/**
 * Shows a page at once. Only where VS Code has a language pack its words are loaded first: they are as large as the panels'
 * own code, and most windows never read them.
 */
export function showPage(
	webview: vscode.Webview,
	extensionUri: vscode.Uri,
	page: PageName,
	loadWords: () => Promise<PageWords>,
): void {
	const show = (words: PageWords) => {
		webview.html = webviewHtml(webview, extensionUri, page, words);
	};
	if (vscode.l10n.bundle === undefined) show({});
	else {
		// Rejects only when the panel was closed meanwhile: then there is nothing to show.
		loadWords()
			.then(show)
			.catch(() => undefined);
	}
}

/**
 * The page around a Lit element. Nothing runs but the bundle with this page's nonce, and nothing is fetched but it and the font
 * of the icons. The font is named here: a style sheet of its own would hold up the script until it is there.
 */
export function webviewHtml(
	webview: vscode.Webview,
	extensionUri: vscode.Uri,
	page: PageName,
	words: PageWords,
): string {
	const nonce = randomBytes(18).toString("base64url");
	const asset = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(webviewRoot(extensionUri), name)).toString();
	const policy = [
		"default-src 'none'",
		`style-src ${webview.cspSource} 'nonce-${nonce}'`,
		`script-src 'nonce-${nonce}' ${webview.cspSource}`,
		`font-src ${webview.cspSource}`,
		`img-src ${webview.cspSource} data:`,
	].join("; ");
	const element = PAGE_ELEMENTS[page];
	return `<!DOCTYPE html>
<html lang="en">
<head>
	<meta charset="UTF-8">
	<meta http-equiv="Content-Security-Policy" content="${policy}">
	<meta name="viewport" content="width=device-width, initial-scale=1">
	<style nonce="${nonce}">@font-face { font-family: codicon; font-display: block; src: url("${asset("codicon.ttf")}"); }</style>
	<title>Traceway Live</title>
</head>
<body data-page="${page}">
	${wordsBlock(words)}
	<${element}></${element}>
	<script type="module" nonce="${nonce}" src="${asset(`${page}.js`)}"></script>
</body>
</html>`;
}
