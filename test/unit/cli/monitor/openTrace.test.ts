import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openContext, openersOf, openTrace, uriScheme } from "../../../../src/cli/monitor/openTrace.ts";
import { promptOf } from "../../../../src/cli/monitor/prompts.ts";

const URI = "vscode://x.y/trace/t";
const find = (name: string) => `/bin/${name}`;

/** A folder for the PATH with one program, which writes its arguments into a file and ends with a code. */
function programFolder(name: string, exitCode: number) {
	const folder = mkdtempSync(join(tmpdir(), "traceway-open-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const said = join(folder, "said");
	writeFileSync(join(folder, name), `#!/bin/sh\nprintf '%s\\n' "$@" "$TRACEWAY_TOKEN" > "${said}"\nexit ${exitCode}\n`);
	chmodSync(join(folder, name), 0o755);
	return { folder, said };
}

describe("the programs that open a trace", () => {
	it.each([
		["linux", {}, ["/bin/code --open-url", "/bin/xdg-open"]],
		["darwin", {}, ["/bin/code --open-url", "/bin/open"]],
		["win32", {}, ["/bin/rundll32.exe url.dll,FileProtocolHandler"]],
		["linux", { TRACEWAY_URI_SCHEME: "vscode-insiders" }, ["/bin/code-insiders --open-url", "/bin/xdg-open"]],
		[
			"linux",
			{ VSCODE_IPC_HOOK_CLI: "/run/x.sock", BROWSER: "/srv/bin/helpers/browser.sh" },
			["/srv/bin/helpers/browser.sh", "/bin/xdg-open"],
		],
	] as const)("are those of %s with %o", (platform, env, expected) => {
		const openers = openersOf(URI, { platform, env, find });
		expect(openers.map(({ command, args }) => [command, ...args].join(" "))).toEqual(
			expected.map((words) => `${words} ${URI}`),
		);
	});

	it("are none where nothing is installed, which is said with the address", async () => {
		const context = { platform: "linux" as const, env: {}, find: () => undefined };
		expect(await openTrace("t/1", "http://127.0.0.1:3000", context)).toBe(
			"Nothing here opens VS Code; open vscode://traceway-live.traceway-live/trace/t%2F1?server=http%3A%2F%2F127.0.0.1%3A3000",
		);
	});

	it("take a scheme from the environment only when it is one", () => {
		expect(uriScheme({})).toBe("vscode");
		expect(uriScheme({ TRACEWAY_URI_SCHEME: "code-oss" })).toBe("code-oss");
		expect(uriScheme({ TRACEWAY_URI_SCHEME: "-x y" })).toBe("vscode");
	});
});

describe.skipIf(process.platform === "win32")("opening a trace", () => {
	it("runs the program without a shell, with the address as one argument, and without the token", async () => {
		const { folder, said } = programFolder("code", 0);
		const context = { ...openContext({ PATH: folder, TRACEWAY_TOKEN: "s3cret" }), platform: "linux" as const };
		expect(await openTrace('$(touch x) "; `id`', "http://h:1", context)).toBeUndefined();
		expect(readFileSync(said, "utf8").split("\n")).toEqual([
			"--open-url",
			"vscode://traceway-live.traceway-live/trace/%24(touch%20x)%20%22%3B%20%60id%60?server=http%3A%2F%2Fh%3A1",
			"",
			"",
		]);
	});

	it("goes on to the next program when one cannot", async () => {
		const first = programFolder("code", 1);
		const second = programFolder("xdg-open", 0);
		const env = { PATH: `${first.folder}:${second.folder}:/bin:/usr/bin` };
		const context = { ...openContext(env), platform: "linux" as const };
		expect(await openTrace("t", "http://h:1", context)).toBeUndefined();
		expect(readFileSync(second.said, "utf8")).toContain("/trace/t?server=");
	});
});

describe("the prompt of a trace", () => {
	const of = (input: unknown, attributes = {}) =>
		promptOf({ summary: undefined as never, raw: {}, input, output: undefined, attributes });

	it("is what the user said last, on one line", () => {
		const messages = [
			{ role: "system", content: "be brief" },
			{ role: "user", content: "first" },
			{ role: "assistant", content: "yes?" },
			{ role: "user", content: "  and\n\tthen " },
		];
		expect(of({ messages })).toBe("and then");
		expect(of("plain text")).toBe("plain text");
		expect(of(undefined, { "gen_ai.input.messages": messages })).toBe("and then");
	});

	it("is unknown where nobody said anything, and short however long it is", () => {
		expect(of(undefined)).toBeUndefined();
		expect(of({ messages: [{ role: "user", content: " \n " }] })).toBeUndefined();
		expect(of("x".repeat(1_000_000))?.length).toBe(400);
	});
});
