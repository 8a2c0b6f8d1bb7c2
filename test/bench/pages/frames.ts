/** Rows that stand for the first screen of a trace; what is above them takes its room in one page and not in the other. */
export const FIRST_ROWS = 24;

/** Resolves in the next animation frame, with its time. */
export function nextFrame(): Promise<number> {
	return new Promise((resolve) => requestAnimationFrame(resolve));
}

/** Resolves in the first task behind the next frame: what it drew is on its way to the screen. */
export function afterFrame(): Promise<void> {
	return new Promise((resolve) => {
		requestAnimationFrame(() => {
			const { port1, port2 } = new MessageChannel();
			port1.onmessage = () => {
				port1.close();
				resolve();
			};
			port2.postMessage(undefined);
		});
	});
}

export async function frames(count: number): Promise<void> {
	for (let frame = 0; frame < count; frame++) await nextFrame();
}

/** What the trace of the browser is cut by; see `tasksOf`. */
export function mark(name: "begin" | "end"): void {
	performance.mark(`bench:${name}`);
}

/**
 * Runs one step in each of `count` frames, between marks. Returns the milliseconds from each frame to the next, by the
 * display's own times.
 */
export async function inFrames(count: number, step: (frame: number) => void): Promise<number[]> {
	const times: number[] = [];
	await frames(5);
	mark("begin");
	for (let frame = 0; frame < count; frame++) {
		times.push(await nextFrame());
		step(frame);
	}
	times.push(await nextFrame());
	mark("end");
	return times.slice(1).map((time, index) => time - times[index]);
}

/**
 * Posts a message to the page and waits until what it stands for is painted. Begins right behind a frame, so that every
 * contender has the same way to the next one.
 *
 * @param container Holds the rows, once they are there; looked at after each change below it.
 * @returns Milliseconds from the posting to the task behind the frame that has them.
 */
export async function timeToPaint(
	message: unknown,
	transfer: ArrayBuffer[],
	container: Node,
	isThere: () => boolean,
): Promise<number> {
	await frames(5);
	await afterFrame();
	let isInFrame = false;
	let isOver = false;
	const follow = (): void => {
		if (isOver) return;
		isInFrame = true;
		// Runs behind this frame.
		channel.port2.postMessage(undefined);
		requestAnimationFrame(follow);
	};
	const channel = new MessageChannel();
	channel.port1.onmessage = () => {
		isInFrame = false;
	};
	requestAnimationFrame(follow);
	mark("begin");
	const startedAt = performance.now();
	const painted = new Promise<void>((resolve, reject) => {
		setTimeout(() => reject(new Error("nothing was painted within 20 s")), 20_000);
		const observer = new MutationObserver(() => {
			if (!isThere()) return;
			observer.disconnect();
			const behind = new MessageChannel();
			behind.port1.onmessage = () => resolve();
			if (isInFrame) behind.port2.postMessage(undefined);
			else requestAnimationFrame(() => behind.port2.postMessage(undefined));
		});
		observer.observe(container, { subtree: true, childList: true, characterData: true });
	});
	window.postMessage(message, "*", transfer);
	await painted;
	const took = performance.now() - startedAt;
	isOver = true;
	channel.port1.close();
	return took;
}

/** Nodes of the document, all shadow trees included. */
export function countNodes(root: Node = document): number {
	let count = 0;
	const waiting: Node[] = [root];
	for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
		count++;
		for (const child of node.childNodes) waiting.push(child);
		if (node instanceof Element && node.shadowRoot !== null) waiting.push(node.shadowRoot);
	}
	return count;
}

/**
 * Milliseconds from a piece of work until what it stands for is painted; for parts that no observer reaches, looked at before
 * and behind each frame. Begins right behind a frame, between marks.
 */
export async function timeToAppear(work: () => void, isThere: () => boolean): Promise<number> {
	await frames(5);
	await afterFrame();
	mark("begin");
	const startedAt = performance.now();
	work();
	for (;;) {
		let isInFrame = false;
		requestAnimationFrame(() => {
			isInFrame = isThere();
		});
		await afterFrame();
		if (isInFrame || isThere()) break;
		if (performance.now() - startedAt > 60_000) throw new Error("nothing was painted within 60 s");
	}
	const took = performance.now() - startedAt;
	mark("end");
	return took;
}
