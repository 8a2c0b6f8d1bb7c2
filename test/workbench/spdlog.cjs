// What `setup.mts` puts in the place of `@vscode/spdlog`, whose native part needs a compiler. Without it VS Code drops what
// extensions write to their log channels; the tests read those logs, and a person asks for them by "Show Log". Same
// interface, no rotation: a run's logs are thrown away with its profile.
const { appendFileSync, mkdirSync } = require("node:fs");
const { dirname } = require("node:path");

const LEVELS = ["trace", "debug", "info", "warning", "error", "critical"];
const OFF = LEVELS.length;

class Logger {
	constructor(_type, _name, file) {
		this.file = file;
		this.level = LEVELS.indexOf("info");
		this.isRaw = false;
	}
	write(level, message) {
		if (level < this.level) return;
		const stamp = new Date().toISOString().replace("T", " ").slice(0, -1);
		try {
			appendFileSync(this.file, this.isRaw ? message : `${stamp} [${LEVELS[level]}] ${message}\n`);
		} catch {
			// The profile is being removed while its last lines are written.
		}
	}
	trace(message) {
		this.write(0, message);
	}
	debug(message) {
		this.write(1, message);
	}
	info(message) {
		this.write(2, message);
	}
	warn(message) {
		this.write(3, message);
	}
	error(message) {
		this.write(4, message);
	}
	critical(message) {
		this.write(5, message);
	}
	getLevel() {
		return this.level;
	}
	setLevel(level) {
		this.level = level;
	}
	setPattern() {
		this.isRaw = false;
	}
	clearFormatters() {
		this.isRaw = true;
	}
	flush() {}
	drop() {
		this.level = OFF;
	}
}

async function createLogger(name, file) {
	mkdirSync(dirname(file), { recursive: true });
	return new Logger("rotating", name, file);
}

exports.version = 0;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = createLogger;
exports.createAsyncRotatingLogger = createLogger;
