import { existsSync, statSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import { openTrace } from "../../../src/cli/monitor/openTrace.ts";
import { MAX_LINK_BYTES } from "../../../src/protocol/traceUri.ts";
import { LinkPipe } from "../../../src/ui/monitor/linkPipe.ts";

/** A pipe that notes the links it gets and answers with `problem`. */
function linkPipe(problem?: string) {
	const links: string[] = [];
	const open = async (link: string) => {
		links.push(link);
		return problem;
	};
	const pipe = new LinkPipe({ open, logger: silentLogger });
	onTestFinished(() => pipe.dispose());
	return { pipe, links };
}

function opening(path: string, traceId = "t") {
	return openTrace(traceId, "http://127.0.0.1:3000", {
		platform: "linux",
		env: { TRACEWAY_OPEN_PIPE: path },
		find: () => undefined,
	});
}

/** Writes some pieces and resolves with what came back until the end. */
function talk(path: string, ...pieces: readonly string[]): Promise<string> {
	return new Promise((resolve) => {
		let answer = "";
		const socket = connect(path);
		socket.setEncoding("utf8").on("data", (text: string) => {
			answer += text;
		});
		// Cut off in the middle of a write: the answer is what counts.
		socket.on("error", () => {});
		socket.on("close", () => resolve(answer));
		for (const piece of pieces) socket.write(piece);
	});
}

describe("the pipe for links", () => {
	it("hands a link from the command line over, and its answer back", async () => {
		const { pipe, links } = linkPipe();
		expect(await opening(await pipe.path(), "a b")).toBeUndefined();
		expect(links).toEqual(["vscode://traceway-live.traceway-live/trace/a%20b?server=http%3A%2F%2F127.0.0.1%3A3000"]);
	});

	it("says why a link cannot be opened, on one line", async () => {
		const { pipe } = linkPipe("The trace is on\nanother server");
		expect(await opening(await pipe.path())).toBe("VS Code: The trace is on another server");
	});

	it("takes a link in pieces, and only the first of several lines", async () => {
		const { pipe, links } = linkPipe();
		expect(await talk(await pipe.path(), "vscode:", "//x", "\nsecond\n")).toBe("ok\n");
		expect(links).toEqual(["vscode://x"]);
	});

	it("hangs up on a line that is too long", async () => {
		const { pipe, links } = linkPipe();
		expect(await talk(await pipe.path(), "x".repeat(MAX_LINK_BYTES + 1))).toBe("");
		expect(links).toEqual([]);
	});

	it.skipIf(process.platform === "win32")("is for this user only, one for all, and gone in the end", async () => {
		const { pipe } = linkPipe();
		const path = await pipe.path();
		expect(await pipe.path()).toBe(path);
		expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
		pipe.dispose();
		await expect.poll(() => existsSync(dirname(path))).toBe(false);
		// The command line then looks for another way, of which there is none here.
		expect(await opening(path)).toMatch(/^Nothing here opens VS Code; open vscode:\/\//);
	});
});
