// Installs the project's packages when they are missing or differ from the lock file, and says which it was. Runs on the
// system's Node with nothing installed: plain JavaScript, built-in modules, Node 18 and newer.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runNpm } from "./npm.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The scripts are TypeScript that Node runs as it is, which it does without a flag from here on. */
const OLDEST_NODE = [22, 18];

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/**
 * Why the packages need an install; undefined when they are as the lock file wants them. npm's own record of what it
 * installed is compared, so an `npm install` by hand, whole or partial, is seen for what it is.
 */
function reasonToInstall() {
	const record = join(root, "node_modules", ".package-lock.json");
	if (!existsSync(record)) return "nothing is installed yet";
	const wanted = readJson(join(root, "package-lock.json")).packages;
	const manifest = readJson(join(root, "package.json"));
	for (const group of ["dependencies", "devDependencies", "optionalDependencies"]) {
		if (JSON.stringify(sorted(manifest[group])) !== JSON.stringify(sorted(wanted[""][group]))) {
			return `package.json has other ${group} than package-lock.json`;
		}
	}
	const installed = readJson(record).packages;
	for (const [path, { version, optional, os, cpu }] of Object.entries(wanted)) {
		if (path === "") continue;
		const fitsHere = fits(os, process.platform) && fits(cpu, process.arch);
		// An optional package for this machine may be missing for a reason that another install will not cure.
		if (installed[path] === undefined ? !optional : fitsHere && installed[path].version !== version) {
			return `${path.replace(/^node_modules\//, "")} is not at ${version}`;
		}
	}
	return undefined;
}

function sorted(group) {
	return Object.entries(group ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

function fits(list, value) {
	const words = [list ?? []].flat();
	if (words.includes(`!${value}`)) return false;
	return words.includes(value) || words.every((word) => word.startsWith("!"));
}

/** `npm run` puts `node_modules/.bin` first on the PATH, so a Node there runs everything from here on. */
function checkNode() {
	const bin = join(root, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");
	if (existsSync(bin)) return;
	const [major, minor] = process.versions.node.split(".").map(Number);
	if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
	throw new Error(
		`No Node package is pinned for ${process.platform}-${process.arch}, and this Node is ${process.versions.node}. ` +
			`Install Node ${OLDEST_NODE.join(".")} or newer (24 is what the project uses) and start again.`,
	);
}

try {
	const reason = reasonToInstall();
	if (reason === undefined) {
		console.log("Packages: up to date.");
	} else {
		console.log(`Packages: ${reason}; running npm ci, about half a minute …`);
		const startedAt = Date.now();
		await runNpm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], root);
		console.log(`Packages: installed in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
	}
	checkNode();
} catch (error) {
	console.error(error.message);
	process.exitCode = 1;
}
