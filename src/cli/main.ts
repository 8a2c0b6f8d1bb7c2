#!/usr/bin/env node
// Nothing that an old Node.js does not have may be imported here statically: this file must get as far as its version check.
import { ExitCode } from "../protocol/serverInfo.ts";
import { type Command, CommandError, printable, UsageError } from "./arguments.ts";
import { version } from "./version.ts";

const COMMANDS: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
	serve: {
		summary: "run the server: Traceway's REST API, live events and OTLP on SQLite",
		load: async () => (await import("./serve.ts")).serveCommand,
	},
	demo: {
		summary: "send realistic agent traffic to a server",
		load: async () => (await import("./demoCommand.ts")).demoCommand,
	},
	monitor: {
		summary: "full-screen live dashboard in the terminal",
		load: async () => (await import("./monitor/monitorCommand.ts")).monitorCommand,
	},
	tail: {
		summary: "print live events as lines",
		load: async () => (await import("./tail.ts")).tailCommand,
	},
	export: {
		summary: "write traces as JSON, to a file or to standard output",
		load: async () => (await import("./exportCommand.ts")).exportCommand,
	},
	import: {
		summary: "send stored traces to a server",
		load: async () => (await import("./importCommand.ts")).importCommand,
	},
	doctor: {
		summary: "find out why spans do not arrive",
		load: async () => (await import("./doctor.ts")).doctorCommand,
	},
};

const PROGRAM = "traceway-live";

function programHelp(): string {
	const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(9)}${summary}`);
	return `${PROGRAM} ${version} - live traces of LLM applications and agents

Usage
  ${PROGRAM} <command> [options]
  ${PROGRAM} <command> --help
  ${PROGRAM} --version

Commands
${commands.join("\n")}

Environment
  TRACEWAY_URL       server that the other commands talk to
  TRACEWAY_TOKEN     bearer token: asked for by serve, sent by the others
  TRACEWAY_DATA_DIR  data directory, instead of the platform's default
  TRACEWAY_DEBUG     1 adds stack traces to internal errors

Exit codes
  0  done, or ended by a signal after a clean stop
  1  failed: server unreachable, port taken, data unusable
  2  wrong command line
  3  another running server owns the data directory
  4  Node.js is older than 22.16
  130  export, import or doctor was stopped with Ctrl+C

Examples
  ${PROGRAM} serve
  ${PROGRAM} demo --live
  ${PROGRAM} monitor
  ${PROGRAM} tail --json
  ${PROGRAM} doctor
`;
}

/** `node:sqlite` runs without a flag from 22.13 on; 22.16 is the first version that we test with. */
function isNodeTooOld(): boolean {
	const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
	return major < 22 || (major === 22 && minor < 16);
}

async function run(args: readonly string[]): Promise<number> {
	const [name, ...rest] = args;
	if (name === undefined) {
		process.stderr.write(programHelp());
		return ExitCode.usage;
	}
	if (name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
		process.stdout.write(programHelp());
		return ExitCode.ok;
	}
	if (name === "--version" || name === "-V") {
		process.stdout.write(`${version}\n`);
		return ExitCode.ok;
	}
	// "help serve" reads as "serve --help".
	const commandName = name === "help" ? rest[0]! : name;
	const entry = Object.hasOwn(COMMANDS, commandName) ? COMMANDS[commandName] : undefined;
	if (entry === undefined) {
		const what = commandName.startsWith("-") ? "unknown option" : "unknown command";
		throw new UsageError(`${what} "${printable(commandName)}"`);
	}
	const command = await entry.load();
	const end = rest.indexOf("--");
	const flags = end < 0 ? rest : rest.slice(0, end);
	if (name === "help" || flags.includes("--help") || flags.includes("-h")) {
		process.stdout.write(command.help);
		return ExitCode.ok;
	}
	try {
		return await command.run(rest);
	} catch (error) {
		if (error instanceof UsageError) error.command ??= commandName;
		throw error;
	}
}

/** One line on standard error; stack traces only for what nobody foresaw, on request, and above that line. */
function reportError(error: unknown): number {
	const message = error instanceof Error ? error.message || error.name : String(error);
	if (error instanceof UsageError) {
		const help = [PROGRAM, error.command, "--help"].filter((part) => part !== undefined).join(" ");
		process.stderr.write(`${PROGRAM}: ${message} (see "${help}")\n`);
		return ExitCode.usage;
	}
	const isForeseen = error instanceof CommandError;
	if (!isForeseen && process.env.TRACEWAY_DEBUG === "1" && error instanceof Error) {
		process.stderr.write(`${error.stack}\n`);
	}
	process.stderr.write(`${PROGRAM}: ${message}\n`);
	return isForeseen ? error.exitCode : ExitCode.failed;
}

/** Node.js 22 calls `node:sqlite` experimental on standard error at each start; nobody can do anything about that. */
function silenceSqliteWarning(): void {
	const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
	process.emitWarning = (...args: unknown[]) => {
		if (args[1] !== "ExperimentalWarning" || !String(args[0]).includes("SQLite")) emitWarning(...args);
	};
}

async function main(): Promise<void> {
	if (isNodeTooOld()) {
		process.stderr.write(
			`${PROGRAM}: needs Node.js 22.16 or newer, this is ${process.versions.node} (${process.execPath})\n`,
		);
		process.exitCode = ExitCode.nodeTooOld;
		return;
	}
	silenceSqliteWarning();
	// A reader that has seen enough (`| head`) is no error.
	process.stdout.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code === "EPIPE") process.exit(ExitCode.ok);
		throw error;
	});
	try {
		process.exitCode = await run(process.argv.slice(2));
	} catch (error) {
		process.exitCode = reportError(error);
	}
}

await main();
