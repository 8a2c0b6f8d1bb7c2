import { HttpError } from "./errors.ts";

/**
 * JSON of a value that came in a request. `JSON.parse` reads deeper than `JSON.stringify` writes.
 *
 * @throws HttpError 422 that names the field when it is nested too deeply to be written.
 */
export function writeJson(value: unknown, field: string): string {
	try {
		return JSON.stringify(value);
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		throw new HttpError(422, "invalid_body", `${field}: is nested too deeply`);
	}
}
