import { type Command, parseInteger, parseOptions, parsePositive } from "./arguments.ts";
import { defaultUrl } from "./dataDir.ts";
import { runDemo } from "./demo.ts";
import { givenServer, readToken } from "./target.ts";

const help = `traceway-live demo - send realistic agent traffic to a server

Nested agents, LLM calls with tokens and cost, tools, retrieval, files, failures and sessions, through the public REST
API. The same seed sends the same traces.

Usage
  traceway-live demo [options]

Options
  --url U       base address of the server     [TRACEWAY_URL, else the running server, else http://127.0.0.1:3000]
  --traces N    number of traces               [20; without end with --live]
  --rate R      traces begun per second        [0.5 x speed with --live, else as fast as they go]
  --speed X     how many times faster than life spans run, up to 1000  [1 with --live, else 100]
  --seed S      number that decides what is sent, 0 to 4294967295  [1; with --live a new one each time]
  --live        as in life, until Ctrl+C; open spans are then failed as cancelled
  --token T     bearer token                   [TRACEWAY_TOKEN]
  -h, --help    print this

Exit codes
  0  sent, or stopped with Ctrl+C
  1  the server cannot be reached or refused a request
  2  wrong command line
  4  Node.js is older than 22.16

Examples
  traceway-live demo
  traceway-live demo --live --rate 2
  traceway-live demo --live --speed 50 --traces 1800    (an hour of it in 72 seconds)
  traceway-live demo --url http://127.0.0.1:3000 --traces 500 --seed 7
`;

async function run(args: readonly string[]): Promise<number> {
	const values = parseOptions(args, {
		url: { type: "string" },
		traces: { type: "string" },
		rate: { type: "string" },
		speed: { type: "string" },
		seed: { type: "string" },
		live: { type: "boolean", default: false },
		token: { type: "string" },
	});
	const traces = values.traces === undefined ? undefined : parseInteger(values.traces, "--traces", 1, 1_000_000);
	const rate = values.rate === undefined ? undefined : parsePositive(values.rate, "--rate", 10_000);
	const speed = values.speed === undefined ? undefined : parsePositive(values.speed, "--speed", 1000);
	const fixedSeed = values.seed === undefined ? undefined : parseInteger(values.seed, "--seed", 0, 2 ** 32 - 1);
	const seed = fixedSeed ?? (values.live ? Date.now() % 2 ** 32 : 1);
	const givenUrl = givenServer(values.url, process.env);
	const token = readToken(values.token, process.env);

	const abort = new AbortController();
	const stop = () => {
		if (abort.signal.aborted) process.exit(130);
		abort.abort();
	};
	process.on("SIGINT", stop);
	process.on("SIGTERM", stop);
	const url = givenUrl ?? (await defaultUrl(abort.signal));
	process.stderr.write(`sending to ${url}${values.live ? ", Ctrl+C ends it" : ""}\n`);
	const result = await runDemo({
		url,
		traces,
		rate,
		speed,
		seed,
		isLive: values.live,
		token,
		signal: abort.signal,
		onTrace: (line) => process.stdout.write(`${line}\n`),
	});
	const { spans, failedSpans } = result;
	process.stderr.write(`${result.traces} traces, ${spans} spans, ${failedSpans} of them failed\n`);
	return 0;
}

export const demoCommand: Command = { help, run };
