/**
 * What a span of the load carries follows from its id, so that a reader needs no copy to compare with. Mostly a few hundred
 * characters, now and then so many that a row takes several pages of the database.
 */
export function inputOf(spanId: string): { readonly of: string; readonly text: string } {
	return { of: spanId, text: textOf(spanId, 1) };
}

export function outputOf(spanId: string): { readonly of: string; readonly answer: string } {
	return { of: spanId, answer: textOf(spanId, 2) };
}

export function errorOf(spanId: string): string {
	return `${spanId} failed – „${textOf(spanId, 3).slice(0, 40).toWellFormed()}“`;
}

/** Value of the attribute of a span from OpenTelemetry. */
export function attributeOf(spanId: string): string {
	return `${spanId}:${textOf(spanId, 4)}`;
}

const WORDS = "the agent asks its tool for naïve café „results“ and waits 🙂 while nothing is lost ".repeat(300);

function textOf(id: string, salt: number): string {
	let hash = 2_166_136_261 ^ salt;
	for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 16_777_619) >>> 0;
	const dice = hash % 100;
	const length = dice < 80 ? 100 + (hash % 300) : dice < 97 ? 2000 : 20_000;
	const from = hash % 80;
	return WORDS.slice(from, from + length).toWellFormed();
}
