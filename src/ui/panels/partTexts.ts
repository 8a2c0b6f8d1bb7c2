import { type BoundedText, boundText, jsonText } from "../../model/jsonText.ts";
import type { AttributeTable, PartText } from "../../protocol/messages.ts";

/** JSON up to this many units stands on one line in tables and messages. */
const MAX_LINE_UNITS = 80;
/** Names and ids are labels of the page, not payload. */
const MAX_LABEL_UNITS = 500;
/** A table cell; the section as a whole opens in an editor. */
const MAX_ATTRIBUTE_UNITS = 2_000;

/** A string as the text that it is, any other value as indented JSON. */
export function shown(value: unknown, maxUnits: number): PartText {
	const isText = typeof value === "string";
	const bounded: BoundedText = isText ? boundText(value, maxUnits) : jsonText(value, maxUnits);
	return { ...bounded, language: isText ? "plaintext" : "json" };
}

/** A small JSON value on one line; undefined for texts and for what does not fit. */
export function compact(value: unknown): PartText | undefined {
	if (typeof value === "string") return undefined;
	const { text, isCut } = jsonText(value, 2 * MAX_LINE_UNITS);
	if (isCut) return undefined;
	// JSON has no raw line ends inside its strings.
	const line = text.replace(/\n */g, " ");
	return line.length > MAX_LINE_UNITS ? undefined : { ...boundText(line, MAX_LINE_UNITS), language: "json" };
}

export function label(text: string): string {
	return boundText(text, MAX_LABEL_UNITS).text;
}

export function optionalLabel(text: string | undefined): string | undefined {
	return text === undefined ? undefined : label(text);
}

/** Names and values for a table, the first `maxRows` of them. */
export function attributeTable(attributes: Readonly<Record<string, unknown>>, maxRows: number): AttributeTable {
	const entries = Object.entries(attributes);
	return {
		rows: entries.slice(0, maxRows).map(([key, value]) => ({
			key: label(key),
			value: compact(value) ?? shown(value, MAX_ATTRIBUTE_UNITS),
		})),
		omitted: Math.max(0, entries.length - maxRows),
		totalBytes: entries.length === 0 ? 0 : jsonText(attributes, 0).totalBytes,
	};
}
