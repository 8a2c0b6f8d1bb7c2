import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTimestamp } from "../../src/base/timestamp.ts";
import type { SpanDetail, SpanSummary } from "../../src/model/span.ts";
import {
	eventsOf,
	linksOf,
	linkTarget,
	originOf,
	otelOf,
	ownAttributes,
	stackOf,
} from "../../src/ui/panels/spanDetailFacts.ts";

function detailOf(raw: Record<string, unknown>, summary: Partial<SpanSummary> = {}): SpanDetail {
	const start = parseTimestamp("2026-03-06T09:00:00Z");
	return { raw, input: undefined, output: undefined, attributes: {}, summary: { start, ...summary } as SpanSummary };
}
const exception = (stack: string) => ({ name: "exception", attributes: { "exception.stacktrace": stack } });

describe("what the wire says of a span beside its attributes", () => {
	it("gives the time of an event since the span's start, before it too", () => {
		const events = [
			{ name: "a", time: "2026-03-06T09:00:00.000001500Z" },
			{ name: "b", time: "2026-03-06T08:59:59Z" },
			{ time: "soon" },
		];
		expect(eventsOf(detailOf({ events })).items.map(({ name, offsetNs }) => [name, offsetNs])).toEqual([
			["a", 1_500],
			["b", -1e9],
			["", undefined],
		]);
	});

	it("names the trace of a link only where it is there", () => {
		const detail = detailOf({
			links: [{ trace_id: "t", span_id: "s" }, { trace_id: "u", span_id: "v" }, { trace_id: 7 }],
		});
		const { items } = linksOf(detail, (id) => (id === "t" ? "run" : undefined));
		expect(items.map(({ traceName }) => traceName)).toEqual(["run", undefined, undefined]);
		expect(linkTarget(detail, 1)).toEqual({ traceId: "u", spanId: "v" });
		expect([linkTarget(detail, 2), linkTarget(detail, 9), linkTarget(detail, Number.NaN)]).toEqual([
			undefined,
			undefined,
			undefined,
		]);
	});

	it("takes the resource out of the attributes where it stands apart, and only there", () => {
		const attributes = { a: 1, "resource.service.name": "shop" };
		expect(ownAttributes({ ...detailOf({ resource: { attributes: {} } }), attributes })).toEqual({ a: 1 });
		expect(ownAttributes({ ...detailOf({}), attributes })).toEqual(attributes);
	});

	it("shows the stack of the last exception, unless the error is that stack", () => {
		const detail = detailOf({ events: [exception("first"), exception("second\n  at x")] }, { error: "oh" });
		expect(stackOf(detail)).toBe("second\n  at x");
		expect(stackOf({ ...detail, summary: { ...detail.summary, error: "Error: second\n  at x\n" } })).toBeUndefined();
	});

	it("never throws, whatever stands where", () => {
		fc.assert(
			fc.property(fc.jsonValue(), fc.constantFrom("events", "links", "resource", "scope", "otel"), (value, part) => {
				for (const raw of [
					{ [part]: value },
					{ [part]: [value] },
					{ [part]: [{ attributes: value, time: value, name: value }] },
					{ [part]: { attributes: value } },
				]) {
					const detail = detailOf(raw);
					eventsOf(detail);
					linksOf(detail, () => undefined);
					linkTarget(detail, 0);
					originOf(detail, "resource");
					originOf(detail, "scope");
					otelOf(detail);
					expect(stackOf(detail)).toBeUndefined();
				}
			}),
		);
	});
});
