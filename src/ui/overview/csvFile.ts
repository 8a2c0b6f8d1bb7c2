import * as vscode from "vscode";
import { describeError, type Logger } from "../../base/logger.ts";
import { noticeText } from "../noticeText.ts";

/** No table is longer: its rows have a bound. */
const MAX_CSV_UNITS = 2_000_000;

/** Asks where to, and writes a table of the page there. */
export async function saveCsv(name: string, text: string, logger: Logger): Promise<void> {
	if (text.length > MAX_CSV_UNITS) return;
	const fileName = `${
		name
			.replace(/[^\p{L}\p{N} _-]+/gu, "")
			.slice(0, 80)
			.trim() || "overview"
	}.csv`;
	const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
	const uri = await vscode.window.showSaveDialog({
		...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, fileName) }),
		filters: { CSV: ["csv"] },
		title: vscode.l10n.t("Save as CSV"),
	});
	if (uri === undefined) return;
	try {
		await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
	} catch (error) {
		const message = describeError(error);
		logger.error(`a table could not be saved: ${message}`);
		void vscode.window.showErrorMessage(noticeText(vscode.l10n.t("The table could not be saved: {0}", message)));
	}
}
