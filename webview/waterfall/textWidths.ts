/** No character of it changes its shape beside others. */
const LATIN = /^[\x20-\xff]*$/;

/**
 * Widths of texts in one font of the canvas. Durations and ticks are made of few characters, each measured once: shaping every
 * text takes half of a frame that leaps. What pairs of characters are moved closer by is less than a pixel.
 */
export class TextWidths {
	readonly #characters = new Map<string, number>();

	/** Another font. */
	clear(): void {
		this.#characters.clear();
	}

	/** In pixels of the page. */
	of(context: CanvasRenderingContext2D, text: string): number {
		if (!LATIN.test(text)) return context.measureText(text).width;
		let sum = 0;
		for (const character of text) {
			let width = this.#characters.get(character);
			if (width === undefined) {
				width = context.measureText(character).width;
				this.#characters.set(character, width);
			}
			sum += width;
		}
		return sum;
	}
}
