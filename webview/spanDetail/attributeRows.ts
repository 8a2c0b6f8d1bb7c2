import { html, nothing, type TemplateResult } from "lit";
import type { AttributeTable, SpanPart } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { lineText } from "./blockText.ts";
import { type PageContext, shownText, sizeText } from "./context.ts";
import { liveText } from "./liveText.ts";
import { words } from "./words.ts";

/** Names and values as a table; `tools` gives the buttons of a row, by its place and the name of what it acts on. */
export function attributeRows(
	rows: AttributeTable["rows"],
	name: string,
	tools?: (index: number, name: string) => TemplateResult,
): TemplateResult {
	// The roles are said because a narrow page lays the cells out as blocks, which takes a table's own roles away.
	return html`<table role="table" aria-label=${name}>
		<colgroup>
			<col class="name-column" />
			<col />
		</colgroup>
		<thead class="visually-hidden" role="rowgroup">
			<tr role="row">
				<th role="columnheader" scope="col">${words.name}</th>
				<th role="columnheader" scope="col">${words.value}</th>
			</tr>
		</thead>
		<tbody role="rowgroup">
			${rows.map(
				({ key, value }, index) =>
					html`<tr role="row">
						<th role="rowheader" scope="row" dir="auto">${lineText(key, 500)}</th>
						<td role="cell">
							<div class="cell">
								<span class="value ${value.language}" dir="auto">${liveText(shownText(value))}</span>
								${tools?.(index, fill(words.attribute, lineText(key, 100))) ?? nothing}
							</div>
							${value.isCut ? html`<span class="size">${sizeText(value)}</span>` : nothing}
						</td>
					</tr>`,
			)}
		</tbody>
	</table>`;
}

/** "12 more attributes are left out here", with the way to all of them; nothing when none are. */
export function omittedLine(
	context: PageContext,
	part: SpanPart,
	text: string,
	count: number,
): TemplateResult | typeof nothing {
	if (count === 0) return nothing;
	return html`<p class="cut">
		${icon("info")}<span>${fill(text, count)}</span>
		<button type="button" class="link-button" @click=${() => context.openPart(part)}>${words.open}</button>
	</p>`;
}
