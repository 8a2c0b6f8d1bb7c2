import type { HostToWaterfall, WaterfallToHost } from "../../src/protocol/messages.ts";
import type { OpenedPage } from "./harness.ts";

export type Waterfall = OpenedPage<WaterfallToHost, HostToWaterfall>;

/** Pixel of the canvas at a point of the page, as red, green, blue. */
export function pixel({ page }: Waterfall, x: number, y: number): Promise<number[]> {
	return page.locator("canvas.bars").evaluate(
		(canvas, point) => {
			if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
			const box = canvas.getBoundingClientRect();
			const ratio = canvas.width / box.width;
			const data = canvas
				.getContext("2d")
				?.getImageData(Math.round((point.x - box.left) * ratio), Math.round((point.y - box.top) * ratio), 1, 1).data;
			return [...(data ?? [])];
		},
		{ x, y },
	);
}

/** Runs of painted pixels along the middle of a row: where its bar stands, with its colours. */
export function bar({ page }: Waterfall, name: string): Promise<{ left: number; right: number; colors: string[] }> {
	return page.locator("traceway-chart").evaluate((chart, wanted) => {
		const root = chart.shadowRoot;
		const rows = [...(root?.querySelectorAll(".row") ?? [])];
		const row = rows.find((candidate) => candidate.querySelector(".name")?.textContent === wanted);
		const canvas = root?.querySelector<HTMLCanvasElement>("canvas.bars");
		const context = canvas?.getContext("2d");
		if (row === undefined || !canvas || !context) throw new Error(`no row ${wanted}`);
		const y = Math.round(row.getBoundingClientRect().top - canvas.getBoundingClientRect().top) + 7;
		const { data } = context.getImageData(0, y, canvas.width, 1);
		let left = -1;
		let right = -1;
		const colors = new Set<string>();
		for (let x = 0; x < canvas.width; x++) {
			const [red, green, blue, alpha] = data.subarray(x * 4, x * 4 + 4);
			// Coloured and opaque: neither a grid line nor grey text.
			if (alpha < 200 || Math.max(red, green, blue) - Math.min(red, green, blue) < 40) continue;
			if (left < 0) left = x;
			right = x;
			colors.add([red, green, blue].map((part) => part >> 5).join(","));
		}
		return { left, right, colors: [...colors] };
	}, name);
}
