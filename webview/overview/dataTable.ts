import { html, nothing, svg, type TemplateResult } from "lit";
import { displayText } from "../../src/base/displayText.ts";
import { formatCount } from "../../src/base/quantity.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import type { CsvCell } from "./csv.ts";
import { words } from "./words.ts";

const MAX_LABEL = 200;

export interface Column<Row> {
	readonly label: string;
	readonly title?: string;
	readonly isNumber?: boolean;
	readonly className?: string;
	/** First cell of the row, which names it. */
	readonly isName?: boolean;
	cell(row: Row): TemplateResult | string;
	csv(row: Row): CsvCell;
}

export interface DataTable<Row> {
	readonly id: string;
	readonly title: string;
	readonly rows: readonly Row[];
	readonly columns: readonly Column<Row>[];
	/** Instead of rows, where there are none. */
	readonly empty?: string;
	/** Rows that the source left out. */
	readonly omitted: number;
	/** Rows that are shown; the others on request. Undefined shows all. */
	readonly shown?: number | undefined;
}

export interface TableActions {
	readonly save: (name: string, rows: readonly (readonly CsvCell[])[]) => void;
	readonly toggleAll: (id: string) => void;
}

/** A table with its title and the ways to save and to unfold it. It scrolls by itself where it is wider than its place. */
export function dataTable<Row>(table: DataTable<Row>, actions: TableActions): TemplateResult {
	const { id, title, columns, rows, omitted, shown } = table;
	const save = () =>
		actions.save(title, [columns.map(({ label }) => label), ...rows.map((row) => columns.map(({ csv }) => csv(row)))]);
	return html`<section class="data" data-table=${id}>
		<div class="head">
			<h2>${title}</h2>
			<button
				class="tool"
				title=${words.saveCsv}
				aria-label="${title}: ${words.saveCsv}"
				?disabled=${rows.length === 0}
				@click=${save}
			>${icon("save")}</button>
		</div>
		${
			rows.length === 0
				? html`<p class="none">${table.empty ?? words.rowsEmpty}</p>`
				: html`<div class="scroll" tabindex="0" role="region" aria-label=${title}>
						<table>
							<thead>
								<tr>
									${columns.map(
										({ label, isNumber, className, title: hint }) =>
											html`<th scope="col" class="${isNumber ? "number" : ""} ${className ?? ""}" title=${hint ?? nothing}>
												${label}
											</th>`,
									)}
								</tr>
							</thead>
							<tbody>
								${(shown === undefined ? rows : rows.slice(0, shown)).map(
									(row) => html`<tr>${columns.map((column) => cellOf(column, row))}</tr>`,
								)}
							</tbody>
						</table>
					</div>`
		}
		${rest(table, shown, actions)}
		${omitted > 0 ? html`<p class="none">${fill(words.rowsOmitted, formatCount(omitted))}</p>` : nothing}
	</section>`;
}

function cellOf<Row>({ isNumber, className, isName, cell }: Column<Row>, row: Row): TemplateResult {
	const classes = `${isNumber ? "number" : ""} ${className ?? ""}`;
	return isName
		? html`<th scope="row" class=${classes}>${cell(row)}</th>`
		: html`<td class=${classes}>${cell(row)}</td>`;
}

function rest<Row>(
	{ id, rows }: DataTable<Row>,
	shown: number | undefined,
	actions: TableActions,
): TemplateResult | typeof nothing {
	if (rows.length <= FEW_ROWS) return nothing;
	return html`<button class="more" @click=${() => actions.toggleAll(id)}>
		${shown === undefined ? words.showFewer : fill(words.showAll, formatCount(rows.length))}
	</button>`;
}

/** Rows of a table that was not unfolded. */
export const FEW_ROWS = 10;

/** A name from a trace, or the words for none. */
export function nameCell(name: string | null, none: string): TemplateResult {
	if (name === null) return html`<span class="muted">${none}</span>`;
	return html`<bdi title=${displayText(name, 1000)}>${displayText(name, MAX_LABEL)}</bdi>`;
}

/** A number over a bar of its share, 0 … 1; attributes, because the page's policy lets no style stand inline. */
export function barCell(text: TemplateResult | string, share: number, className = ""): TemplateResult {
	const width = `${Math.max(0, Math.min(100, share * 100))}%`;
	return html`${text}<svg class="bar ${className}" aria-hidden="true" preserveAspectRatio="none">
		${svg`<rect class="track" width="100%" height="3" rx="1.5"></rect><rect class="value" width=${width} height="3" rx="1.5"></rect>`}
	</svg>`;
}
