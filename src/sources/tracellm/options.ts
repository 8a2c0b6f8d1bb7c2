import { type SourceConfig, SourceError } from "../source.ts";

/** `options` of an entry of type `tracellm`. */
export interface TracellmOptions {
	/** Distance of two readings of the storage, milliseconds. */
	readonly refreshMs: number;
	/** Storage that is read while no server is there, in place of REST. */
	readonly mongoUrl: string | undefined;
	readonly database: string;
	readonly sqliteFile: string | undefined;
	/** The token is the password of MongoDB's user, and nothing that HTTP ever sees. */
	readonly isTokenForMongo: boolean;
}

/** As `tracellm monitor`. */
const DEFAULT_REFRESH_S = 2;
const MIN_REFRESH_S = 0.25;
const MAX_REFRESH_S = 3600;
const DEFAULT_DATABASE = "tracellm";
const KNOWN = new Set(["refreshSeconds", "mongoUrl", "database", "sqliteFile"]);

/** Throws a `SourceError` for what makes no sense. */
export function readOptions({ options = {} }: SourceConfig): TracellmOptions {
	const { refreshSeconds = DEFAULT_REFRESH_S, mongoUrl, database = DEFAULT_DATABASE, sqliteFile } = options;
	for (const key of Object.keys(options)) {
		if (!KNOWN.has(key)) throw wrong(`there is no option "${key.slice(0, 60)}"; there are ${[...KNOWN].join(", ")}`);
	}
	if (typeof refreshSeconds !== "number" || !(refreshSeconds >= MIN_REFRESH_S && refreshSeconds <= MAX_REFRESH_S)) {
		throw wrong(`refreshSeconds must be a number from ${MIN_REFRESH_S} to ${MAX_REFRESH_S}`);
	}
	// MongoDB's own rule for names of databases.
	if (typeof database !== "string" || !/^[^/\\. "$*<>:|?\0]{1,63}$/.test(database)) {
		throw wrong("database must be the name of a MongoDB database");
	}
	if (sqliteFile !== undefined && (typeof sqliteFile !== "string" || !/^(?:[/\\~]|[A-Za-z]:)/.test(sqliteFile))) {
		throw wrong("sqliteFile must be an absolute path, or begin with ~/");
	}
	return {
		refreshMs: Math.round(refreshSeconds * 1000),
		mongoUrl: readMongoUrl(mongoUrl),
		database,
		sqliteFile,
		isTokenForMongo: typeof mongoUrl === "string" && /^[^:]+:\/\/[^@/]+@/.test(mongoUrl),
	};
}

function readMongoUrl(url: string | number | boolean | undefined): string | undefined {
	if (url === undefined) return undefined;
	if (typeof url !== "string" || !/^mongodb(?:\+srv)?:\/\/[^/]/.test(url)) {
		throw wrong("mongoUrl must begin with mongodb:// or mongodb+srv://");
	}
	// The part before the last @ of the hosts: `user` or `user:password`.
	const login = /^[^:]+:\/\/([^/]*)@/.exec(url)?.[1];
	if (login?.includes(":") === true) throw wrong("mongoUrl must not hold a password; set it as the source's token");
	return url;
}

function wrong(what: string): SourceError {
	return new SourceError("protocol", `options of the source: ${what}`);
}
