import { type IPty, spawn } from "@lydell/node-pty";
import headless from "@xterm/headless";

export interface PtyOptions {
	readonly columns: number;
	readonly rows: number;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly cwd?: string;
}

const TIMEOUT_MS = 25_000;

/**
 * A program in a real pseudo-terminal, with a terminal emulator (that of VS Code, without its screen) on the other side:
 * what the program draws is read as a person would see it.
 */
export class PtyProcess {
	readonly pty: IPty;
	/** All that the program wrote, as it came. */
	raw = "";
	/** Resolves with the exit code when the program has ended and all that it wrote is on the screen. */
	readonly ended: Promise<number>;
	readonly #terminal: headless.Terminal;
	#hasEnded = false;
	#isLate = false;
	#waiting: (() => void)[] = [];

	constructor(command: string, args: readonly string[], { columns, rows, env, cwd }: PtyOptions) {
		this.#terminal = new headless.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1000 });
		// node-pty would write undefined as a word.
		const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
		this.pty = spawn(command, [...args], { cols: columns, rows, env: given, cwd, name: "xterm-256color" });
		this.pty.onData((data) => {
			this.raw += data;
			this.#terminal.write(data, () => this.#wake());
		});
		this.ended = new Promise((resolve) => {
			this.pty.onExit(({ exitCode }) => {
				this.#terminal.write("", () => {
					this.#hasEnded = true;
					resolve(exitCode);
					this.#wake();
				});
			});
		});
	}

	/** The lines of the screen, without the spaces at their ends. */
	get screen(): readonly string[] {
		const { active } = this.#terminal.buffer;
		return Array.from({ length: this.#terminal.rows }, (_, index) =>
			(active.getLine(active.viewportY + index)?.translateToString(true) ?? "").trimEnd(),
		);
	}

	get text(): string {
		return this.screen.join("\n");
	}

	/** Which of the two screens is shown: a program that fills the terminal uses the alternate one. */
	get isAlternate(): boolean {
		return this.#terminal.buffer.active.type === "alternate";
	}

	get isCursorHidden(): boolean {
		return this.raw.lastIndexOf("\u001b[?25l") > this.raw.lastIndexOf("\u001b[?25h");
	}

	/** Number of the foreground colour at the first place of `text` on the screen; -1 for the default colour. */
	colorOf(text: string): number {
		const { active } = this.#terminal.buffer;
		for (const [index, line] of this.screen.entries()) {
			const column = line.indexOf(text);
			if (column < 0) continue;
			const cell = active.getLine(active.viewportY + index)?.getCell(column);
			return cell === undefined || cell.isFgDefault() ? -1 : cell.getFgColor();
		}
		throw new Error(`"${text}" is not on the screen\n${this.text}`);
	}

	write(keys: string): void {
		this.pty.write(keys);
	}

	resize(columns: number, rows: number): void {
		this.#terminal.resize(columns, rows);
		this.pty.resize(columns, rows);
	}

	/** Waits until `isTrue` of the screen; fails with the screen when the program ends before, or after 25 seconds. */
	async until(isTrue: (text: string) => boolean): Promise<void> {
		const timer = setTimeout(() => {
			this.#isLate = true;
			this.#wake();
		}, TIMEOUT_MS);
		try {
			while (!isTrue(this.text)) {
				if (this.#hasEnded) throw new Error(`the program ended too early\n${this.text}`);
				if (this.#isLate) throw new Error(`waited in vain for ${isTrue}\n${this.text}`);
				await new Promise<void>((resolve) => this.#waiting.push(resolve));
			}
		} finally {
			clearTimeout(timer);
		}
	}

	kill(): void {
		if (!this.#hasEnded) this.pty.kill("SIGKILL");
		this.#terminal.dispose();
	}

	#wake(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const resolve of waiting) resolve();
	}
}
