import * as vscode from "vscode";
import type { SpanDetail, SpanSummary } from "../model/span.ts";
import { isSpanPart, type SpanPart } from "../protocol/messages.ts";
import { DOCUMENT_SCHEME } from "./ids.ts";
import type { CompareSubject, CompareText } from "./panels/compareTexts.ts";
import type { SourceManager } from "./sources/sourceManager.ts";

/** A part as it is, or made to be compared. */
type DocumentPart = SpanPart | `compare-${CompareSubject}`;

/** Which part of which span a document shows. */
interface PartAddress {
	readonly sourceId: string;
	readonly traceId: string;
	readonly spanId: string;
	readonly part: DocumentPart;
}

/**
 * Read-only documents with the parts of a span, whole: VS Code's own folding, find and word wrap serve where a webview
 * would only imitate them.
 */
export class PartDocuments implements vscode.TextDocumentContentProvider {
	readonly #manager: SourceManager;

	constructor(manager: SourceManager) {
		this.#manager = manager;
	}

	async provideTextDocumentContent(uri: vscode.Uri, token: vscode.CancellationToken): Promise<string> {
		const address = addressOf(uri);
		// Throws where the source was removed: the editor says so.
		const connection = this.#manager.open(address.sourceId);
		const abort = new AbortController();
		const subscription = token.onCancellationRequested(() => abort.abort());
		try {
			const source = await connection.whenSource(abort.signal);
			const detail = await source.loadSpan(address.traceId, address.spanId, abort.signal);
			return await documentText(detail, address.part);
		} finally {
			subscription.dispose();
		}
	}

	/** One side of a comparison; `name` is for the editor's tab. */
	compareUri(
		sourceId: string,
		{ traceId, spanId }: SpanSummary,
		name: string,
		subject: CompareSubject,
		extension: CompareText["extension"],
	): vscode.Uri {
		return uriOf({ sourceId, traceId, spanId, part: `compare-${subject}` }, name, extension);
	}

	/** Opens a part in an editor: in the column of the panel that shows the span, else in the active one. */
	async open(
		sourceId: string,
		traceId: string,
		spanId: string,
		spanName: string,
		part: SpanPart,
		viewColumn?: vscode.ViewColumn,
	): Promise<void> {
		const signal = AbortSignal.timeout(30_000);
		const source = await this.#manager.open(sourceId).whenSource(signal);
		const detail = await source.loadSpan(traceId, spanId, signal);
		const { language } = await lazyPartText(detail, part);
		const uri = uriOf({ sourceId, traceId, spanId, part }, spanName, language === "json" ? "json" : "txt");
		const document = await vscode.workspace.openTextDocument(uri);
		await vscode.window.showTextDocument(document, {
			preview: true,
			viewColumn: viewColumn ?? vscode.ViewColumn.Active,
		});
	}
}

/** Imported when the first part is opened: what reads spans is no part of the extension's start. */
async function lazyPartText(detail: SpanDetail, part: SpanPart): Promise<{ text: string; language: string }> {
	const { partText } = await import("./panels/spanDetailView.ts");
	return partText(detail, part);
}

async function documentText(detail: SpanDetail, part: DocumentPart): Promise<string> {
	const subject = compareSubjectOf(part);
	if (subject === undefined) return (await lazyPartText(detail, part as SpanPart)).text;
	const { boundedCompareText } = await import("./panels/compareTexts.ts");
	return boundedCompareText(detail, subject, vscode.l10n.t);
}

function compareSubjectOf(part: unknown): CompareSubject | undefined {
	return typeof part === "string"
		? (/^compare-(prompt|output|attributes)$/.exec(part)?.[1] as CompareSubject | undefined)
		: undefined;
}

function isDocumentPart(part: unknown): part is DocumentPart {
	return isSpanPart(part) || compareSubjectOf(part) !== undefined;
}

function uriOf(address: PartAddress, spanName: string, extension: string): vscode.Uri {
	// The name is for the tab only; what could be taken for a path or a scheme is left out.
	const name = spanName.replace(/[^\p{L}\p{N} _.-]/gu, "_").slice(0, 60) || "span";
	return vscode.Uri.from({
		scheme: DOCUMENT_SCHEME,
		path: `/${name} ${address.part.replace("compare-", "")}.${extension}`,
		query: JSON.stringify(address),
	});
}

function addressOf(uri: vscode.Uri): PartAddress {
	const value: unknown = JSON.parse(uri.query);
	if (typeof value !== "object" || value === null) throw new Error(`${uri.path}: not the address of a span`);
	const { sourceId, traceId, spanId, part } = value as Record<string, unknown>;
	if (
		typeof sourceId !== "string" ||
		typeof traceId !== "string" ||
		typeof spanId !== "string" ||
		!isDocumentPart(part)
	) {
		throw new Error(`${uri.path}: not the address of a span`);
	}
	return { sourceId, traceId, spanId, part };
}
