import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { parseListeningLine } from "../../src/protocol/serverInfo.ts";
import { buildCli, type CliBundle, Process } from "./support/cli.ts";
import { send, temporaryDir } from "./support/testServer.ts";

/** The examples of README's "Without VS Code", run as they stand there, only against a server on a free port. */
const text = readFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8");
const section = /^## Without VS Code\n([\s\S]*?)^## /m.exec(text)![1]!;
const examples = [...section.matchAll(/```(sh|python)\n([\s\S]*?)```/g)].map(([, language, code]) => ({
	language: language!,
	code: code!,
}));

let bundle: CliBundle;

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

const hasPython = spawnSync("python3", ["--version"]).status === 0;

describe("README without VS Code", () => {
	it(`holds true, line by line${hasPython ? "" : " (but for Python, which is not here)"}`, async () => {
		const dir = temporaryDir();
		const env = { PATH: process.env.PATH, HOME: dir, TRACEWAY_DATA_DIR: join(dir, "data") };
		const begin = (args: readonly string[]) => {
			const process_ = new Process(process.execPath, [bundle.cliPath, ...args], env);
			onTestFinished(() => void process_.child.kill("SIGKILL"));
			return process_;
		};
		const [serveExample, tailExample, ...rest] = examples;
		expect(serveExample!.code).toMatch(/^node dist\/cli\.js serve /);
		expect(tailExample!.code).toMatch(/^node dist\/cli\.js tail /);
		const server = begin(["serve", "--port", "0", "--otlp-port", "0", "--json"]);
		await server.until(() => server.lines.length > 0);
		const { url } = parseListeningLine(server.lines[0]!)!;
		const tail = begin(["tail"]);
		await tail.until(() => tail.stderr.includes("live\n"));

		for (const { language, code } of rest) {
			if (language === "python" && !hasPython) continue;
			const here = code
				.replaceAll("http://127.0.0.1:3000", url)
				.replaceAll("node dist/cli.js", `"${process.execPath}" "${bundle.cliPath}"`);
			const [program, flag] = language === "python" ? ["python3", "-c"] : ["sh", "-ec"];
			const child = new Process(program, [flag, here], env, dir);
			expect([code, await child.ended, child.stderr.includes("rror")]).toEqual([code, 0, false]);
		}
		await tail.until(() => tail.stdout.includes("span_completed") && tail.stdout.includes("chat"));
		const names = (await send("GET", `${url}/api/traces`)).json.items.map(({ name }: { name: string }) => name);
		expect(names.sort()).toEqual(hasPython ? ["chat", "from Python"] : ["chat"]);
		expect(Object.keys(JSON.parse(readFileSync(join(dir, "traces.json"), "utf8")).traces)).toHaveLength(names.length);
	});
});
