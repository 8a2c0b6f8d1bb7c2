/**
 * What code below the ui layer may log to. `vscode.LogOutputChannel` has this shape. Never pass tokens, headers, query
 * strings or attribute values; numbers and ids are what a reader needs.
 */
export interface Logger {
	/** A person may need to act. */
	error(message: string): void;
	/** Degraded, recovering by itself. */
	warn(message: string): void;
	/** A change of state. */
	info(message: string): void;
	/** One attempt, one request. */
	debug(message: string): void;
}

export const silentLogger: Logger = { error() {}, warn() {}, info() {}, debug() {} };

/** Puts a subject in front of each line, as in `[source local] open`. */
export function prefixedLogger(logger: Logger, prefix: string): Logger {
	return {
		error: (message) => logger.error(`[${prefix}] ${message}`),
		warn: (message) => logger.warn(`[${prefix}] ${message}`),
		info: (message) => logger.info(`[${prefix}] ${message}`),
		debug: (message) => logger.debug(`[${prefix}] ${message}`),
	};
}

/** One line for a caught value: its message and, in parentheses, the message of its cause, unless that is in it already. */
export function describeError(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const message = error.message || error.name;
	const { cause } = error;
	return cause instanceof Error && !message.includes(cause.message) ? `${message} (${cause.message})` : message;
}
