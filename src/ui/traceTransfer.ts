import { homedir } from "node:os";
import * as vscode from "vscode";
import { sleep } from "../base/abort.ts";
import { displayText } from "../base/displayText.ts";
import { formatCount } from "../base/quantity.ts";
import { formatBytes } from "../model/format.ts";
import type { Source, TraceExport } from "../sources/source.ts";
import type { CommandContext } from "./commands/context.ts";
import { traceOfRow } from "./commands/register.ts";
import { noticeText } from "./noticeText.ts";
import { plainLabel } from "./plainMarkdown.ts";
import { sourceThatCan } from "./sources/capability.ts";

/** What takes longer shows how far it is. */
const PROGRESS_AFTER_MS = 400;

/** Writes a trace, or all of the source, to a file that the user picks. */
export async function exportTraces(context: CommandContext, argument: unknown): Promise<void> {
	const connection = context.manager.start();
	const source = sourceThatCan(context.manager, connection, "files");
	const row = await traceOfRow(context, argument);
	const name = row === undefined ? undefined : (connection.store.summary(row.traceId)?.name ?? row.traceId);
	// From the menu of a row it is clear which trace is meant.
	const what = await pickExport(row?.traceId, name, argument === undefined);
	if (what === undefined) return;
	const fileName = `${fileNameOf(what.traceId === undefined ? "traces" : (name ?? "trace"))}.${what.format}.json`;
	const target = await vscode.window.showSaveDialog({
		title: vscode.l10n.t("Export Traces"),
		defaultUri: vscode.Uri.joinPath(
			vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir()),
			fileName,
		),
		filters: { JSON: ["json"] },
	});
	if (target === undefined) return;
	const path = pathOf(target);
	const bytes = await withProgress(vscode.l10n.t("Exporting traces"), async (report, signal) => {
		const { writeTraces } = await import("./traceFiles.ts");
		const chunks = await source.exportTraces(what, signal);
		return await writeTraces(chunks, path, (written) => report(formatBytes(written)), signal);
	});
	const open = vscode.l10n.t("Open File");
	const said = vscode.l10n.t("{0} written to {1}", formatBytes(bytes), noticeText(path));
	if ((await vscode.window.showInformationMessage(said, open)) === open) {
		await vscode.commands.executeCommand("vscode.open", target);
	}
}

async function pickExport(
	traceId: string | undefined,
	name: string | undefined,
	mayBeAll: boolean,
): Promise<TraceExport | undefined> {
	const traceway = vscode.l10n.t("Traceway JSON");
	const otlp = vscode.l10n.t("OpenTelemetry (OTLP JSON)");
	const all = vscode.l10n.t("All traces of the source");
	const items: (vscode.QuickPickItem & { readonly what?: TraceExport })[] = [];
	const add = (title: string, id: string | undefined) => {
		items.push(
			{ label: traceway, description: title, what: { traceId: id, format: "traceway" } },
			{ label: otlp, description: title, what: { traceId: id, format: "otlp" } },
		);
	};
	if (traceId !== undefined) add(plainLabel(displayText(name ?? traceId, 80)), traceId);
	if (mayBeAll || traceId === undefined) add(all, undefined);
	const picked = await vscode.window.showQuickPick(items, {
		title: vscode.l10n.t("Export Traces"),
		placeHolder: vscode.l10n.t("What to write, and in which form?"),
	});
	return picked?.what;
}

/** Reads files that the user picks into the source. */
export async function importTraces(context: CommandContext): Promise<void> {
	const source = sourceThatCan(context.manager, context.manager.start(), "files");
	const files = await vscode.window.showOpenDialog({
		title: vscode.l10n.t("Import Traces"),
		openLabel: vscode.l10n.t("Import"),
		canSelectMany: true,
		filters: {
			[vscode.l10n.t("Traces (Traceway JSON, OTLP JSON)")]: ["json", "jsonl", "ndjson", "gz"],
			[vscode.l10n.t("All Files")]: ["*"],
		},
	});
	if (files === undefined) return;
	const paths = files.map(pathOf);
	await withProgress(vscode.l10n.t("Importing traces"), async (report, signal) => {
		for (const path of paths) await importOne(context, source, path, report, signal);
	});
}

async function importOne(
	context: CommandContext,
	source: Source,
	path: string,
	report: (message: string) => void,
	signal: AbortSignal,
): Promise<void> {
	const { readTraces } = await import("./traceFiles.ts");
	const { counts, problems } = await readTraces(
		path,
		source,
		(share, { spans }) => report(vscode.l10n.t("{0} %, {1} spans", Math.floor(share * 100), formatCount(spans))),
		signal,
	);
	for (const problem of problems) context.logger.warn(`import of ${path}: ${displayText(problem, 500)}`);
	const { spans, skipped, rejected } = counts;
	const parts = [
		spans === 1 ? vscode.l10n.t("1 span imported") : vscode.l10n.t("{0} spans imported", formatCount(spans)),
	];
	if (skipped > 0) parts.push(vscode.l10n.t("{0} were there already", formatCount(skipped)));
	if (rejected > 0) parts.push(vscode.l10n.t("{0} left out", formatCount(rejected)));
	if (rejected === 0) {
		void vscode.window.showInformationMessage(parts.join(", "));
		return;
	}
	const show = vscode.l10n.t("Show Log");
	void vscode.window.showWarningMessage(parts.join(", "), show).then((choice) => {
		if (choice === show) context.log.show();
	});
}

/**
 * A notification that can be cancelled, and rejects as an abort does then. Work that is done at once shows none: it would flash, and
 * VS Code shows no further one, such as the result, where many come within a moment.
 */
async function withProgress<T>(
	title: string,
	work: (report: (message: string) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const abort = new AbortController();
	let report = (_message: string): void => undefined;
	let message: string | undefined;
	const running = work((said) => {
		message = said;
		report(said);
	}, abort.signal);
	const hurry = new AbortController();
	const isLong = await Promise.race([
		running.then(
			() => false,
			() => false,
		),
		sleep(PROGRESS_AFTER_MS, hurry.signal).then(
			() => true,
			() => false,
		),
	]);
	hurry.abort();
	if (!isLong) return await running;
	const location = vscode.ProgressLocation.Notification;
	return await vscode.window.withProgress({ location, title, cancellable: true }, async (progress, token) => {
		report = (said) => progress.report({ message: said });
		if (message !== undefined) report(message);
		const subscription = token.onCancellationRequested(() => abort.abort());
		try {
			return await running;
		} finally {
			subscription.dispose();
		}
	});
}

/** Files of any size are read and written as streams, which only real file systems have. */
function pathOf(uri: vscode.Uri): string {
	if (uri.scheme === "file") return uri.fsPath;
	throw new Error(vscode.l10n.t("Pick a file on this machine's disk, not in {0}:", displayText(uri.scheme, 40)));
}

/** A name from a trace as a file may be called. */
function fileNameOf(name: string): string {
	const plain = name.normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "-");
	return plain.replace(/^-+|-+$/g, "").slice(0, 60) || "trace";
}
