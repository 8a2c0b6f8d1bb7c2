import { describe, expect, it } from "vitest";
import { useSession } from "./support/session.ts";
import { until } from "./support/wait.ts";

describe("a new profile", () => {
	const session = useSession();

	it("starts nothing and shows no indicator before the view is opened", async () => {
		expect(await session().workbench.miniServer()).toBeUndefined();
		expect(await session().window.statusBar.item.count()).toBe(0);
	});

	it("starts the mini-server when the view is opened and says in two lines how to send a first trace", async () => {
		const { window, workbench } = session();
		await window.openView();
		await window.statusBar.waitFor("Live", 30_000);
		const server = await workbench.miniServer();
		expect(server?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
		await window.traces.welcome.getByText("No traces yet.").waitFor();
		expect(await window.traces.welcome.locator("p").count()).toBe(2);
		await window.traces.welcome.getByRole("button", { name: "Send Demo Traces" }).waitFor();
	});

	it("fills the tree after a click on the demo button", async () => {
		const { window } = session();
		await window.traces.welcome.getByRole("button", { name: "Send Demo Traces" }).click();
		const rows = await until("demo traces are in the tree", async () => {
			const visible = await window.traces.visible();
			return visible.length >= 3 && visible;
		});
		expect(new Set(rows.map((row) => row.level))).toEqual(new Set([1]));
		await until(
			"a demo trace has completed",
			async () => (await window.traces.visible()).some((row) => row.icon === "pass"),
			60_000,
		);
		expect(await window.statusBar.text()).toMatch(/Live · \d+/);
	});
});
