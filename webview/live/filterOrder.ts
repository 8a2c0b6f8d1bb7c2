import { formatQuery, parseQuery, type Query, type QuerySort } from "../../src/model/query.ts";
import type { ColumnId, Sorting } from "./columns.ts";

const SORT_COLUMNS: Readonly<Record<QuerySort, ColumnId>> = {
	started: "time",
	duration: "latency",
	tokens: "tokens",
	cost: "cost",
	name: "name",
};

/** Whether a filter leaves traces out; one that cannot be read, or that names an order only, leaves none out. */
export function isNarrowing(filter: string): boolean {
	return queryOf(filter).terms.length > 0;
}

/** The order of rows: that of the filter where it names one, else that of the heads. */
export function sortingOf(filter: string, heads: Sorting): Sorting {
	const { sort, order } = queryOf(filter);
	if (sort === undefined && order === undefined) return heads;
	return {
		column: sort === undefined ? heads.column : SORT_COLUMNS[sort],
		isDescending: order === undefined ? sort !== "name" : order === "desc",
	};
}

/** The same filter without an order; undefined when it names none. */
export function withoutOrder(filter: string): string | undefined {
	const { terms, sort, order } = queryOf(filter);
	if (sort === undefined && order === undefined) return undefined;
	return formatQuery({ terms, sort: undefined, order: undefined });
}

function queryOf(filter: string): Query {
	const parsed = parseQuery(filter);
	return parsed.ok ? parsed.query : { terms: [], sort: undefined, order: undefined };
}
