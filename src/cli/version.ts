declare const __VERSION__: string | undefined;

/** The version in package.json, put in by the bundler; "0.0.0-dev" when a source file runs as it is. */
export const version: string = typeof __VERSION__ === "string" ? __VERSION__ : "0.0.0-dev";
