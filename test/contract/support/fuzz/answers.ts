/** One answer as it came over a connection. */
export interface RawAnswer {
	readonly status: number;
	readonly type: string;
	readonly body: string;
}

/**
 * The whole answers at the beginning of what a connection has sent, in Latin-1. The body of an answer without a length goes on to
 * the end of the connection. Throws for what is no HTTP answer.
 */
export function parseAnswers(text: string, isEnded: boolean): RawAnswer[] {
	const answers: RawAnswer[] = [];
	let at = 0;
	while (at < text.length) {
		const headEnd = text.indexOf("\r\n\r\n", at);
		if (headEnd < 0) {
			if (isEnded || !"HTTP/1.1 ".startsWith(text.slice(at, at + 9)))
				throw new Error(`no answer: ${text.slice(at, at + 200)}`);
			break;
		}
		const [line, ...fields] = text.slice(at, headEnd).split("\r\n");
		const status = Number(/^HTTP\/1\.1 (\d{3}) [\w -]+$/.exec(line)?.[1]);
		if (Number.isNaN(status)) throw new Error(`no status line: ${line.slice(0, 200)}`);
		const headers = new Map(
			fields.map((field) => {
				const colon = field.indexOf(":");
				return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
			}),
		);
		const bodyAt = headEnd + 4;
		const type = headers.get("content-type") ?? "";
		const length = headers.get("content-length");
		if (status < 200) {
			at = bodyAt;
			continue;
		}
		if (status === 204) {
			answers.push({ status, type, body: "" });
			at = bodyAt;
		} else if (headers.get("transfer-encoding") === "chunked") {
			const chunks = readChunks(text, bodyAt);
			if (chunks === undefined) break;
			answers.push({ status, type, body: chunks.body });
			at = chunks.end;
		} else if (length === undefined) {
			if (isEnded || type === "text/event-stream") answers.push({ status, type, body: text.slice(bodyAt) });
			break;
		} else {
			const end = bodyAt + Number(length);
			if (end > text.length) break;
			answers.push({ status, type, body: text.slice(bodyAt, end) });
			at = end;
		}
	}
	return answers;
}

function readChunks(text: string, from: number): { readonly body: string; readonly end: number } | undefined {
	let body = "";
	let at = from;
	for (;;) {
		const lineEnd = text.indexOf("\r\n", at);
		if (lineEnd < 0) return undefined;
		const size = Number.parseInt(text.slice(at, lineEnd), 16);
		at = lineEnd + 2;
		if (at + size + 2 > text.length) return undefined;
		body += text.slice(at, at + size);
		at += size + 2;
		if (size === 0) return { body, end: at };
	}
}
