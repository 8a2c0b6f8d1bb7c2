import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../workbench/browser.mts";
import { bundleSuite } from "../workbench/inHost/bundle.mts";
import { ROOT, startWorkbench, type Workbench } from "../workbench/workbench.mts";

describe("inside the extension host", () => {
	let workbench: Workbench;

	beforeAll(async () => {
		workbench = await startWorkbench({ allowsTestPayload: true });
	});

	afterAll(async () => {
		await workbench?.dispose();
	});

	it("passes the suite that also runs on the desktop", async () => {
		const suite = await bundleSuite();
		const browser = await launchBrowser();
		try {
			const page = await browser.newPage();
			const lines: string[] = [];
			const exit = Promise.withResolvers<number>();
			// The workbench calls these two when it runs tests, as it does for `@vscode/test-web`.
			await page.exposeFunction("codeAutomationLog", (_type: string, args: unknown[]) => {
				lines.push(args.map(String).join(" "));
			});
			await page.exposeFunction("codeAutomationExit", (code: number) => exit.resolve(code));
			const remote = (path: string) => `vscode-remote://127.0.0.1:${workbench.port}${path}`;
			const payload = JSON.stringify([
				["extensionDevelopmentPath", remote(ROOT)],
				["extensionTestsPath", remote(suite)],
			]);
			const url = new URL(workbench.url);
			url.searchParams.set("payload", payload);
			await page.goto(url.href, { waitUntil: "commit" });
			const code = await exit.promise;
			const said = lines.filter((line) => /^(?:not )?ok - |tests in the extension host/.test(line)).join("\n");
			expect(code, said).toBe(0);
			expect(said).toContain("tests in the extension host passed");
		} finally {
			await browser.close();
		}
	});
});
