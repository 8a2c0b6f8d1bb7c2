import * as vscode from "vscode";
import type { SpanDetail } from "../../model/span.ts";
import { type CopyFormat, copyFormats, spanCopy } from "./spanCopy.ts";

/** Asks for a format and puts the span into the clipboard; nothing happens when none is picked. */
export async function copySpan(detail: SpanDetail): Promise<void> {
	const labels: Record<CopyFormat, string> = {
		json: vscode.l10n.t("JSON"),
		markdown: vscode.l10n.t("Markdown"),
		prompt: vscode.l10n.t("Prompt"),
		curl: vscode.l10n.t("cURL"),
	};
	const details: Record<CopyFormat, string> = {
		json: vscode.l10n.t("The span as the server has it"),
		markdown: vscode.l10n.t("For an issue or a review: summary, messages, attributes"),
		prompt: vscode.l10n.t("The messages that were sent, as text"),
		curl: vscode.l10n.t("The HTTP call, to repeat it in a shell"),
	};
	const picked = await vscode.window.showQuickPick(
		copyFormats(detail).map((format) => ({ format, label: labels[format], description: details[format] })),
		{ placeHolder: vscode.l10n.t("Copy the span as") },
	);
	if (picked === undefined) return;
	await vscode.env.clipboard.writeText(spanCopy(detail, picked.format));
	vscode.window.setStatusBarMessage(vscode.l10n.t("$(check) Copied"), 2_000);
}
