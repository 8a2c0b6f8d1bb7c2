/** Looks again until `look` gives something; throws with `what` and the last error when it takes too long. */
export async function until<T>(
	what: string,
	look: () => Promise<T | undefined | false> | T | undefined | false,
	timeoutMs = 20_000,
): Promise<T> {
	const deadline = Date.now() + timeoutMs;
	let lastError: unknown;
	for (;;) {
		try {
			const found = await look();
			if (found !== undefined && found !== false) return found;
		} catch (error) {
			lastError = error;
		}
		if (Date.now() > deadline) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`, { cause: lastError });
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}
