import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTimestamp } from "../../src/base/timestamp.ts";
import type { SpanDetail, SpanSummary } from "../../src/model/span.ts";
import { copyFormats, spanCopy } from "../../src/ui/panels/spanCopy.ts";

function detailOf(payload: Partial<SpanDetail>, summary: Partial<SpanSummary> = {}): SpanDetail {
	return {
		raw: { id: "s1", name: "draft" },
		input: undefined,
		output: undefined,
		attributes: {},
		...payload,
		summary: {
			traceId: "t1",
			spanId: "s1",
			name: "draft",
			kindType: "llm_call",
			kindName: "llm_call",
			state: "completed",
			start: parseTimestamp("2026-03-06T09:00:00Z"),
			end: parseTimestamp("2026-03-06T09:00:01.5Z"),
			...summary,
		} as SpanSummary,
	};
}

const chat = detailOf(
	{
		input: [
			{ role: "system", content: "Be brief." },
			{
				role: "user",
				content: [
					{ type: "text", text: "Look" },
					{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
				],
			},
			{ role: "assistant", tool_calls: [{ id: "c", function: { name: "zoom", arguments: '{"by":2}' } }] },
		],
		output: "A ```cat```.",
		attributes: { a: 1 },
	},
	{ model: "gpt-4o", inputTokens: 1200, outputTokens: 8, costUsd: 0.002, isCostEstimated: true },
);

const http = (attributes: Record<string, unknown>) =>
	detailOf({ attributes }, { kindType: "custom", kindName: "http" });

describe("a span for the clipboard", () => {
	it("is offered as what it has something for", () => {
		expect(copyFormats(chat)).toEqual(["json", "markdown", "prompt"]);
		expect(copyFormats(http({ "http.request.method": "GET", "url.full": "https://example.com/a" }))).toEqual([
			"json",
			"markdown",
			"curl",
		]);
		expect(copyFormats(http({ "http.route": "/a" }))).toEqual(["json", "markdown"]);
	});

	it("is its JSON, whole", () => {
		expect(JSON.parse(spanCopy(chat, "json"))).toEqual(chat.raw);
	});

	it("is its prompt, with media named", () => {
		expect(spanCopy(chat, "prompt")).toBe(
			'System:\nBe brief.\n\nUser:\nLook\n\nUser:\n[image, image/png]\n\nAssistant calls zoom:\n{\n  "by": 2\n}',
		);
	});

	it("is Markdown whose fences hold what they fence", () => {
		const markdown = spanCopy(chat, "markdown");
		expect(markdown).toContain("# draft\n\n- Kind: llm\\_call\n- Status: completed\n");
		expect(markdown).toContain("- Duration: 1.5 s\n- Model: gpt-4o\n- Input tokens: 1,200\n");
		expect(markdown).toContain("### Assistant\n\n````\nA ```cat```.\n````");
		expect(markdown).toContain('## Attributes\n\n```json\n{\n  "a": 1\n}\n```');
		expect(spanCopy(detailOf({}, { name: "<img src=x> [a](b)\n# c" }), "markdown").split("\n")[0]).toBe(
			"# \\<img src=x\\> \\[a\\](b) \\# c",
		);
	});
});

describe("cURL", () => {
	it("repeats the call, by the new words and the old", () => {
		expect(
			spanCopy(
				http({
					"http.request.method": "POST",
					"url.full": "https://api.example.com/v1/orders?x=1",
					"http.request.header.content-type": ["application/json"],
					"http.request.body": '{"name":"it\'s"}',
				}),
				"curl",
			),
		).toBe(
			"curl --globoff --request 'POST' --url 'https://api.example.com/v1/orders?x=1' \\\n  --header 'content-type: application/json' \\\n  --data-raw '{\"name\":\"it'\\''s\"}'",
		);
		const old = {
			"http.method": "GET",
			"http.scheme": "http",
			"net.peer.name": "box",
			"net.peer.port": 8080,
			"http.target": "/a?b=c",
		};
		expect(spanCopy(http(old), "curl")).toBe("curl --globoff --request 'GET' --url 'http://box:8080/a?b=c'");
	});

	it("has curl read no file and send one request, whatever a header or an address is called", () => {
		const hostile = {
			"http.request.method": "GET",
			"url.full": "http://box/[1-100000]",
			"http.request.header.@/etc/passwd": "x",
			"http.request.header.accept": "y",
		};
		expect(spanCopy(http(hostile), "curl")).toBe(
			"curl --globoff --request 'GET' --url 'http://box/[1-100000]' \\\n  --header 'accept: y'",
		);
		expect(copyFormats(http({ ...hostile, "http.request.method": "GET\r\nX: y" }))).not.toContain("curl");
	});

	it("is nothing where the address is no HTTP address", () => {
		expect(copyFormats(http({ "http.method": "GET", "http.url": "--output=/etc/x" }))).not.toContain("curl");
	});

	it.skipIf(process.platform === "win32")("hands a shell exactly the words of the call, whatever they hold", () => {
		const words = fc.array(
			fc.string({
				unit: fc.constantFrom("a", "'", '"', "\\", "$(id)", "`id`", "\n", "\u001b", ";", " ", "é", "!", "\r"),
			}),
			{
				minLength: 1,
				maxLength: 3,
			},
		);
		fc.assert(
			fc.property(words, (parts) => {
				const body = parts.join("");
				const header = `x${parts[0]}`;
				const command = spanCopy(
					http({
						"http.method": "GET",
						"http.url": "https://example.com/",
						"http.request.header.h": header,
						"http.request.body": body,
					}),
					"curl",
				);
				// biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach a terminal, but for the line ends of the command.
				expect(command.replaceAll(" \\\n  ", "")).not.toMatch(/[\u0000-\u001f\u007f]/);
				const script = `curl() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n${command}`;
				const seen = execFileSync("bash", ["--norc", "-c", script], {
					stdio: ["ignore", "pipe", "pipe"],
					encoding: "utf8",
					env: { LC_ALL: "C.UTF-8" },
				}).split("\0");
				expect(seen.slice(0, -1)).toEqual([
					"--globoff",
					"--request",
					"GET",
					"--url",
					"https://example.com/",
					"--header",
					`h: ${header}`,
					"--data-raw",
					body,
				]);
			}),
			{ numRuns: 40 },
		);
	});
});
