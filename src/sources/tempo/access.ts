import type { JsonClientOptions } from "../jsonClient.ts";
import type { TempoSettings } from "./settings.ts";

/** How requests are let in: by bearer token, or as a user whose password the token is; and to which tenant they belong. */
export function accessOf({
	username,
	tenant,
}: Partial<Pick<TempoSettings, "username" | "tenant">>): Pick<JsonClientOptions, "authorize" | "headers"> {
	return {
		authorize:
			username === undefined
				? undefined
				: (password) => `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
		headers: tenant === undefined ? undefined : { "x-scope-orgid": tenant },
	};
}
