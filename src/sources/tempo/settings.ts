import { type SourceConfig, SourceError } from "../source.ts";

/** What a source of this type takes from `options` of its entry in `traceway.sources`. */
export interface TempoSettings {
	/** TraceQL, a selection of spans: traces with none that matches are not shown. Default `{}`, all. */
	readonly query: string;
	/** Sent as `X-Scope-OrgID`. Default none, for servers of one tenant. */
	readonly tenant: string | undefined;
	/** With it the token is the password of basic authentication, else it is a bearer token. */
	readonly username: string | undefined;
	/** Distance of the polls in milliseconds. Default 5,000, 0.1 s to 1 h. */
	readonly refreshMs: number;
	/** How far the first look goes back, in seconds. Default 24 h, up to 31 days. */
	readonly historySeconds: number;
}

const MAX_QUERY_CHARS = 4096;

/** @throws SourceError `protocol` that names the option and what it must be. */
export function readSettings({ options = {} }: Pick<SourceConfig, "options">): TempoSettings {
	const query = text(options.query, "query");
	if (query !== undefined && query.length > MAX_QUERY_CHARS) {
		throw wrong("query", `must have at most ${MAX_QUERY_CHARS} characters`);
	}
	const tenant = text(options.tenant, "tenant");
	if (tenant !== undefined && !/^[\x21-\x7e]{1,256}$/.test(tenant)) {
		throw wrong("tenant", "must be up to 256 printable ASCII characters without spaces");
	}
	const username = text(options.username, "username");
	// The first colon ends the name in basic authentication (RFC 7617, section 2).
	if (username !== undefined && (username.length > 256 || /[:\p{Cc}]/u.test(username))) {
		throw wrong("username", "must have up to 256 characters and no colon");
	}
	return {
		query: query ?? "{}",
		tenant,
		username,
		refreshMs: number(options.refreshSeconds, "refreshSeconds", 5, 0.1, 3600) * 1000,
		historySeconds: number(options.historyHours, "historyHours", 24, 1, 31 * 24) * 3600,
	};
}

function text(value: unknown, name: string): string | undefined {
	if (value === undefined) return undefined;
	if (typeof value !== "string") throw wrong(name, "must be a text");
	const trimmed = value.trim();
	return trimmed === "" ? undefined : trimmed;
}

function number(value: unknown, name: string, otherwise: number, least: number, most: number): number {
	if (value === undefined) return otherwise;
	if (typeof value === "number" && value >= least && value <= most) return value;
	throw wrong(name, `must be a number from ${least} to ${most}`);
}

function wrong(name: string, what: string): SourceError {
	return new SourceError("protocol", `"${name}" in the options of this source ${what}`);
}
