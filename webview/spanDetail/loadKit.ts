/** Loads the controls of `webview/kit.ts` for a root; false when they cannot be had, and plain ones have to do. */
export async function loadKit(root: DocumentOrShadowRoot): Promise<boolean> {
	// While it is evaluated, the toolkit puts a style element into the page to try out a selector. It signs it with the nonce
	// that it finds here, in its own convention; a strict policy refuses an unsigned one.
	const meta = document.createElement("meta");
	meta.setAttribute("property", "csp-nonce");
	meta.content = document.querySelector<HTMLElement>("script[nonce]")?.nonce ?? "";
	document.head.append(meta);
	try {
		const { registerKit } = await import("../kit.ts");
		root.adoptedStyleSheets.push(registerKit());
		return true;
	} catch {
		// The chunk is missing or damaged.
		return false;
	} finally {
		// A style sheet's selectors can read attributes: the nonce is not left lying there.
		meta.remove();
	}
}
