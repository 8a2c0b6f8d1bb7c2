export interface Drag {
	readonly move: (event: PointerEvent) => void;
	/** Called once when anything was dragged; `isCancelled` after Escape, or when the pointer was taken away. */
	readonly end?: (isCancelled: boolean) => void;
}

/**
 * Follows a pressed pointer until it lets go, wherever it goes meanwhile. Before it has moved by `thresholdPx` it is a click
 * and nothing is called: the pointer is captured only then, so that clicks stay with the element that was hit.
 */
export function followPointer(element: HTMLElement, down: PointerEvent, drag: Drag, thresholdPx = 4): void {
	const stop = new AbortController();
	const { signal } = stop;
	let isDragging = false;
	const finish = (isCancelled: boolean): void => {
		stop.abort();
		if (!isDragging) return;
		if (element.hasPointerCapture(down.pointerId)) element.releasePointerCapture(down.pointerId);
		drag.end?.(isCancelled);
	};
	const handleMove = (event: PointerEvent): void => {
		if (event.pointerId !== down.pointerId) return;
		if (event.buttons === 0) {
			finish(true);
			return;
		}
		if (!isDragging) {
			if (Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < thresholdPx) return;
			isDragging = true;
			element.setPointerCapture(down.pointerId);
		}
		drag.move(event);
	};
	const handleKey = (event: KeyboardEvent): void => {
		if (event.key !== "Escape" || !isDragging) return;
		event.preventDefault();
		event.stopPropagation();
		finish(true);
	};
	element.addEventListener("pointermove", handleMove, { signal });
	element.addEventListener("pointerup", () => finish(false), { signal });
	element.addEventListener("pointercancel", () => finish(true), { signal });
	element.addEventListener("lostpointercapture", () => finish(true), { signal });
	window.addEventListener("keydown", handleKey, { signal, capture: true });
}
