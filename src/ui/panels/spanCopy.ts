import { formatCost, formatCount, formatDuration } from "../../base/quantity.ts";
import { differenceNs, formatTimestamp } from "../../base/timestamp.ts";
import type { ConversationMessage } from "../../model/conversation.ts";
import { jsonText } from "../../model/jsonText.ts";
import { text } from "../../model/messageShapes.ts";
import type { SpanDetail } from "../../model/span.ts";
import { ownAttributes, stackOf } from "./spanDetailFacts.ts";
import { conversationsOf } from "./spanDetailView.ts";

export type CopyFormat = "json" | "markdown" | "prompt" | "curl";

/** The formats that a span has something for, most used first. */
export function copyFormats(detail: SpanDetail): CopyFormat[] {
	const formats: CopyFormat[] = ["json", "markdown"];
	if (conversationsOf(detail).input.messages.length > 0) formats.push("prompt");
	if (curlOf(detail) !== undefined) formats.push("curl");
	return formats;
}

/** A span as a text for the clipboard, whole. Nothing of it is trusted: quoted for where it is meant to be pasted. */
export function spanCopy(detail: SpanDetail, format: CopyFormat): string {
	switch (format) {
		case "json":
			return whole(detail.raw);
		case "markdown":
			return markdownOf(detail);
		case "prompt":
			return conversationsOf(detail).input.messages.map(promptText).join("\n\n");
		case "curl":
			return curlOf(detail) ?? "";
	}
}

function whole(value: unknown): string {
	return typeof value === "string" ? value : jsonText(value, Number.MAX_SAFE_INTEGER).text;
}

export function titleOf({ role, kind, toolName }: ConversationMessage): string {
	const speaker = role.charAt(0).toUpperCase() + role.slice(1);
	if (kind === "toolCall") return `${speaker} calls ${toolName ?? "a tool"}`;
	if (kind === "toolResult") return `${speaker}: result of ${toolName ?? "a tool"}`;
	return speaker;
}

/** Media by their kind: nobody pastes base64 into a prompt. */
export function contentOf({ content, media }: ConversationMessage): string {
	if (media === undefined) return whole(content);
	const facts = [media.name, media.mediaType, media.reference].filter((fact) => fact !== undefined);
	return `[${[media.type, ...facts].join(", ")}]`;
}

function promptText(message: ConversationMessage): string {
	return `${titleOf(message)}:\n${contentOf(message)}`;
}

// ── Markdown ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function markdownOf(detail: SpanDetail): string {
	const { summary } = detail;
	const conversations = conversationsOf(detail);
	const messages = [...conversations.input.messages, ...conversations.output.messages];
	const parts = [`# ${inline(summary.name)}`, factsOf(detail)];
	if (summary.error !== undefined) parts.push("## Error", fenced(summary.error, ""));
	const stack = stackOf(detail);
	if (stack !== undefined) parts.push("## Stack", fenced(stack, ""));
	if (messages.length > 0) {
		parts.push("## Messages");
		for (const message of messages) {
			const isText = typeof message.content === "string" || message.media !== undefined;
			parts.push(`### ${inline(titleOf(message))}`, fenced(contentOf(message), isText ? "" : "json"));
		}
	} else {
		for (const side of ["input", "output"] as const) {
			const value = detail[side];
			if (value === undefined) continue;
			const title = side === "input" ? "## Input" : "## Output";
			parts.push(title, fenced(whole(value), typeof value === "string" ? "" : "json"));
		}
	}
	const attributes = ownAttributes(detail);
	if (Object.keys(attributes).length > 0) parts.push("## Attributes", fenced(whole(attributes), "json"));
	return `${parts.join("\n\n")}\n`;
}

