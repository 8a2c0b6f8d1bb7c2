const DAY_MS = 86_400_000;

const pad = (value: number) => String(value).padStart(2, "0");

/** Begin of a bucket on this machine's clock, as exact as its length asks for: `14:05:30`, `Mar 6, 14:05`, `2026-03-06`. */
export function bucketTime(ms: number, bucketMs: number): string {
	const date = new Date(ms);
	if (Number.isNaN(date.getTime())) return "–";
	const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
	if (bucketMs >= DAY_MS) return dayText(date, true);
	if (bucketMs < 60_000) return `${clock}:${pad(date.getSeconds())}`;
	return bucketMs * 60 > DAY_MS ? `${dayText(date, false)}, ${clock}` : clock;
}

/** A label of the axis, whose labels are `stepMs` apart. */
export function axisTime(ms: number, stepMs: number): string {
	const date = new Date(ms);
	if (stepMs >= DAY_MS) return dayText(date, stepMs >= 90 * DAY_MS);
	const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
	if (stepMs < 60_000) return `${clock}:${pad(date.getSeconds())}`;
	// The first label of a day says which.
	return clock === "00:00" ? dayText(date, false) : clock;
}

function dayText(date: Date, hasYear: boolean): string {
	if (hasYear) return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
	return date.toLocaleDateString("en-US", { month: "short", day: "numeric" });
}
