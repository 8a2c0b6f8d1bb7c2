import { describe, expect, it } from "vitest";
import { tokensText } from "../../../webview/shared/tokens.ts";

const TEXT = "{0} in, {1} out";

describe("tokensText", () => {
	it.each([
		[1200, 80, "1,200 in, 80 out"],
		[undefined, 80, "– in, 80 out"],
		[Number.NaN, Number.NaN, "– in, – out"],
		// An embedding, or a backend that counts both ways together.
		[12, undefined, "12 tokens"],
		[12, Number.NaN, "12 tokens"],
		[0, 0, "0 in, 0 out"],
	])("says %s and %s as %s", (input, output, text) => {
		expect(tokensText(TEXT, "{0} tokens", input, output)).toBe(text);
	});
});
