import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Conversation, type ConversationMessage, conversationOf } from "../../src/model/conversation.ts";
import { conversationInAttributes } from "../../src/model/conversationAttributes.ts";
import { decodedBytes, imageUri, mediaOf } from "../../src/model/conversationMedia.ts";

interface Fixture {
	readonly about: string;
	readonly span: { readonly input?: unknown; readonly output?: unknown; readonly attributes?: Record<string, unknown> };
	readonly expected: { readonly input: readonly string[]; readonly output: readonly string[] };
}

const folder = join(import.meta.dirname, "..", "fixtures", "conversations");
const fixtures = readdirSync(folder).map(
	(name) => [name, JSON.parse(readFileSync(join(folder, name), "utf8")) as Fixture] as const,
);

function read({ span }: Fixture, side: "input" | "output"): Conversation {
	return span.attributes === undefined
		? conversationOf(span[side], side)
		: conversationInAttributes(span.attributes, side);
}

function line({ role, kind, content, toolName, toolCallId, media }: ConversationMessage): string {
	const text = typeof content === "string" ? content : JSON.stringify(content);
	if (media !== undefined) {
		const { type, mediaType = "-", data, reference, name } = media;
		const size = data === undefined ? `reference ${reference}` : `${decodedBytes(data)} B`;
		return [role, type, mediaType, size, ...(name === undefined ? [] : [name])].join(" ");
	}
	if (kind === "text") return `${role}: ${text}`;
	return `${role} ${kind === "toolCall" ? "calls" : "result"} ${toolName}#${toolCallId ?? ""} ${text}`;
}

describe("conversations as programs record them", () => {
	it.each(fixtures)("%s is read whole, in its order", (_name, fixture) => {
		for (const side of ["input", "output"] as const) {
			const { messages, omitted } = read(fixture, side);
			expect({ side, lines: messages.map(line), omitted }).toEqual({ side, lines: fixture.expected[side], omitted: 0 });
		}
	});

	it.each(fixtures)("%s reads the same as a string of JSON", (_name, fixture) => {
		for (const side of ["input", "output"] as const) {
			const value = fixture.span[side];
			if (value === undefined) continue;
			expect(conversationOf(JSON.stringify(value), side)).toEqual(conversationOf(value, side));
		}
	});
});

describe("media", () => {
	const png = "iVBORw0KGgoAAAANSUhEUg==";

	it("becomes a picture only as a raster format that a browser decodes", () => {
		const shown = (mediaType: string | undefined, data: string): string | undefined =>
			imageUri({ type: "image", mediaType, data, reference: undefined, name: undefined }, 1_000);
		expect(shown("image/png", png)).toBe(`data:image/png;base64,${png}`);
		expect(shown("image/jpg", "/9j/4AAQ")).toBe("data:image/jpeg;base64,/9j/4AAQ");
		expect(shown(undefined, png)).toBe(`data:image/png;base64,${png}`);
		expect(shown("image/webp", "UklGRi-_")).toBe("data:image/webp;base64,UklGRi+/");
		expect(shown("image/svg+xml", "PHN2Zy8+")).toBeUndefined();
		expect(shown("image/png", 'x" onerror="alert(1)')).toBeUndefined();
		expect(shown("image/png", "A".repeat(2_000))).toBeUndefined();
	});

	it("is not what only bears its word: a tool's object, the text of a document", () => {
		expect(mediaOf({ type: "file", path: "/srv/a.txt", lines: 3 })).toBeUndefined();
		const source = { type: "text", media_type: "text/plain", data: "Dear customer, all is well." };
		expect(mediaOf({ type: "document", source })).toBeUndefined();
		expect(mediaOf({ type: "uri" })).toBeUndefined();
	});
});
