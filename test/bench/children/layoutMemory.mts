// One way of laying a trace out, alone in a process: prints what its result holds on to as {"bytesPerSpan":N}.
//   node --expose-gc layoutMemory.mts typed|objects COUNT
import { layOutInterned, layOutObjects, layoutInput } from "../layoutPeers.mts";

const [way, count] = [process.argv[2], Number(process.argv[3])];
const layOut = way === "typed" ? layOutInterned : layOutObjects;

function heldBytes(): number {
	globalThis.gc?.();
	globalThis.gc?.();
	const { heapUsed, arrayBuffers } = process.memoryUsage();
	return heapUsed + arrayBuffers;
}

const input = layoutInput(count, "end");
// Code and its feedback are no part of a layout.
layOut(layoutInput(1000, "end"));
const before = heldBytes();
const layout = layOut(input);
const bytesPerSpan = (heldBytes() - before) / count;
// Read behind the figure, so that nothing is given up before it.
if (Object.keys(layout).length === 0 || input.ids.length !== count) throw new Error("there is nothing to be measured");
console.log(JSON.stringify({ bytesPerSpan }));
