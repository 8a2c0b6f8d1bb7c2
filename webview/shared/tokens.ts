import { formatCount } from "../../src/base/quantity.ts";
import { fill } from "./words.ts";

/**
 * Tokens of both ways, by a text such as `{0} in, {1} out`. Where nothing is known of the way out it is the one count alone (`{0}
 * tokens`): some backends count both ways together. NaN is unknown, too.
 */
export function tokensText(both: string, alone: string, input: number | undefined, output: number | undefined): string {
	const isAlone = !isKnown(output) && isKnown(input);
	return isAlone ? fill(alone, formatCount(input)) : fill(both, formatCount(input), formatCount(output));
}

function isKnown(count: number | undefined): boolean {
	return count !== undefined && !Number.isNaN(count);
}
