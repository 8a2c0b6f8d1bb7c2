/** Longest address that is taken. */
const MAX_LENGTH = 2_000;

/** An address, or one sentence's end on what is wrong with it: `must be an address`. */
export type AddressCheck =
	| { readonly ok: true; readonly url: string }
	| { readonly ok: false; readonly problem: string };

/** Checks an address as it stands in the settings; the result has neither a slash at its end nor `/api`. */
export function checkSourceUrl(value: unknown): AddressCheck {
	if (typeof value !== "string" || value.trim() === "") return { ok: false, problem: "must be an address" };
	if (value.length > MAX_LENGTH) return { ok: false, problem: `must not have more than ${MAX_LENGTH} characters` };
	const parsed = URL.parse(value.trim());
	if (parsed === null) return { ok: false, problem: "is not an address such as http://127.0.0.1:3000" };
	if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
		return { ok: false, problem: "must begin with http:// or https://" };
	}
	if (parsed.username !== "" || parsed.password !== "" || parsed.search !== "") {
		return { ok: false, problem: 'must not hold a password or token; use the command "Traceway: Set Token"' };
	}
	return { ok: true, url: `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, "").replace(/\/api$/, "") };
}

/**
 * The addresses that a person may mean, the likeliest first: what was typed may lack its scheme, name a WebSocket, or end with the
 * path of a page or an endpoint.
 */
export function typedAddresses(
	text: string,
): { readonly ok: true; readonly urls: readonly string[] } | { readonly ok: false; readonly problem: string } {
	const typed = text.trim();
	const bare = typed.replace(/^ws(s?):\/\//i, "http$1://").replace(/\/(?:ws|graphql|v1\/traces)\/*$/i, "");
	if (/\s/.test(bare)) return { ok: false, problem: "must not hold a space" };
	if (/^[a-z][a-z0-9+.-]*:\/\//i.test(bare)) {
		const checked = checkSourceUrl(bare);
		return checked.ok ? { ok: true, urls: [checked.url] } : checked;
	}
	const checked = checkSourceUrl(`http://${bare}`);
	if (!checked.ok) return checked;
	const { hostname, port } = new URL(checked.url);
	// Servers on one's own machine or network, and whatever has a port, speak plain HTTP; sites do not.
	const isSite = port === "" && hostname.includes(".") && !/^[\d.]+$/.test(hostname);
	const secure = checked.url.replace(/^http:/, "https:");
	return { ok: true, urls: isSite ? [secure, checked.url] : [checked.url, secure] };
}
