/** Longest id of a trace or span in UTF-16 units, ours (26) or the caller's. */
export const MAX_ID_LENGTH = 256;

/** True for what may be the id of a trace or span: 1 … 256 units, no control characters, no lone surrogates. */
export function isId(text: string): boolean {
	if (text.length === 0 || text.length > MAX_ID_LENGTH) return false;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
	}
	return text.isWellFormed();
}
