import * as vscode from "vscode";
import { formatBytes } from "../../model/format.ts";
import type { SpanDetail } from "../../model/span.ts";
import type { BoundSpan } from "../markedSpan.ts";
import { noticeText } from "../noticeText.ts";
import type { PartDocuments } from "../partDocuments.ts";
import { plainLabel } from "../plainMarkdown.ts";
import { type CompareSubject, type CompareText, compareNames, compareText, comparisonOf } from "./compareTexts.ts";

const REQUEST_TIMEOUT_MS = 60_000;

/**
 * Opens VS Code's diff editor on what differs of two spans; asks when it is more than one thing, and says what is the same. Loaded
 * when the first spans are compared.
 */
export async function compareSpans(documents: PartDocuments, left: BoundSpan, right: BoundSpan): Promise<void> {
	const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
	const [a, b] = await Promise.all(
		[left, right].map(async ({ connection, traceId, spanId }) => {
			return await (await connection.whenSource(signal)).loadSpan(traceId, spanId, signal);
		}),
	);
	const names = compareNames(a.summary, b.summary);
	const { differing, same } = comparisonOf(a, b);
	const words = subjectWords();
	const sameText =
		same.length === 0
			? undefined
			: vscode.l10n.t("The same in both: {0}", same.map((subject) => words[subject]).join(", "));
	if (differing.length === 0) {
		const text = sameText ?? vscode.l10n.t("Neither span has a prompt, an output or attributes.");
		void vscode.window.showInformationMessage(noticeText(`${names.join(" ↔ ")}. ${text}`));
		return;
	}
	const picked =
		differing.length === 1
			? differing[0]
			: await vscode.window.showQuickPick(
					differing.map((one) => ({
						...one,
						label: words[one.subject],
						description: `${formatBytes(one.leftBytes)} ↔ ${formatBytes(one.rightBytes)}`,
					})),
					{
						placeHolder: plainLabel(
							[vscode.l10n.t("Compare {0}", names.join(" ↔ ")), sameText].filter(Boolean).join(" · "),
						),
					},
				);
	if (picked === undefined) return;
	if (differing.length === 1 && sameText !== undefined) vscode.window.setStatusBarMessage(sameText, 5_000);
	await vscode.commands.executeCommand(
		"vscode.diff",
		documents.compareUri(
			left.connection.config.id,
			a.summary,
			names[0],
			picked.subject,
			extensionOf(a, picked.subject),
		),
		documents.compareUri(
			right.connection.config.id,
			b.summary,
			names[1],
			picked.subject,
			extensionOf(b, picked.subject),
		),
		`${names.join(" ↔ ")} (${words[picked.subject]})`,
		{ preview: true } satisfies vscode.TextDocumentShowOptions,
	);
}

function extensionOf(detail: SpanDetail, subject: CompareSubject): CompareText["extension"] {
	return compareText(detail, subject)?.extension ?? "txt";
}

function subjectWords(): Record<CompareSubject, string> {
	return {
		prompt: vscode.l10n.t("Prompt"),
		output: vscode.l10n.t("Output"),
		attributes: vscode.l10n.t("Attributes"),
	};
}
