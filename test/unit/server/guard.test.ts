import { describe, expect, it } from "vitest";
import { isLoopbackHost, isOriginAccepted } from "../../../src/server/http/guard.ts";

describe("isLoopbackHost", () => {
	it.each(["localhost", "LocalHost", "a.b.localhost", "127.0.0.1", "127.255.0.9", "::1", "[::1]", "0:0:0:0:0:0:0:1"])(
		"takes %s for this machine",
		(host) => expect(isLoopbackHost(host)).toBe(true),
	);

	it.each([
		"",
		"0.0.0.0",
		"::",
		"::2",
		"1::1",
		"::ffff:127.0.0.1",
		"10.0.0.1",
		"localhost.example",
		"notlocalhost",
		"127.0.0.1.example",
		"127.1",
		"2130706433",
		"0x7f.0.0.1",
	])("does not take %j for this machine", (host) => expect(isLoopbackHost(host)).toBe(false));
});

describe("isOriginAccepted", () => {
	it.each(["http://localhost", "https://localhost:1", "http://127.0.0.1:5173", "http://[::1]", "vscode-webview://abc"])(
		"lets %s in",
		(origin) => expect(isOriginAccepted(origin)).toBe(true),
	);

	it.each([
		"null",
		"",
		"file://",
		"http://evil.example",
		"http://localhost.evil.example",
		"chrome-extension://abc",
		"ftp://localhost",
	])("keeps %j out", (origin) => expect(isOriginAccepted(origin)).toBe(false));
});
