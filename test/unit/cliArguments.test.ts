import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	parseBaseUrl,
	parseDurationMs,
	parseInteger,
	parseOptions,
	parsePositive,
	parseSizeBytes,
	printable,
	UsageError,
} from "../../src/cli/arguments.ts";
import { defaultDataDir } from "../../src/cli/dataDir.ts";
import { readServeSettings } from "../../src/cli/serveSettings.ts";
import { givenServer, readToken } from "../../src/cli/target.ts";

/** The message of the usage error that `run` must throw. */
function usageErrorOf(run: () => unknown): string {
	try {
		run();
	} catch (error) {
		expect(error).toBeInstanceOf(UsageError);
		return (error as UsageError).message;
	}
	throw new Error("no usage error");
}

describe("values of options", () => {
	it.each([
		["500ms", 500],
		["1s", 1000],
		["25s", 25_000],
		["1.5s", 1500],
		["5m", 300_000],
		["24h", 86_400_000],
		["7d", 604_800_000],
		["60", 60_000],
	])("reads the duration %s as %d ms", (text, ms) => {
		expect(parseDurationMs(text, "--x")).toBe(ms);
	});

	it.each([
		["2GB", 2e9],
		["500 MB", 5e8],
		["512MiB", 536_870_912],
		["1000", 1000],
	])("reads the size %s as %d bytes", (text, bytes) => {
		expect(parseSizeBytes(text, "--x")).toBe(bytes);
	});

	it("names the option and the value that it cannot read", () => {
		expect(usageErrorOf(() => parseDurationMs("soon", "--event-retention"))).toMatch(/--event-retention.*"soon"/);
		expect(usageErrorOf(() => parseSizeBytes("-1GB", "--max-db-size"))).toMatch(/--max-db-size.*"-1GB"/);
		expect(usageErrorOf(() => parseInteger("3000.5", "--port", 0, 65_535))).toMatch(/--port.*"3000.5".*0 to 65535/);
		expect(usageErrorOf(() => parseInteger("65536", "--port", 0, 65_535))).toContain("65536");
		expect(usageErrorOf(() => parsePositive("0", "--rate", 10))).toContain("--rate");
	});

	it("refuses any text as duration, size or number with a usage error and never with another one", () => {
		fc.assert(
			fc.property(fc.string(), (text) => {
				for (const parse of [
					() => parseDurationMs(text, "--x"),
					() => parseSizeBytes(text, "--x"),
					() => parseInteger(text, "--x", 0, 10),
					() => parsePositive(text, "--x", 10),
				]) {
					try {
						expect(parse()).toSatisfy((value: number) => Number.isFinite(value) && value >= 0);
					} catch (error) {
						expect(error).toBeInstanceOf(UsageError);
						expect((error as Error).message).not.toMatch(/\p{Cc}/u);
					}
				}
			}),
		);
	});

	it("takes an address with a path and cuts the slash and the /api at its end", () => {
		expect(parseBaseUrl("http://127.0.0.1:3000/", "--url")).toBe("http://127.0.0.1:3000");
		expect(parseBaseUrl("https://example.org/traces/api/", "--url")).toBe("https://example.org/traces");
	});

	it("refuses addresses with other schemes, passwords or queries without repeating a password", () => {
		expect(usageErrorOf(() => parseBaseUrl("file:///etc/passwd", "--url"))).toContain("--url");
		expect(usageErrorOf(() => parseBaseUrl("http://me:secret@host", "--url"))).not.toContain("secret");
		expect(usageErrorOf(() => parseBaseUrl("http://host/?token=x", "--url"))).toContain("query");
	});

	it("names an unknown option in one line", () => {
		const message = usageErrorOf(() => parseOptions(["--prot", "1"], { port: { type: "string" } }));
		expect(message).toMatch(/unknown option.*--prot/i);
		expect(message).not.toContain("\n");
	});

	it("names an option without its value in one line", () => {
		const message = usageErrorOf(() => parseOptions(["--port"], { port: { type: "string" } }));
		expect(message).toContain("--port");
		expect(message).not.toContain("\n");
	});

	it("refuses positional arguments by name", () => {
		expect(usageErrorOf(() => parseOptions(["3000"], { port: { type: "string" } }))).toContain("3000");
	});

	it("makes control characters visible", () => {
		expect(printable("a\u001b[31mred\n\u202eb")).not.toMatch(/[\p{Cc}\u202e]/u);
	});
});

