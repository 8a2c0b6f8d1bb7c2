import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, it } from "vitest";
import { ICONS } from "../../../webview/shared/glyphs.ts";

it("has the characters of the codicon font that is shipped", () => {
	const path = createRequire(import.meta.url).resolve("@vscode/codicons/dist/codicon.csv");
	const characters = new Map(
		readFileSync(path, "utf8")
			.split(/\r?\n/)
			.map((line) => line.split(",") as [string, string, string])
			.map(([name, , code]) => [name, String.fromCodePoint(Number.parseInt(code, 16) || 0)]),
	);
	for (const [name, character] of Object.entries(ICONS)) expect(characters.get(name), name).toBe(character);
});
