import { html, type TemplateResult } from "lit";
import { type Disposable, DisposableStore } from "../../src/base/disposable.ts";
import { Theme } from "../shared/theme.ts";
import { type CriticalPath, CriticalPathWalk, timeShares } from "./criticalPath.ts";
import { Minimap } from "./minimap.ts";
import type { TraceModel } from "./model.ts";
import { Pace } from "./pace.ts";
import { ShareBar } from "./shareBar.ts";
import { TimeAxis } from "./timeAxis.ts";
import type { TimeView } from "./timeColumn.ts";
import { TimePointer } from "./timePointer.ts";
import type { TimeDomain } from "./timeScale.ts";
import { words } from "./words.ts";

/** Spans of the critical path a frame: a few milliseconds. */
const SLICE = 20_000;

/** The elements of the right side: canvas of bars, and the strip above. */
export function timeParts(): TemplateResult {
	return html`
		<div class="shares" hidden></div>
		<div class="time" aria-hidden="true"><canvas class="bars"></canvas></div>
		<div class="minimap">
			<canvas class="map" aria-hidden="true"></canvas>
			<div class="box"></div>
			${handle("start", words.windowStart)}${handle("end", words.windowEnd)}
		</div>
	`;
}

function handle(side: "start" | "end", label: string): TemplateResult {
	return html`<div
		class="handle ${side}"
		role="slider"
		tabindex="0"
		aria-label=${label}
		aria-orientation="horizontal"
		aria-valuemin="0"
		aria-valuemax="100"
		aria-valuenow="0"
	></div>`;
}

export interface TimePaneOptions {
	/** Where `.time`, `.minimap`, `.ruler` and `.scroller` are found. */
	readonly root: ParentNode;
	/** Where in the window the pane begins; undefined while there is no room for it. */
	readonly left: () => number | undefined;
	readonly requestFrame: () => void;
	/** Another part of the trace is shown. */
	readonly onArrange: () => void;
	/** Colours changed: drawn anew by the pane, to be looked at by others. */
	readonly onTheme: (theme: Theme) => void;
}

/** Everything right of the divider, from when the chart comes into the page to when it goes: axis, pointer, minimap, colours. */
export class TimePane implements Disposable {
	readonly #owned = new DisposableStore();
	readonly axis: TimeAxis;
	readonly pointer: TimePointer;
	readonly #minimap: Minimap;
	readonly #shares: ShareBar;
	readonly #pace: Pace;
	#model: TraceModel | undefined;
	#path: CriticalPath | undefined;
	/** In work, with the time it takes for the present. */
	#walk: { readonly path: CriticalPathWalk; readonly nowNs: number; found: CriticalPath | undefined } | undefined;
	readonly #requestFrame: () => void;

	/** `shown` is the part that an earlier pane showed. */
	constructor(options: TimePaneOptions, shown: TimeDomain | undefined) {
		const { root, left, requestFrame } = options;
		this.#requestFrame = requestFrame;
		const theme = this.#owned.add(new Theme());
		const time = part(root, ".time");
		for (const leftOver of time.querySelectorAll("div")) leftOver.remove();
		this.axis = new TimeAxis(time, part(root, "canvas.bars"), theme, requestFrame, options.onArrange);
		this.axis.window.restore(shown);
		this.pointer = this.#owned.add(new TimePointer(this.axis, part(root, ".ruler"), part(root, ".scroller"), left));
		this.#minimap = this.#owned.add(new Minimap(part(root, ".minimap"), theme, this.axis, requestFrame));
		this.#shares = new ShareBar(part(root, ".shares"));
		this.#pace = this.#owned.add(new Pace(requestFrame));
		this.#owned.add(
			theme.onDidChange(() => {
				this.axis.forgetTheme();
				this.#minimap.forgetTheme();
				options.onTheme(theme);
				requestFrame();
			}),
		);
		options.onTheme(theme);
	}

	dispose(): void {
		this.#owned.dispose();
	}

	/** Returns whether a canvas is empty now, until it is drawn. */
	resize(widthPx: number, rowsPx: number): boolean {
		const isAxisEmpty = this.axis.resize(widthPx, rowsPx);
		return this.#minimap.resize(widthPx) || isAxisEmpty;
	}

	draw(view: Omit<TimeView, "scale" | "path">, shows: { readonly overview: boolean; readonly path: boolean }): void {
		const { model, nowNs } = view;
		this.axis.update(model, nowNs);
		// The picture of a big trace takes some frames; the path waits for them, so that neither makes a long one.
		const isFree = !shows.overview || this.#minimap.update(model, nowNs);
		if (isFree && (shows.overview || shows.path)) this.#followPath(model, nowNs);
		this.axis.draw({ ...view, path: shows.path && this.#model === model ? this.#path : undefined });
	}

	#followPath(model: TraceModel, nowNs: number): void {
		if (this.#model !== model) {
			this.#model = model;
			this.#walk = undefined;
			this.#path = undefined;
		}
		if (this.#walk === undefined && this.#pace.begin(model, this.axis.whole)) {
			this.#walk = { path: new CriticalPathWalk(model, nowNs), nowNs, found: undefined };
		}
		const walk = this.#walk;
		if (walk === undefined) return;
		if (walk.found === undefined) {
			walk.found = walk.path.step(SLICE);
			// Summing it up looks at every span once more: a frame of its own.
			this.#requestFrame();
			return;
		}
		this.#path = walk.found;
		this.#shares.update(timeShares(model, walk.found, walk.nowNs));
		this.#walk = undefined;
		this.#pace.finish();
	}
}

function part<T extends HTMLElement>(root: ParentNode, selector: string): T {
	const found = root.querySelector<T>(selector);
	if (found === null) throw new Error(`time pane: no ${selector}`);
	return found;
}