describe("the command line of serve", () => {
	const read = (...args: string[]) => readServeSettings(args, {});

	it("has the documented defaults", () => {
		expect(read()).toMatchObject({
			host: "127.0.0.1",
			port: 3000,
			otlpPort: 4318,
			isAnyPort: false,
			dataDir: defaultDataDir(),
			token: undefined,
			eventRetentionMs: 86_400_000,
			clientBuffer: 10_000,
			maxDbBytes: 2e9,
			exitWhenIdleMs: undefined,
			isJson: false,
		});
	});

	it("has no data directory with --memory, and refuses both", () => {
		expect(read("--memory").dataDir).toBeUndefined();
		expect(usageErrorOf(() => read("--memory", "--data-dir", "x"))).toContain("exclude");
	});

	it("asks for a token when other machines can reach the address", () => {
		for (const host of ["0.0.0.0", "::", "192.168.1.7", "127.example.org", "127.0.0.1.example.org"]) {
			expect(usageErrorOf(() => read("--host", host))).toContain("token");
			expect(read("--host", host, "--token", "t").host).toBe(host);
		}
		for (const host of ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]"]) {
			expect(read("--host", host).token).toBeUndefined();
		}
	});

	it("takes the token from the environment, the option first", () => {
		expect(readServeSettings([], { TRACEWAY_TOKEN: "env" }).token).toBe("env");
		expect(readServeSettings(["--token", "option"], { TRACEWAY_TOKEN: "env" }).token).toBe("option");
		expect(usageErrorOf(() => read("--token", "two words"))).not.toContain("two words");
	});

	it("refuses values below their minimum", () => {
		expect(usageErrorOf(() => read("--event-retention", "900ms"))).toContain("at least 1s");
		expect(usageErrorOf(() => read("--max-db-size", "10"))).toContain("at least 1MB");
		expect(usageErrorOf(() => read("--max-age", "500ms"))).toContain("at least 1s");
		expect(read("--max-age", "7d").maxTraceAgeMs).toBe(604_800_000);
		expect(read().maxTraceAgeMs).toBeUndefined();
		expect(usageErrorOf(() => read("--exit-when-idle", "0"))).toContain("at least 1s");
		expect(usageErrorOf(() => read("--exit-when-idle", "30d"))).toContain("at most");
		expect(usageErrorOf(() => read("--client-buffer", "0"))).toContain("--client-buffer");
	});

	it("refuses the same port twice, but any free one twice is fine", () => {
		expect(usageErrorOf(() => read("--port", "4318"))).toContain("4318");
		expect(read("--port", "0", "--otlp-port", "0")).toMatchObject({ port: 0, otlpPort: 0 });
	});
});

describe("the default data directory", () => {
	const at = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv = {}) =>
		defaultDataDir({ platform, env, home: "/home/me" });

	it("follows each platform's rule for data of one user", () => {
		expect(at("linux")).toBe("/home/me/.local/share/traceway-live");
		expect(at("linux", { XDG_DATA_HOME: "/data" })).toBe("/data/traceway-live");
		expect(at("darwin")).toBe("/home/me/Library/Application Support/traceway-live");
		expect(at("win32", { LOCALAPPDATA: "/home/me/AppData/Local" })).toBe("/home/me/AppData/Local/traceway-live");
	});

	it("ignores a relative XDG_DATA_HOME as its specification demands", () => {
		expect(at("linux", { XDG_DATA_HOME: "data" })).toBe("/home/me/.local/share/traceway-live");
	});

	it("is TRACEWAY_DATA_DIR when that is set", () => {
		expect(at("linux", { TRACEWAY_DATA_DIR: "/elsewhere" })).toBe("/elsewhere");
	});
});

describe("the server that demo and tail talk to", () => {
	it("is the option, else the environment", () => {
		expect(givenServer("http://a:1", { TRACEWAY_URL: "http://b:2" })).toBe("http://a:1");
		expect(givenServer(undefined, { TRACEWAY_URL: "http://b:2/" })).toBe("http://b:2");
		expect(givenServer(undefined, {})).toBeUndefined();
	});

	it("names the environment variable that is wrong", () => {
		expect(usageErrorOf(() => givenServer(undefined, { TRACEWAY_URL: "b:2" }))).toContain("TRACEWAY_URL");
	});

	it("gets a token that fits into a header", () => {
		expect(readToken(undefined, { TRACEWAY_TOKEN: "abc" })).toBe("abc");
		expect(usageErrorOf(() => readToken("a\nb", {}))).toContain("--token");
	});
});
