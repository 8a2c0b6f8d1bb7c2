import { inFrames } from "./frames.ts";

/** A page with one line of text that changes in each frame: the least that any page costs. */
const line = document.createElement("div");
document.body.append(line);

declare global {
	var emptyPage: { run(count: number): Promise<number[]> };
}

globalThis.emptyPage = {
	run: (count) =>
		inFrames(count, (frame) => {
			line.textContent = `frame ${frame}`;
		}),
};
