import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { FileProblem } from "../sources/files/fileProblem.ts";
import {
	BusyError,
	FileImport,
	type ImportAnswer,
	type ImportCounts,
	parseImportAnswer,
} from "../sources/files/importFile.ts";
import { wholeFile } from "../sources/files/wholeFile.ts";
import { type Source, SourceError } from "../sources/source.ts";

/** Progress is told this often at most. */
const REPORT_MS = 200;

/** Writes an export; the file appears when it is whole. Returns its bytes. */
export async function writeTraces(
	chunks: AsyncIterable<Uint8Array>,
	path: string,
	report: (bytes: number) => void,
	signal: AbortSignal,
): Promise<number> {
	const sink = await wholeFile(path, path);
	const tell = seldom(report);
	let bytes = 0;
	try {
		for await (const chunk of chunks) {
			signal.throwIfAborted();
			await sink.write(chunk);
			bytes += chunk.length;
			tell(bytes);
		}
		await sink.finish();
	} catch (error) {
		await sink.abandon();
		throw error;
	}
	return bytes;
}

/** Sends a file of traces to a source. What was sent before a failure stays there, and the same file again skips it. */
export async function readTraces(
	path: string,
	source: Pick<Source, "importTraces">,
	report: (share: number, counts: ImportCounts) => void,
	signal: AbortSignal,
): Promise<{ readonly counts: ImportCounts; readonly problems: readonly string[] }> {
	const { size } = await stat(path);
	const tell = seldom(report);
	let read = 0;
	const sending: FileImport = new FileImport({
		post: (body) => post(source, body, signal),
		onRead: (bytes) => {
			read += bytes;
		},
		onSent: () => tell(Math.min(1, read / size), sending.counts),
		signal,
	});
	const stream = createReadStream(path, { highWaterMark: 256 * 1024 });
	try {
		await sending.send(stream);
	} catch (error) {
		signal.throwIfAborted();
		if (error instanceof FileProblem) throw new FileProblem(`${path}: ${error.message}`, { cause: error });
		throw error;
	} finally {
		stream.destroy();
	}
	const { counts, problems, hiddenProblems } = sending;
	return { counts, problems: hiddenProblems === 0 ? problems : [...problems, `and ${hiddenProblems} more like these`] };
}

async function post(source: Pick<Source, "importTraces">, body: Buffer, signal: AbortSignal): Promise<ImportAnswer> {
	let text: string;
	try {
		text = await source.importTraces(new Uint8Array(body), signal);
	} catch (error) {
		// 503 is a server error to a source; with a time to wait it is a request for patience.
		const isBusy =
			error instanceof SourceError &&
			(error.reason === "rateLimited" || (error.reason === "serverError" && error.retryAfterSeconds !== undefined));
		throw isBusy ? new BusyError(error, error.retryAfterSeconds) : error;
	}
	const answer = parseImportAnswer(text);
	if (answer !== undefined) return answer;
	throw new SourceError("protocol", "the server answered the import without counts; is it a Traceway Live server?");
}

function seldom<A extends readonly unknown[]>(tell: (...given: A) => void): (...given: A) => void {
	let toldAtMs = Number.NEGATIVE_INFINITY;
	return (...given) => {
		const nowMs = performance.now();
		if (nowMs - toldAtMs < REPORT_MS) return;
		toldAtMs = nowMs;
		tell(...given);
	};
}
