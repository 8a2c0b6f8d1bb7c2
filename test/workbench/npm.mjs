// Finds and runs npm. Plain JavaScript on built-in modules: it runs before anything is installed, on the system's Node.
import { spawn } from "node:child_process";
import { basename } from "node:path";

/**
 * Runs npm in `cwd` and resolves when it ended well; rejects with its last lines otherwise. Under `npm run` it is the same
 * npm, started by the Node that runs this, else the one on the PATH. Its output stays away from the terminal.
 *
 * @param {readonly string[]} args
 * @param {string} cwd
 * @returns {Promise<void>}
 */
export function runNpm(args, cwd) {
	const cli = process.env.npm_execpath;
	const isNpm = cli !== undefined && /^npm(-cli)?\.[cm]?js$/.test(basename(cli));
	// npm.cmd needs a shell; the arguments are our own plain words.
	const [command, rest, shell] = isNpm
		? [process.execPath, [cli, ...args], false]
		: ["npm", args, process.platform === "win32"];
	const child = spawn(command, rest, { cwd, shell, env: plainEnv(), stdio: ["ignore", "pipe", "pipe"] });
	let output = "";
	const keep = (text) => {
		output = (output + text).slice(-6000);
	};
	child.stdout.setEncoding("utf8").on("data", keep);
	child.stderr.setEncoding("utf8").on("data", keep);
	return new Promise((resolve, reject) => {
		child.on("error", (cause) => reject(new Error(`npm cannot be started: ${cause.message}`, { cause })));
		child.on("close", (code, signal) => {
			if (code === 0) resolve();
			else
				reject(new Error(`npm ${args.join(" ")} in ${cwd} ended with ${signal ?? `code ${code}`}:\n${output.trim()}`));
		});
	});
}

/** Without what an outer `npm run` hands down for its own package; the user's configuration files still count. */
function plainEnv() {
	return Object.fromEntries(
		Object.entries(process.env).filter(
			([name]) => !/^npm_(package|lifecycle|command|config_(local_)?prefix)/i.test(name),
		),
	);
}
