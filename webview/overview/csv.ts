export type CsvCell = string | number | null;

/**
 * A table as CSV (RFC 4180), for spreadsheets: with a byte order mark, by which they know UTF-8, and with texts that would be
 * taken for a formula made harmless by an apostrophe in front, which spreadsheets do not show. Traces are written by anybody.
 */
export function csvText(rows: readonly (readonly CsvCell[])[]): string {
	return `\ufeff${rows.map((row) => `${row.map(cellText).join(",")}\r\n`).join("")}`;
}

function cellText(cell: CsvCell): string {
	if (cell === null) return "";
	// Numbers are ours: a negative one is no formula.
	if (typeof cell === "number") return Number.isFinite(cell) ? String(cell) : "";
	// Spreadsheets skip blanks in front, and some take full-width signs for the signs.
	const isFormula = /^\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(cell);
	const text = isFormula ? `'${cell}` : cell;
	return isFormula || /[",\r\n;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
