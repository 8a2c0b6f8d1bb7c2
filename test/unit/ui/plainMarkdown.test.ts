import { describe, expect, it } from "vitest";
import { appendPlain, plainLabel } from "../../../src/ui/plainMarkdown.ts";

/** Escapes what `vscode.MarkdownString.appendText` escapes. */
class MarkdownText {
	value = "";
	appendText(text: string): void {
		this.value += text.replaceAll(/[\\`*_{}[\]()#+\-!~]/g, "\\$&").replaceAll(">", "\\>");
	}
}

function plain(text: string): string {
	const markdown = new MarkdownText();
	markdown.value = "http://127.0.0.1 before ";
	appendPlain(markdown, text);
	expect(markdown.value.startsWith("http://127.0.0.1 before ")).toBe(true);
	return markdown.value.slice("http://127.0.0.1 before ".length);
}

/** What a reader sees of it: entities and escapes undone. */
function seen(markdown: string): string {
	return markdown
		.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
		.replaceAll("&amp;", "&")
		.replaceAll(/\\([^a-z])/gi, "$1");
}

describe("text in a tooltip", () => {
	it.each(["see https://example.org/a?b=1&c=2", "www.example.org", "WWW.example.org", "mail me@example.org"])(
		"makes no link of %s, and reads the same",
		(text) => {
			const markdown = plain(text);
			expect(markdown).not.toMatch(/:\/\/|www\.|@/i);
			expect(seen(markdown)).toBe(text);
		},
	);

	it("keeps entities as the characters that were sent", () => {
		expect(plain("&lt;b> &#58; &")).toBe("&amp;lt;b\\> &amp;\\#58; &amp;");
		expect(seen(plain("&lt;b> &#58; &"))).toBe("&lt;b> &#58; &");
	});

	it("has the signs of Markdown escaped", () => {
		expect(plain("[go](command:x) **b** `c`")).toBe("\\[go\\]\\(command:x\\) \\*\\*b\\*\\* \\`c\\`");
	});
});

describe("a label in a list to pick from", () => {
	it("keeps the name of an icon text", () => {
		expect(plainLabel("$(zap) costs $ 5 (net) $(a)")).toBe("\\$(zap) costs $ 5 (net) \\$(a)");
	});
});
