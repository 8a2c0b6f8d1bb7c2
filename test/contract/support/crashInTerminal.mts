// Takes the terminal as the monitor does, and then fails in a way that nobody catches.
import { Screen } from "../../../src/cli/monitor/screen.ts";
import { guardTerminal } from "../../../src/cli/monitor/terminalGuard.ts";

const write = (text: string) => process.stdout.write(text);
const screen = new Screen({ columns: 80, rows: 24, write, writeNow: write }, { hasColor: true });
guardTerminal(() => screen.close());
screen.open();
screen.draw([[{ text: "on the screen", style: "plain" }]]);
process.stdin.once("data", () => {
	if (process.argv[2] === "rejection") void Promise.reject(new Error("nobody waits for this"));
	else throw new Error("nobody catches this");
});
