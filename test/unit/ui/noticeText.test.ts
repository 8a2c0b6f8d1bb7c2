import { describe, expect, it } from "vitest";
import { noticeText } from "../../../src/ui/noticeText.ts";

/** The pattern by which VS Code finds links in the text of a notification. */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/;

describe("text for a notification", () => {
	it("leaves no link that a click could run", () => {
		const hostile = "HTTP 401 [sign in](command:workbench.action.terminal.new) or [here](https://example.org/)";
		expect(hostile).toMatch(LINK);
		expect(noticeText(hostile)).not.toMatch(LINK);
	});

	it("keeps plain words as they are", () => {
		expect(noticeText("The server refused the token (HTTP 401)")).toBe("The server refused the token (HTTP 401)");
	});

	it("is bounded", () => {
		expect(noticeText("x".repeat(1_000_000)).length).toBeLessThanOrEqual(401);
	});
});
