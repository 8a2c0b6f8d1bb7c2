import { describe, expect, it } from "vitest";
import { framesIn } from "../../src/model/stackFrames.ts";
import type { SpanDetailView } from "../../src/protocol/messages.ts";
import { useDetailPages } from "./detailPages.ts";
import { expandAll, viewOf } from "./spanDetailViews.ts";
import { THEME_NAMES } from "./themes.ts";

const { opened } = useDetailPages({ height: 1_200 });

const STACK = `Error: upstream closed\n    at read (/work/shop/src/client.ts:88:12)\n    at node:internal/process:95:5`;
const RAW = {
	id: "s1",
	attributes: { "http.route": "/orders" },
	events: [
		{ name: "retry", time: "2026-03-06T09:00:00.225456Z", attributes: { attempt: 2 } },
		{ name: "<b>clock</b>", time: "2026-03-06T09:00:00.025456Z" },
		{
			name: "exception",
			time: "2026-03-06T09:00:01.125456Z",
			attributes: { "exception.type": "Error", "exception.stacktrace": STACK },
		},
	],
	links: [
		{ trace_id: "t-here", span_id: "a", attributes: { reason: "batch" } },
		{ trace_id: "t-far", span_id: "b" },
	],
	resource: {
		attributes: { "service.name": "shop", "host.name": "box-7" },
		schema_url: "https://opentelemetry.io/schemas/1.38.0",
	},
	scope: { name: "shop.http", version: "1.2.0" },
	otel: { kind: 3, status_code: 2, dropped_events_count: 4 },
};

function view(): SpanDetailView {
	const detail = viewOf(
		{ attributes: { "http.route": "/orders", "resource.service.name": "shop" }, raw: RAW },
		{ kindType: "custom", kindName: "http", model: undefined, state: "failed", error: "upstream closed" },
	);
	const [start] = detail.stack === undefined ? [] : framesIn(detail.stack.text);
	return {
		...detail,
		links: detail.links.map((link) => (link.traceId === "t-here" ? { ...link, traceName: "nightly batch" } : link)),
		stackFrames: start === undefined ? [] : [{ start: start.start, end: start.end, index: 0 }],
	};
}

describe("what OpenTelemetry says of a span", () => {
	it("stands in sections of its own: events by their time, resource, scope, and the rest", () =>
		opened(async (details) => {
			const { page, send } = details;
			await send({ type: "detail/value", detail: view() });
			await expandAll(details, "button.fold");
			const headings = await page.locator(".payload h2").allInnerTexts();
			expect(headings.map((heading) => heading.replace(/^\W+/, ""))).toEqual([
				"Attributes",
				"Events",
				"Links",
				"Resource",
				"Instrumentation scope",
				"OpenTelemetry",
				"Raw JSON",
			]);
			expect(await page.locator("#content-attributes tbody th").allInnerTexts()).toEqual(["http.route"]);
			expect(await page.locator("#content-events .moment-title").allInnerTexts()).toEqual([
				expect.stringMatching(/^\+100 ms\s+retry$/),
				expect.stringMatching(/^−100 ms\s+<b>clock<\/b>$/),
				expect.stringMatching(/^\+1 s\s+exception$/),
			]);
			const cells = (name: string): Promise<string[]> => page.locator(`#content-${name} tbody tr`).allInnerTexts();
			expect((await cells("resource")).map((cell) => cell.split(/\s+/))).toEqual([
				["service.name", "shop"],
				["host.name", "box-7"],
				["schema_url", "https://opentelemetry.io/schemas/1.38.0"],
			]);
			expect((await cells("scope")).map((cell) => cell.split(/\s+/))).toEqual([
				["name", "shop.http"],
				["version", "1.2.0"],
			]);
			expect((await cells("otel")).map((cell) => cell.split(/\s+/))).toEqual([
				["kind", "client"],
				["status_code", "error"],
				["dropped_events_count", "4"],
			]);
		}));

	it("opens the linked span where its trace is there, and only then", () =>
		opened(async ({ page, send, posted, clearPosted }) => {
			await send({ type: "detail/value", detail: view() });
			await clearPosted();
			await page.getByRole("button", { name: "Open the linked span: nightly batch, t-here / a" }).press("Enter");
			expect(await posted()).toEqual([{ type: "link/open", index: 0 }]);
			const far = page.locator("#content-links .moment").nth(1);
			expect(await far.innerText()).toContain("not among the traces here");
			expect(await far.getByRole("button").count()).toBe(0);
		}));

	it("leads from a line of the stack to the file that the host found, and from no other", () =>
		opened(async ({ page, send, waitForPost }) => {
			await send({ type: "detail/value", detail: view() });
			const stack = page.locator(".error pre").nth(1);
			expect(await stack.evaluate((pre) => pre.textContent)).toBe(STACK);
			const frames = stack.getByRole("button");
			expect(await frames.allInnerTexts()).toEqual(["/work/shop/src/client.ts:88:12"]);
			await frames.first().press("Enter");
			expect(await waitForPost("frame/open")).toEqual({ type: "frame/open", part: "stack", index: 0 });
		}));

	it("keeps hundreds of events bounded and says so", () =>
		opened(async ({ page, send, waitForPost }) => {
			const events = Array.from({ length: 1_200 }, (_, index) => ({
				name: `event ${index}`,
				time: "2026-03-06T09:00:01Z",
			}));
			await send({
				type: "detail/value",
				detail: viewOf({ raw: { events } }, { kindType: "custom", model: undefined }),
			});
			expect(await page.locator("#content-events .moment").count()).toBe(200);
			const line = page.locator("#content-events .cut");
			expect(await line.innerText()).toContain("1000 more events are left out here.");
			await line.getByRole("button").click();
			expect(await waitForPost("part/open")).toEqual({ type: "part/open", part: "events" });
		}));

	it.each(THEME_NAMES)("is accessible in %s", (theme) =>
		opened(async (details) => {
			await details.setTheme(theme);
			await details.send({ type: "detail/value", detail: view() });
			await expandAll(details, "button.fold");
			expect(await details.axe()).toEqual([]);
		}),
	);
});

