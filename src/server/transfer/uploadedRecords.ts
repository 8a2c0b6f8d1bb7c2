import { HttpError } from "../errors.ts";

/** Most rows of one file. */
const MAX_RECORDS = 100_000;

/**
 * Rows of an uploaded file: `multipart/form-data` with a part `file`, whose name or type says csv, json (a list) or jsonl.
 *
 * @throws HttpError 415 for another body, 400 for a file that cannot be read, with the line.
 */
export async function readRecords(body: Buffer, contentType: string | undefined): Promise<readonly unknown[]> {
	if (contentType === undefined || !/^multipart\/form-data\s*;/i.test(contentType)) {
		throw new HttpError(415, "unsupported_media_type", "header Content-Type: must be multipart/form-data");
	}
	let form: FormData;
	try {
		form = await new Response(new Uint8Array(body), { headers: { "Content-Type": contentType } }).formData();
	} catch (error) {
		if (!(error instanceof TypeError)) throw error;
		throw new HttpError(400, "invalid_body", "body: is no complete multipart/form-data");
	}
	const file = form.get("file");
	if (file === null || typeof file === "string") throw new HttpError(422, "invalid_body", "file: is missing");
	const text = (await file.text()).replace(/^\uFEFF/, "");
	const records = parse(text, file.name.toLowerCase(), file.type);
	if (records.length > MAX_RECORDS) {
		throw new HttpError(413, "body_too_large", `file: has more than ${MAX_RECORDS} rows; send it in parts`);
	}
	return records;
}

function parse(text: string, name: string, type: string): readonly unknown[] {
	if (name.endsWith(".csv") || type.startsWith("text/csv")) return readCsv(text);
	if (name.endsWith(".jsonl") || name.endsWith(".ndjson") || type.includes("jsonl") || type.includes("ndjson")) {
		return text.split(/\r?\n/).flatMap((line, index) => (line.trim() === "" ? [] : [json(line, `line ${index + 1}`)]));
	}
	const value = json(text, "file");
	return Array.isArray(value) ? value : [value];
}

function json(text: string, where: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
		throw new HttpError(400, "invalid_json", `file: ${where} is no valid JSON`);
	}
}

/** RFC 4180: the first line names the columns; a quoted field may hold commas, line ends and doubled quotes. */
function readCsv(text: string): readonly Readonly<Record<string, string>>[] {
	const rows: string[][] = [];
	let row: string[] = [];
	const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;
	while (field.lastIndex < text.length) {
		const at = field.lastIndex;
		const match = field.exec(text);
		if (match === null) {
			const line = text.slice(0, at).split("\n").length;
			throw new HttpError(
				400,
				"invalid_body",
				`file: line ${line} is no CSV (a quote is not closed, or stands inside)`,
			);
		}
		const [, quoted, plain, end] = match;
		row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
		if (end === "," && field.lastIndex === text.length) row.push("");
		if (end === "," && field.lastIndex < text.length) continue;
		rows.push(row);
		row = [];
	}
	const [names, ...values] = rows.filter((cells) => cells.length > 1 || cells[0] !== "");
	return values.map((cells) => Object.fromEntries((names ?? []).map((column, index) => [column, cells[index] ?? ""])));
}
