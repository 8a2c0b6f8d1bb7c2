/** Which rows of a fixed height stand in the DOM: those in view and a few around them. */
export interface RowWindow {
	readonly from: number;
	readonly to: number;
}

/** Rows above and below the view, so that a wheel's step shows no gap. */
const MARGIN_ROWS = 10;

export function rowWindow(scrollTop: number, viewHeight: number, rowHeight: number, count: number): RowWindow {
	const first = Math.floor(Math.max(0, scrollTop) / rowHeight);
	const last = Math.ceil((Math.max(0, scrollTop) + viewHeight) / rowHeight);
	const from = Math.max(0, Math.min(first - MARGIN_ROWS, count));
	return { from, to: Math.max(from, Math.min(count, last + MARGIN_ROWS)) };
}

/** The scroll position that has a row in view, moved no further than needed; the given one when it is. */
export function scrollTopFor(place: number, scrollTop: number, viewHeight: number, rowHeight: number): number {
	const top = place * rowHeight;
	if (top < scrollTop) return top;
	if (top + rowHeight > scrollTop + viewHeight) return top + rowHeight - viewHeight;
	return scrollTop;
}