describe("hostile text in what has a page of its own inside", () => {
	const noise =
		"<img src=x onerror=\"document.title='owned'\"><b>bold</b> \u001b[31m \u202egnp.exe\u2066 \u0000 \ud800 end\nnext";

	it("is shown as text in trees, lines, events, links and media", () =>
		opened(async (details) => {
			const { page, send } = details;
			const table = { [noise]: noise };
			const image = { type: "file", file: { filename: noise, file_data: "data:image/png;base64,AAAA" } };
			const detail = viewOf(
				{
					input: [
						{ role: "user", content: [image, { type: "image_url", image_url: { url: `https:${noise}` } }] },
						{ role: "user", content: noise },
					],
					output: { [noise]: noise },
					raw: {
						events: [{ name: noise, time: noise, attributes: table }],
						links: [{ trace_id: noise, span_id: noise, attributes: table }],
						resource: { attributes: table },
						scope: { name: noise },
						otel: table,
					},
				},
				{ state: "failed", error: noise },
			);
			const links = detail.links.map((link) => ({ ...link, traceName: noise }));
			const history = { count: 1, spanId: "s0", name: noise };
			const errorFrames = [{ start: 0, end: noise.length, index: 0 }];
			await send({ type: "detail/value", detail: { ...detail, links, history, errorFrames } });
			await expandAll(details, "button.fold");
			await page.locator("#content-raw [role=treeitem]").last().click();
			const seen = await page.evaluate(() => {
				const roots: ShadowRoot[] = [];
				const collect = (root: ParentNode): void => {
					for (const element of root.querySelectorAll("*")) {
						if (element.shadowRoot === null) continue;
						roots.push(element.shadowRoot);
						collect(element.shadowRoot);
					}
				};
				collect(document);
				return {
					trees: roots.filter((root) => root.host.localName === "traceway-json-tree").length,
					text: roots.map((root) => root.textContent ?? "").join("\n"),
					tags: roots.flatMap((root) =>
						[...root.querySelectorAll("b, script, img:not(.picture)")].map(({ tagName }) => tagName),
					),
					title: document.title,
				};
			});
			expect(seen.trees).toBe(3);
			expect(seen.text).toContain("<b>bold</b>");
			expect(seen.tags).toEqual([]);
			expect(seen.title).not.toBe("owned");
			// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that may not be there.
			expect(seen.text).not.toMatch(/[\u0000\u001b\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])/);
		}));
});
