import type { IncomingMessage } from "node:http";
import type * as z from "zod/mini";
import { parseTimestamp, type Timestamp } from "../../base/timestamp.ts";
import { isId, MAX_ID_LENGTH } from "../../protocol/ids.ts";
import { HttpError } from "../errors.ts";
import { readBody } from "./body.ts";

/** A checked body and the text it came in, for the parts that are stored as they are. */
export interface ParsedBody<T> {
	readonly value: T;
	readonly text: string;
}

/** True only for what a schema accepts; a quick way past it. */
export type QuickCheck<T> = (json: unknown) => json is T;

/**
 * Reads a JSON object from a request and checks it.
 *
 * @throws HttpError 415 unless the content type is JSON, 400 for what is no JSON, 422 naming the field that is wrong.
 */
export async function readJson<T>(
	request: IncomingMessage,
	schema: z.ZodMiniType<T>,
	isPlain?: QuickCheck<T>,
): Promise<ParsedBody<T>> {
	const bytes = await readBody(request);
	if (bytes.length === 0) throw new HttpError(400, "invalid_json", "body: is empty, a JSON object was expected");
	return parseJson(request, bytes, schema, isPlain);
}

/** As `readJson`, but no body at all (then without a content type, too) is undefined. */
export async function readOptionalJson<T>(
	request: IncomingMessage,
	schema: z.ZodMiniType<T>,
	isPlain?: QuickCheck<T>,
): Promise<ParsedBody<T> | undefined> {
	const bytes = await readBody(request);
	return bytes.length === 0 ? undefined : parseJson(request, bytes, schema, isPlain);
}

function parseJson<T>(
	request: IncomingMessage,
	bytes: Buffer,
	schema: z.ZodMiniType<T>,
	isPlain: QuickCheck<T> | undefined,
): ParsedBody<T> {
	if (!isJsonType(request.headers["content-type"])) {
		throw new HttpError(415, "unsupported_media_type", "header Content-Type: must be application/json");
	}
	const text = bytes.toString("utf8");
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch (error) {
		const why = error instanceof Error ? error.message.slice(0, 200) : "";
		throw new HttpError(400, "invalid_json", `body: is no valid JSON (${why})`);
	}
	if (isPlain?.(json)) return { value: json, text };
	const result = schema.safeParse(json);
	if (!result.success) throw new HttpError(422, "invalid_body", describeIssue(result.error.issues[0], json));
	return { value: result.data, text };
}

function isJsonType(header: string | undefined): boolean {
	if (header === "application/json") return true;
	return header !== undefined && /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(header.trim());
}

/** One line: the path of the field and what it must be. */
export function describeIssue(issue: z.core.$ZodIssue, json: unknown): string {
	if (issue.code === "invalid_union") {
		// What was meant is the type of which more was right: its first issue lies deeper inside.
		const meant = issue.errors.map(([first]) => first).find((first) => first !== undefined && first.path.length > 0);
		if (meant !== undefined) return describeIssue({ ...meant, path: [...issue.path, ...meant.path] }, json);
	}
	const path = issue.path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
	const where = path === "" ? "body" : path.replace(/^\./, "");
	return `${where.length > 200 ? `${where.slice(0, 200)}…` : where}: ${requirement(issue, valueAt(json, issue.path))}`;
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
	let value = json;
	for (const part of path) {
		if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
		value = (value as Record<PropertyKey, unknown>)[part];
	}
	return value;
}

function requirement(issue: z.core.$ZodIssue, value: unknown): string {
	switch (issue.code) {
		case "invalid_type":
			return `${value === undefined ? "is missing, " : ""}must be ${article(typeName(issue.expected))}`;
		case "too_small":
			return issue.origin === "string" ? "must not be empty" : `must be at least ${issue.minimum}`;
		case "too_big": {
			const unit = issue.origin === "string" ? " characters long" : issue.origin === "array" ? " long" : "";
			return `must be at most ${issue.maximum}${unit}`;
		}
		case "invalid_value":
			return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`;
		case "invalid_union":
			return "has none of the types that are allowed here";
		case "custom":
			return issue.message;
		default:
			return "is not valid";
	}
}

function typeName(expected: string): string {
	return expected === "record" ? "object" : expected === "nonoptional" ? "value" : expected;
}

function article(noun: string): string {
	return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

/** An id from a path. @throws HttpError 400 */
export function checkId(id: string, what: "trace" | "span"): string {
	if (isId(id)) return id;
	throw new HttpError(
		400,
		"invalid_id",
		`${what} id: must be 1 to ${MAX_ID_LENGTH} characters without control characters`,
	);
}

/** A time from a body; undefined when there is none. @throws HttpError 422 */
export function checkTime(text: string | null | undefined, field: string): Timestamp | undefined {
	if (text === undefined || text === null) return undefined;
	const time = parseTimestamp(text);
	// Beyond these years a time has no RFC 3339 form in UTC any more.
	if (time === undefined || time.ms < MIN_MS || time.ms > MAX_MS) {
		throw new HttpError(422, "invalid_body", `${field}: must be a time like 2026-03-06T09:00:00.125Z`);
	}
	return time;
}

const MIN_MS = Date.parse("0000-01-01T00:00:00Z");
const MAX_MS = Date.parse("9999-12-31T23:59:59.999Z");