function factsOf({ summary }: SpanDetail): string {
	const { start, end, model, provider, inputTokens, outputTokens, costUsd } = summary;
	const started = start === undefined ? undefined : formatTimestamp(start);
	const facts: (readonly [string, string | undefined])[] = [
		["Kind", summary.kindName],
		["Status", summary.state],
		["Started", started],
		["Duration", start === undefined || end === undefined ? undefined : formatDuration(differenceNs(end, start))],
		["Model", model],
		["Provider", provider],
		[
			summary.isTokenTotal === true ? "Tokens" : "Input tokens",
			inputTokens === undefined ? undefined : formatCount(inputTokens),
		],
		["Output tokens", outputTokens === undefined ? undefined : formatCount(outputTokens)],
		["Cost", costUsd === undefined ? undefined : formatCost(costUsd, summary.isCostEstimated)],
		["Trace", summary.traceId],
		["Span", summary.spanId],
	];
	return facts
		.filter(([, value]) => value !== undefined)
		.map(([name, value]) => `- ${name}: ${inline(value ?? "")}`)
		.join("\n");
}

/** On one line, with what Markdown and HTML would act on escaped. */
function inline(value: string): string {
	return value.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>#|!&~]/g, "\\$&");
}

/** In a fence longer than any run of backticks inside. */
export function fenced(value: string, language: string): string {
	const longest = Math.max(0, ...[...value.matchAll(/`{3,}/g)].map(([run]) => run.length));
	const fence = "`".repeat(Math.max(3, longest + 1));
	return `${fence}${language}\n${value}\n${fence}`;
}

// ── cURL ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The call of an HTTP client span, by the semantic conventions of OpenTelemetry, old and new; undefined for other spans. */
function curlOf(detail: SpanDetail): string | undefined {
	const attributes = ownAttributes(detail);
	const word = (...keys: readonly string[]): string | undefined => {
		for (const key of keys) {
			const value = attributes[key];
			if (typeof value === "number") return String(value);
			if (text(value) !== undefined) return text(value);
		}
		return undefined;
	};
	const method = word("http.request.method", "http.method");
	const url = word("url.full", "http.url") ?? assembledUrl(word);
	if (method === undefined || !TOKEN.test(method)) return undefined;
	if (url === undefined || !/^https?:\/\//i.test(url)) return undefined;
	// One request, whatever braces and brackets the address has.
	const lines = [`curl --globoff --request ${quoted(method)} --url ${quoted(url)}`];
	const prefix = "http.request.header.";
	for (const [key, value] of Object.entries(attributes)) {
		// No header has another name; one that begins with "@" would have curl read a file.
		if (!key.startsWith(prefix) || !TOKEN.test(key.slice(prefix.length))) continue;
		// A redacted header stands there as it was recorded: whoever pastes sees what is missing.
		for (const one of Array.isArray(value) ? value : [value]) {
			lines.push(`--header ${quoted(`${key.slice(prefix.length)}: ${whole(one)}`)}`);
		}
	}
	const body = attributes["http.request.body"] ?? attributes["http.request.body.content"];
	if (body !== undefined) lines.push(`--data-raw ${quoted(whole(body))}`);
	return lines.join(" \\\n  ");
}

/** What HTTP takes for a method or the name of a header (RFC 9110, 5.6.2), but for what curl has uses of its own for. */
const TOKEN = /^[A-Za-z0-9][A-Za-z0-9!#$%&'*+.^_`|~-]*$/;

function assembledUrl(word: (...keys: readonly string[]) => string | undefined): string | undefined {
	const host = word("http.host") ?? hostAndPort(word);
	const target = word("http.target") ?? [word("url.path") ?? "/", word("url.query")].filter(Boolean).join("?");
	return host === undefined ? undefined : `${word("url.scheme", "http.scheme") ?? "https"}://${host}${target}`;
}

function hostAndPort(word: (...keys: readonly string[]) => string | undefined): string | undefined {
	const host = word("server.address", "net.peer.name");
	const port = word("server.port", "net.peer.port");
	return host === undefined || port === undefined ? host : `${host}:${port}`;
}

/** One word for bash and zsh. Control characters are written out: pasted raw, a terminal would act on them. */
function quoted(value: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what may not be pasted.
	if (!/[\u0000-\u001f\u007f-\u009f]/.test(value)) return `'${value.replaceAll("'", "'\\''")}'`;
	// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
	const escaped = value.replace(/[\\'\u0000-\u001f\u007f-\u009f]/g, (character) => {
		if (character === "\\" || character === "'") return `\\${character}`;
		return character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
	});
	return `$'${escaped}'`;
}
