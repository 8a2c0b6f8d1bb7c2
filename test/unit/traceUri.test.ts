import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXTENSION_ID, isLoopback, isSameServer, parseTraceUri, traceUri } from "../../src/protocol/traceUri.ts";

/** Path and query of an address, decoded as VS Code decodes them. */
function partsOf(uri: string): [path: string, query: string] {
	const [, path = "", query = ""] = /^[^:]+:\/\/[^/]+(\/[^?]*)(?:\?(.*))?$/.exec(uri) ?? [];
	return [decodeURIComponent(path), decodeURIComponent(query)];
}

describe("links to a trace", () => {
	it("name the extension as its manifest does", () => {
		const { publisher, name } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
		expect(EXTENSION_ID).toBe(`${publisher}.${name}`);
	});

	it("come back as they were written", () => {
		const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 }).filter((text) => !/\p{Cc}/u.test(text));
		const server = fc.constantFrom(undefined, "http://127.0.0.1:3000", "https://traces.example.org/base");
		fc.assert(
			fc.property(id, server, (traceId, at) => {
				const link = { traceId, server: at };
				expect(parseTraceUri(...partsOf(traceUri("vscode", link)))).toEqual(link);
			}),
		);
	});

	it.each([
		["/trace/", ""],
		["/trace", ""],
		["/other/t", ""],
		["/trace/a\u001bb", ""],
		[`/trace/${"x".repeat(501)}`, ""],
		["/trace/t", "server=file:///etc/passwd"],
		["/trace/t", "server=javascript:alert(1)"],
		["/trace/t", "server=http://me:secret@h"],
		["/trace/t", "server=http://h/?x=1"],
		["/trace/t", "server="],
		["/trace/t", "command=x"],
	])("are refused when they are anything else: %j %j", (path, query) => {
		expect(parseTraceUri(path, query)).toBeUndefined();
	});

	it("may leave the server out, and end it with a slash", () => {
		expect(parseTraceUri("/trace/t", "")).toEqual({ traceId: "t", server: undefined });
		expect(parseTraceUri("/trace/t", "server=http://H:80/")).toEqual({ traceId: "t", server: "http://h" });
	});
});

describe("addresses of servers", () => {
	it.each([
		["http://127.0.0.1:3000", "http://localhost:3000/", true],
		["http://[::1]:3000", "http://localhost:3000", true],
		["http://h:80/base/", "http://h/base", true],
		["http://h:3000", "http://h:3001", false],
		["http://h", "https://h", false],
		["http://h/a", "http://h/b", false],
		["http://127.0.0.1.example.org", "http://localhost", false],
		["no address", "no address", true],
	])("are compared as what they lead to: %s and %s", (a, b, isSame) => {
		expect(isSameServer(a, b)).toBe(isSame);
		expect(isSameServer(b, a)).toBe(isSame);
	});

	it.each([
		["http://127.0.0.1:1", true],
		["http://[::1]:1", true],
		["http://localhost", true],
		["http://localhost.example.org", false],
		["nothing", false],
	])("are of this machine or not: %s", (address, isLocal) => {
		expect(isLoopback(address)).toBe(isLocal);
	});
});
