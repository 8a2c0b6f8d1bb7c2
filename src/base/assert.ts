/** Makes a switch over a union exhaustive at compile time, and loud at run time. */
export function assertNever(value: never, what: string): never {
	throw new Error(`${what}: unexpected ${JSON.stringify(value)}`);
}
