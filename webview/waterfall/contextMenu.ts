/**
 * Tells VS Code which span a context menu is for: it reads `data-vscode-context` off the element under the pointer as it sees it from
 * outside, which is the page's element, not what is in its shadow.
 */
export function tellContext(
	page: HTMLElement,
	span: { readonly traceId: string; readonly spanId: string } | undefined,
): void {
	if (span === undefined) delete page.dataset.vscodeContext;
	else {
		page.dataset.vscodeContext = JSON.stringify({
			webviewSection: "span",
			// Cut, Copy and Paste have no use on a drawn row.
			preventDefaultContextMenuItems: true,
			...span,
		});
	}
}
