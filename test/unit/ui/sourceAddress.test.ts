import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSourceUrl, typedAddresses } from "../../../src/ui/sources/sourceAddress.ts";

describe("an address that a person typed", () => {
	it.each([
		["http://127.0.0.1:3200", ["http://127.0.0.1:3200"]],
		["  https://tempo.example.com/base/  ", ["https://tempo.example.com/base"]],
		["127.0.0.1:3200", ["http://127.0.0.1:3200", "https://127.0.0.1:3200"]],
		["localhost", ["http://localhost", "https://localhost"]],
		["build-box:8060/", ["http://build-box:8060", "https://build-box:8060"]],
		["10.1.2.3", ["http://10.1.2.3", "https://10.1.2.3"]],
		["traces.example.com", ["https://traces.example.com", "http://traces.example.com"]],
		["traces.example.com:4000/api", ["http://traces.example.com:4000", "https://traces.example.com:4000"]],
		// What a page or a client names.
		["ws://127.0.0.1:8000/ws", ["http://127.0.0.1:8000"]],
		["wss://grid.example.com/graphql", ["https://grid.example.com"]],
		["http://127.0.0.1:4318/v1/traces", ["http://127.0.0.1:4318"]],
		["[::1]:3000", ["http://[::1]:3000", "https://[::1]:3000"]],
	])("%s is %j", (typed, urls) => {
		expect(typedAddresses(typed)).toEqual({ ok: true, urls });
	});

	it.each([
		["", "is not an address such as http://127.0.0.1:3000"],
		["two words", "must not hold a space"],
		["ftp://example.com", "must begin with http:// or https://"],
		["http://", "is not an address such as http://127.0.0.1:3000"],
		["user:secret@host:3000", 'must not hold a password or token; use the command "Traceway: Set Token"'],
		["http://host:3000/?token=secret", 'must not hold a password or token; use the command "Traceway: Set Token"'],
		[`http://${"x".repeat(3000)}`, "must not have more than 2000 characters"],
	])("%s: %s", (typed, problem) => {
		expect(typedAddresses(typed)).toEqual({ ok: false, problem });
	});

	it("comes out as the settings take it, whatever was typed", () => {
		fc.assert(
			fc.property(fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true, withFragments: true })), (text) => {
				const typed = typedAddresses(text);
				if (!typed.ok) {
					expect(typed.problem).not.toBe("");
					return;
				}
				expect(typed.urls.length).toBeGreaterThan(0);
				for (const url of typed.urls) expect(checkSourceUrl(url)).toEqual({ ok: true, url });
			}),
		);
	});
});
