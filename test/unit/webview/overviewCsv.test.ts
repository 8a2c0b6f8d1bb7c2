import { expect, it } from "vitest";
import { csvText } from "../../../webview/overview/csv.ts";

const line = (...cells: (string | number | null)[]) => csvText([cells]).replace("\ufeff", "").replace("\r\n", "");

it("quotes what would end a cell or a row, and nothing else", () => {
	expect(line("plain", 'say "hi"', "a,b", "a;b", "two\nlines", 1.5, null)).toBe(
		'plain,"say ""hi""","a,b","a;b","two\nlines",1.5,',
	);
	expect(csvText([["ä"], ["b"]])).toBe("\ufeffä\r\nb\r\n");
});

it("makes texts harmless that a spreadsheet would take for a formula", () => {
	for (const text of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1"]) {
		expect(line(text)).toBe(`"'${text}"`);
	}
	expect(line('=HYPERLINK("http://x","y")')).toBe('"\'=HYPERLINK(""http://x"",""y"")"');
});

it("leaves numbers numbers, negative ones too, and writes none for what is none", () => {
	expect(line(-0.3, 0, Number.NaN, Number.POSITIVE_INFINITY)).toBe("-0.3,0,,");
});
