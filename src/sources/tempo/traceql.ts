import { attributesOfField } from "../../otlp/conventions.ts";

/** A text in TraceQL, quoted as Go quotes strings. */
export function quoted(text: string): string {
	return `"${text.toWellFormed().replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}"`;
}

/** Selects the spans that name a session, under any of the names by which spans are read here. */
export function sessionQuery(sessionId: string): string {
	const value = quoted(sessionId);
	return `{ ${attributesOfField("session")
		.map((name) => `span.${name} = ${value}`)
		.join(" || ")} }`;
}
