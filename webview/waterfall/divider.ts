/** Bounds of the share of the width that the tree column takes. */
export const MIN_SHARE = 0.15;
export const MAX_SHARE = 0.85;
const STEP = 0.02;
const LONG_STEP = 0.1;

export function clampShare(share: number): number {
	// Four digits: a pixel of any screen, and a number that reads well where it is kept.
	return Math.min(MAX_SHARE, Math.max(MIN_SHARE, Math.round(share * 1e4) / 1e4));
}

/** What a key does to the divider; undefined for keys that are not its own. */
export function shareOfKey(
	event: { readonly key: string; readonly shiftKey: boolean },
	share: number,
): number | undefined {
	const step = event.shiftKey ? LONG_STEP : STEP;
	switch (event.key) {
		case "ArrowLeft":
			return share - step;
		case "ArrowRight":
			return share + step;
		case "Home":
			return MIN_SHARE;
		case "End":
			return MAX_SHARE;
		default:
			return undefined;
	}
}

/** Follows the pointer until it lets go, wherever it goes meanwhile. */
export function dragDivider(
	divider: HTMLElement,
	event: PointerEvent,
	move: (clientX: number) => void,
	end: () => void,
): void {
	divider.setPointerCapture(event.pointerId);
	divider.classList.add("dragging");
	const handleMove = (moved: PointerEvent): void => move(moved.clientX);
	divider.addEventListener("pointermove", handleMove);
	divider.addEventListener(
		"lostpointercapture",
		() => {
			divider.classList.remove("dragging");
			divider.removeEventListener("pointermove", handleMove);
			end();
		},
		{ once: true },
	);
}
