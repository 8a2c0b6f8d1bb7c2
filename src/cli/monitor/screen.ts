import type { Line, Segment, Style } from "./frame.ts";
import { isPlain, textWidth } from "./terminalText.ts";

/** What the screen needs of a terminal. */
export interface Terminal {
	readonly columns: number;
	readonly rows: number;
	/** False when the terminal is behind; `drain` says when it has caught up. */
	write(text: string): boolean;
	/** Writes before it returns, for the end of a process. */
	writeNow(text: string): void;
}

const ESC = "\u001b";
/** Alternate screen, cursor hidden, no wrapping at the right edge: what is wider there than it should be is cut. */
const OPEN = `${ESC}[?1049h${ESC}[?25l${ESC}[?7l${ESC}[2J`;
const CLOSE = `${ESC}[?2026l${ESC}[0m${ESC}[?7h${ESC}[?25h${ESC}[?1049l`;
/** Synchronized output (private mode 2026): the terminal shows what is between at once. Those that do not know it ignore it. */
const BEGIN = `${ESC}[?2026h`;
const END = `${ESC}[?2026l`;

/** SGR parameters; the terminal's own sixteen colours, which follow its theme. */
const SGR: Readonly<Record<Style, string>> = {
	plain: "",
	strong: "1",
	dim: "2",
	good: "32",
	warning: "33",
	bad: "31",
	busy: "36",
};

export interface ScreenOptions {
	/** Without it only bold, dim and inverse are used (no-color.org). */
	readonly hasColor: boolean;
}

/** A terminal's whole screen. Draws frames and writes only the lines that differ from what is there. */
export class Screen {
	readonly #terminal: Terminal;
	readonly #options: ScreenOptions;
	/** What is on the screen, encoded; undefined while it is not ours. */
	#shown: string[] | undefined;

	constructor(terminal: Terminal, options: ScreenOptions) {
		this.#terminal = terminal;
		this.#options = options;
	}

	get isOpen(): boolean {
		return this.#shown !== undefined;
	}

	open(): void {
		if (this.#shown !== undefined) return;
		this.#shown = [];
		this.#terminal.write(OPEN);
	}

	/** Forgets what is shown, so that the next frame is written whole: after a change of the size. */
	invalidate(): void {
		if (this.#shown === undefined) return;
		this.#shown = [];
		this.#terminal.write(`${ESC}[2J`);
	}

	/** Returns false when the terminal is behind: the next frame should wait for its `drain`. */
	draw(lines: readonly Line[]): boolean {
		const shown = this.#shown;
		if (shown === undefined) return true;
		const encoded = lines.map((line) => encodeLine(line, this.#options.hasColor));
		const changes = encoded
			.map((text, index) => (text === shown[index] ? "" : `${ESC}[${index + 1};1H${text}`))
			.join("");
		this.#shown = encoded;
		return changes === "" || this.#terminal.write(`${BEGIN}${changes}${END}`);
	}

	/** Gives the terminal back as it was. May be called at any time, more than once, and while the process ends. */
	close(): void {
		if (this.#shown === undefined) return;
		this.#shown = undefined;
		this.#terminal.writeNow(CLOSE);
	}
}

/**
 * One line with its styles. Terminals disagree about the width of some characters (emoji of several code points, ambiguous
 * East Asian ones), so behind each text that is not ASCII the cursor is set to where it belongs, and such a line is erased
 * first.
 */
function encodeLine(line: Line, hasColor: boolean): string {
	let result = line.some(({ text }) => !isPlain(text)) ? `${ESC}[2K` : "";
	let column = 1;
	let isCertain = true;
	let style = "";
	for (const part of line) {
		if (part.text === "") continue;
		if (!isCertain) result += `${ESC}[${column}G`;
		const wanted = parameters(part, hasColor);
		if (wanted !== style) result += `${ESC}[0${wanted}m`;
		style = wanted;
		result += part.text;
		column += textWidth(part.text);
		isCertain = isPlain(part.text);
	}
	return style === "" ? result : `${result}${ESC}[0m`;
}

function parameters({ style, isInverse }: Segment, hasColor: boolean): string {
	const isColor = style !== "plain" && style !== "strong" && style !== "dim";
	const own = isColor && !hasColor ? "" : SGR[style];
	return `${own === "" ? "" : `;${own}`}${isInverse ? ";7" : ""}`;
}
