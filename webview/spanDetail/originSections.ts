import { html, nothing, type TemplateResult } from "lit";
import { formatBytes, formatDuration } from "../../src/model/format.ts";
import type { AttributeTable, SpanDetailView, SpanEventView, SpanLinkView } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { attributeRows, omittedLine } from "./attributeRows.ts";
import { lineText } from "./blockText.ts";
import type { PageContext } from "./context.ts";
import { section } from "./section.ts";
import { words } from "./words.ts";

/** What OpenTelemetry says of a span beside its attributes: events, links, resource, scope. Sections that are empty are not there. */
export function originSections(context: PageContext, detail: SpanDetailView): TemplateResult {
	const { events, omittedEvents, links, omittedLinks } = detail;
	return html`${
		events.length === 0
			? nothing
			: section(
					context,
					"events",
					words.events,
					countAndSize(events.length + omittedEvents, detail.eventsBytes),
					!detail.isLlm,
					() => [
						omittedLine(context, "events", words.omittedEvents, omittedEvents),
						html`<ol class="moments" role="list">
						${events.map((event) => eventItem(context, event))}
					</ol>`,
					],
				)
	}${
		links.length === 0
			? nothing
			: section(
					context,
					"links",
					words.links,
					countAndSize(links.length + omittedLinks, detail.linksBytes),
					true,
					() => [
						omittedLine(context, "links", words.omittedLinks, omittedLinks),
						html`<ol class="moments" role="list">
						${links.map((link, index) => linkItem(context, link, index))}
					</ol>`,
					],
				)
	}${tableSection(context, "resource", words.resource, detail.resource)}${tableSection(
		context,
		"scope",
		words.scope,
		detail.scope,
	)}${tableSection(context, "otel", words.otel, detail.otel)}`;
}

/** "3 · 1.2 kB". */
function countAndSize(count: number, bytes: number): string {
	return `${count} · ${formatBytes(bytes)}`;
}

function tableSection(
	context: PageContext,
	name: "resource" | "scope" | "otel",
	title: string,
	table: AttributeTable | undefined,
): TemplateResult | typeof nothing {
	if (table === undefined || table.rows.length === 0) return nothing;
	return section(context, name, title, formatBytes(table.totalBytes), false, () => [
		omittedLine(context, name, words.omittedAttributes, table.omitted),
		attributeRows(table.rows, title),
	]);
}

/** "+12.3 ms  retry  2 attributes". */
function eventItem(context: PageContext, event: SpanEventView): TemplateResult {
	const { offsetNs, name, time, attributes } = event;
	const offset = offsetNs === undefined ? "" : `${offsetNs < 0 ? "−" : "+"}${formatDuration(Math.abs(offsetNs))}`;
	return html`<li class="moment">
		<div class="moment-title">
			<span class="offset" title=${time === undefined ? nothing : lineText(time)}>${offset}</span>
			<span class="moment-name" dir="auto">${name === "" ? words.noName : lineText(name)}</span>
		</div>
		${moreAttributes(context, "events", attributes, name)}
	</li>`;
}

function linkItem(context: PageContext, link: SpanLinkView, index: number): TemplateResult {
	const place = `${lineText(link.traceId, 60)} / ${lineText(link.spanId, 60)}`;
	return html`<li class="moment">
		<div class="moment-title">
			${
				link.traceName === undefined
					? html`${icon("link")}<code>${place}</code><span class="size">${words.linkElsewhere}</span>`
					: html`<button
								type="button"
								class="link-button"
								aria-label=${fill(words.openLink, `${lineText(link.traceName, 80)}, ${place}`)}
								@click=${() => context.openLink(index)}
							>
								${icon("link")}${lineText(link.traceName, 120)}</button
							><code class="size">${place}</code>`
			}
		</div>
		${moreAttributes(context, "links", link.attributes, place)}
	</li>`;
}

function moreAttributes(
	context: PageContext,
	part: "events" | "links",
	attributes: AttributeTable,
	name: string,
): TemplateResult | typeof nothing {
	if (attributes.rows.length === 0) return nothing;
	return html`${attributeRows(attributes.rows, fill(words.attributesOf, lineText(name, 80)))}${omittedLine(
		context,
		part,
		words.omittedAttributes,
		attributes.omitted,
	)}`;
}
