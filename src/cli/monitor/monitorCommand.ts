import { loadPrices } from "../../model/prices.ts";
import { traceway } from "../../sources/traceway/definition.ts";
import { type Command, parseInteger, parseOptions, parsePositive, printable, UsageError } from "../arguments.ts";
import { defaultDataDir, defaultUrl, findServer } from "../dataDir.ts";
import { readToken } from "../target.ts";
import { runFullScreen } from "./fullScreen.ts";
import { filterProblem } from "./keys.ts";
import { printLines } from "./plainLines.ts";
import { kindOf, namedServer } from "./server.ts";
import { MonitorSession } from "./session.ts";
import { KEYS } from "./view.ts";

const help = `traceway-live monitor - live dashboard of a server in the terminal

Shows the newest traces and their sums, live by the server's event stream. While the stream is away the traces are read
every --refresh seconds instead, and the monitor connects again by itself, after 1, 2, 4, 8, 16, 30, 30 … seconds; to a
server that was found and not named also at another address. When the output is no terminal, it prints a line whenever
the sums change. A server that is named may also be a Trace Explorer, a Grafana Tempo, a TraceLLM or a CloudGrid: what
answers at the address is asked first.

Usage
  traceway-live monitor [options]

Options
  --url U            base address of the server  [TRACEWAY_URL, else the running server, else http://127.0.0.1:3000]
  --ws-host H        host of a TraceLLM          [TRACELLM_WS_HOST, else 127.0.0.1]
  --ws-port P        its port, in place of --url [TRACELLM_WS_PORT, else 8000]
  -r, --refresh S    seconds between two readings while there is no stream, 0.25 to 3600  [2.0]
  -l, --limit N      traces in the table, 1 to 1000  [10]
  --filter Q         show only traces that match, like "status:failed model:gpt-4o duration:>2s -name:health"
  --token T          bearer token                [TRACEWAY_TOKEN]
  -h, --help         print this

Keys
${KEYS.map(([keys, does]) => `  ${keys.padEnd(17)}  ${does}`).join("\n")}

Stream
  Connected      what happens at the server is on the screen at once
  Unavailable    there was no connection yet
  Error          the connection failed, or the server refuses: the reason stands beside it
  Disconnected   the server ended the stream
  Reconnecting   further attempts failed, too

Numbers
  Those of the overview are of the traces in the table, not of all traces. Unknown is "–".
  Total Traces  traces in the table, and how many are known
  Errors        traces in which a span failed
  Avg Latency   mean of the traces that have ended, first start to last end
  P95 Latency   of those, sorted, the one at place int(n * 0.95) counted from 0: the longest of up to 20
                (analytics take the nearest rank, the place before)
  Total Cost    "~" means that list prices were used where the server named no cost
  Steps         spans of the trace
  Prompt        what the user said last to the model that was called first; else the trace's name
  Latencies from 900 ms on are yellow, from 1500 ms on red. Times are UTC.

Environment
  NO_COLOR             without colours when it is set
  TRACEWAY_URI_SCHEME  scheme of the editor that Enter opens  [vscode]

Exit codes
  0  ended by q, Ctrl+C or a signal, or the reader of the output went away
  1  failed in a way that nobody foresaw
  2  wrong command line
  4  Node.js is older than 22.16

Examples
  traceway-live monitor
  traceway-live monitor --limit 25 --filter "status:failed since:1h"
`;

const MIN_REFRESH_S = 0.25;
const MAX_REFRESH_S = 3600;
const MAX_LIMIT = 1000;

async function run(args: readonly string[]): Promise<number> {
	const values = parseOptions(args, {
		url: { type: "string" },
		"ws-host": { type: "string" },
		"ws-port": { type: "string" },
		refresh: { type: "string", short: "r", default: "2.0" },
		limit: { type: "string", short: "l", default: "10" },
		filter: { type: "string", default: "" },
		token: { type: "string" },
	});
	const { env, stdout } = process;
	const refreshS = parsePositive(values.refresh, "--refresh", MAX_REFRESH_S);
	if (refreshS < MIN_REFRESH_S) {
		throw new UsageError(`--refresh: "${printable(values.refresh)}" is less than ${MIN_REFRESH_S} seconds`);
	}
	const refreshMs = Math.round(refreshS * 1000);
	const limit = parseInteger(values.limit, "--limit", 1, MAX_LIMIT);
	const problem = filterProblem(values.filter);
	if (problem !== undefined) throw new UsageError(`--filter: ${printable(problem)}`);
	const token = readToken(values.token, env);
	await loadPrices();
	const named = namedServer(values, env);
	const url = named?.url ?? (await defaultUrl(new AbortController().signal));
	const findUrl =
		named === undefined ? async (signal: AbortSignal) => (await findServer(defaultDataDir(), signal))?.url : undefined;
	const definition = named === undefined ? traceway : await kindOf(named, token);
	const session = await MonitorSession.open({
		definition,
		url,
		findUrl,
		token,
		refreshMs,
		limit,
		filter: values.filter.trim(),
	});
	try {
		session.start();
		if (stdout.isTTY && env.TERM !== "dumb") await runFullScreen({ session, env });
		else await printLines(session, refreshMs);
		return 0;
	} finally {
		session.dispose();
	}
}

export const monitorCommand: Command = { help, run };
