import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { SpanDetail } from "../../src/model/span.ts";
import { captureOf } from "../../src/ui/panels/captureHint.ts";

const detail = (raw: Record<string, unknown>, attributes: Record<string, unknown> = {}): SpanDetail => ({
	raw,
	attributes,
	input: undefined,
	output: undefined,
	summary: {} as SpanDetail["summary"],
});

interface Exported {
	readonly resourceSpans: readonly {
		readonly scopeSpans: readonly {
			readonly scope: { readonly name: string };
			readonly spans: readonly { readonly attributes: readonly { readonly key: string }[] }[];
		}[];
	}[];
}

/** The first span of a fixture, as far as its recorder shows. */
function recorded(name: string): SpanDetail {
	const path = join(import.meta.dirname, "..", "fixtures", "otlp", name);
	const read = JSON.parse(readFileSync(path, "utf8")) as Exported & { readonly request?: Exported };
	const [scopeSpans] = (read.request ?? read).resourceSpans[0].scopeSpans;
	const keys = scopeSpans.spans.flatMap(({ attributes }) => attributes.map(({ key }) => [key, 1]));
	return detail({ scope: scopeSpans.scope }, Object.fromEntries(keys));
}

it("knows who recorded a span by its scope and the names of its attributes", () => {
	const names = readdirSync(join(import.meta.dirname, "..", "fixtures", "otlp")).filter((name) =>
		name.endsWith(".json"),
	);
	expect(Object.fromEntries(names.map((name) => [name.replace(".json", ""), captureOf(recorded(name))]))).toEqual({
		genaiCurrent: "genAi",
		genaiOld: "genAi",
		logfire: "pydanticAi",
		openCode: "openInference",
		openInference: "openInference",
		traceloop: "traceloop",
		vercelAi: "aiSdk",
	});
});

it("takes a program that says nothing of itself for one that speaks the API, whatever its values are", () => {
	expect(captureOf(detail({}))).toBe("own");
	expect(captureOf(detail({ scope: "ai" }, { model: "gpt-4o" }))).toBe("own");
	expect(captureOf(detail({ scope: { name: 7 } }, { "gen_ai.system": 1 }))).toBe("genAi");
	expect(captureOf(detail({ scope: { name: "my-tracer" } }))).toBe("genAi");
});
