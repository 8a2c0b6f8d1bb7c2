import { existsSync, readFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SOURCE_DEFINITIONS } from "../../../src/sources/registry.ts";
import { CommandId, ContextKey, PanelId, RowKind, ViewId } from "../../../src/ui/ids.ts";
import { ROOT, sourceFiles } from "./sourceFiles.ts";

interface MenuItem {
	readonly command?: string;
	readonly when?: string;
	readonly group?: string;
}
interface Setting {
	readonly type: string;
	readonly default: unknown;
	readonly scope?: string;
	readonly minimum?: number;
	readonly maximum?: number;
	readonly markdownDescription?: string;
}
interface Manifest {
	readonly activationEvents: readonly string[];
	readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
	readonly contributes: {
		readonly keybindings: readonly { readonly command: string; readonly key: string; readonly when: string }[];
		readonly viewsContainers: Readonly<Record<string, readonly { readonly id: string; readonly icon: string }[]>>;
		readonly views: Readonly<Record<string, readonly { readonly id: string; readonly icon?: string }[]>>;
		readonly viewsWelcome: readonly { readonly view: string; readonly contents: string; readonly when: string }[];
		readonly commands: readonly {
			readonly command: string;
			readonly title: string;
			readonly category: string;
			readonly icon?: string;
			readonly enablement?: string;
		}[];
		readonly menus: Readonly<Record<string, readonly MenuItem[]>>;
		readonly configuration: readonly { readonly properties: Readonly<Record<string, Setting>> }[];
		readonly walkthroughs: readonly {
			readonly id: string;
			readonly steps: readonly {
				readonly media: { readonly svg?: string };
				readonly completionEvents: readonly string[];
			}[];
		}[];
	};
}

const manifestText = readFileSync(join(ROOT, "package.json"), "utf8");
const manifest: Manifest = JSON.parse(manifestText);
const texts: Readonly<Record<string, string>> = JSON.parse(readFileSync(join(ROOT, "package.nls.json"), "utf8"));
const { contributes } = manifest;
const commandIds = contributes.commands.map(({ command }) => command).sort();
const viewIds = Object.values(contributes.views).flatMap((views) => views.map(({ id }) => id));
const menuItems = Object.values(contributes.menus).flat();
const settings = Object.assign({}, ...contributes.configuration.map(({ properties }) => properties)) as Readonly<
	Record<string, Setting>
>;
const whens = [
	...contributes.viewsWelcome.map(({ when }) => when),
	...menuItems.map(({ when }) => when ?? ""),
	...contributes.keybindings.map(({ when }) => when),
	...contributes.commands.map(({ enablement }) => enablement ?? ""),
];
const uiFiles = [...sourceFiles("src")].filter(({ path }) => path.startsWith("src/ui/") || path === "src/extension.ts");
const idsText = uiFiles.find(({ path }) => path === "src/ui/ids.ts")?.text ?? "";

function sorted(values: Iterable<string>): string[] {
	return [...new Set(values)].sort();
}

/** What a pattern's first group finds in some texts, each once. */
function found(pattern: RegExp, where: readonly string[]): string[] {
	return sorted(where.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1])));
}

describe("the manifest and the ids of the code", () => {
	it("have the same commands, each of which the code uses", () => {
		expect(commandIds).toEqual(sorted(Object.values(CommandId)));
		const code = uiFiles.filter(({ path }) => path !== "src/ui/ids.ts").map(({ text }) => text);
		expect(found(/\bCommandId\.(\w+)/g, code)).toEqual(sorted(Object.keys(CommandId)));
	});

	it("bind keys to commands that are there, each key once, and never where one may be writing", () => {
		const keys = contributes.keybindings.map(({ key }) => key);
		expect(sorted(keys)).toHaveLength(keys.length);
		for (const { command, when } of contributes.keybindings) {
			expect(commandIds).toContain(command);
			expect(when).toContain("!inputFocus");
		}
	});

	it("have the same views and panels", () => {
		expect(sorted(viewIds)).toEqual(sorted(Object.values(ViewId)));
		expect(sorted(manifest.activationEvents)).toEqual(
			sorted([...Object.values(PanelId).map((id) => `onWebviewPanel:${id}`), "onUri"]),
		);
	});

	it("have the same context keys, rows and view states", () => {
		expect(found(/(traceway:\w+)/g, whens)).toEqual(sorted(Object.values(ContextKey)));
		const rows = whens.flatMap((when) => [...when.matchAll(/viewItem (?:== (\w+)|=~ \/\^\(([\w|]+)\)\$\/)/g)]);
		const rowKinds: readonly string[] = Object.values(RowKind);
		for (const [, one, several] of rows) for (const row of (one ?? several).split("|")) expect(rowKinds).toContain(row);
		const states = found(/"(\w+)"/g, [/export type ViewState =([^;]+);/.exec(idsText)?.[1] ?? ""]);
		// Every state but the one with traces has its welcome text.
		expect(sorted([...found(/viewState == (\w+)/g, whens), "traces"])).toEqual(states);
	});

	it("have no id in the code outside of the list of ids", () => {
		const literals = uiFiles
			.filter(({ path }) => path !== "src/ui/ids.ts")
			.flatMap(({ path, text }) =>
				[...text.matchAll(/["'`](traceway[.:][A-Za-z.]*[A-Za-z])["'`]/g)].map((match) => `${path}: ${match[1]}`),
			)
			.filter((literal) => !Object.keys(settings).some((name) => literal.endsWith(`: ${name}`)));
		expect(literals).toEqual([]);
	});
});

describe("commands and menus", () => {
	it("name only commands and views that exist", () => {
		for (const { command } of menuItems) expect(commandIds).toContain(command);
		for (const view of found(/\bview == ([\w.]+)/g, whens)) expect(viewIds).toContain(view);
		for (const { view } of contributes.viewsWelcome) expect(viewIds).toContain(view);
		const links = found(/\(command:([\w.]+)/g, Object.values(texts));
		// VS Code makes a command of its own for each view.
		const known = [...commandIds, ...viewIds.map((id) => `${id}.focus`)];
		for (const command of links.filter((id) => id.startsWith("traceway."))) expect(known).toContain(command);
	});

	it("hide from the palette exactly the commands that need a row for their argument", () => {
		const hidden = contributes.menus.commandPalette
			.filter(({ when }) => when === "false")
			.map(({ command }) => command);
		const needRow = Object.values(CommandId).filter(
			(id) =>
				id.startsWith("traceway.span.") ||
				id === CommandId.tracesLoadMore ||
				id === CommandId.sourceShow ||
				id === CommandId.sessionOpen ||
				id === CommandId.sessionOverview,
		);
		expect(hidden.sort()).toEqual([...needRow].sort());
	});

	it("put at most two icons on a row", () => {
		for (const kind of Object.values(RowKind)) {
			const inline = contributes.menus["view/item/context"].filter(
				({ group, when }) => group?.startsWith("inline") === true && new RegExp(`\\b${kind}\\b`).test(when ?? ""),
			);
			expect(inline.length).toBeLessThanOrEqual(2);
		}
	});

	it("have a title and the one category, and ids of the form traceway.noun.verb", () => {
		for (const { command, title, category } of contributes.commands) {
			expect(command).toMatch(/^traceway\.[a-z][A-Za-z]*\.[a-z][A-Za-z]*$/);
			expect(title).toMatch(/^%command\..+\.title%$/);
			expect(category).toBe("%category%");
		}
	});
});

describe("texts and icons", () => {
	it("have every text that the manifest names, and none that it does not", () => {
		expect(found(/"%([\w.]+)%"/g, [manifestText])).toEqual(sorted(Object.keys(texts)));
		for (const text of Object.values(texts)) expect(text.trim()).not.toBe("");
	});

	it("exist", () => {
		const codicons = readFileSync(createRequire(import.meta.url).resolve("@vscode/codicons/dist/codicon.css"), "utf8");
		const names = found(/\$\(([\w-]+?)(?:~spin)?\)/g, [manifestText, ...Object.values(texts)]);
		expect(names.length).toBeGreaterThan(0);
		for (const name of names) expect(codicons).toContain(`.codicon-${name}:before`);
		const icons = [
			...Object.values(contributes.viewsContainers).flatMap((containers) => containers.map(({ icon }) => icon)),
			...Object.values(contributes.views).flatMap((views) => views.map(({ icon }) => icon)),
			...contributes.commands.map(({ icon }) => icon),
			...contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.svg)),
		];
		const paths = icons.filter((icon) => icon !== undefined && !icon.startsWith("$("));
		for (const path of paths) expect([path, existsSync(join(ROOT, path ?? ""))]).toEqual([path, true]);
	});
});

describe("settings", () => {
	const settingsText = uiFiles.find(({ path }) => path === "src/ui/settings.ts")?.text ?? "";

	/** `settings.ts` needs a running VS Code, so its table is read from its text. */
	function defaultsOfCode(): Readonly<Record<string, unknown>> {
		const code = stripTypeScriptTypes(settingsText);
		const table = /const SETTING_DEFAULTS = (\{[\s\S]*?\n\})/.exec(code);
		return new Function(`return (${table?.[1]});`)();
	}

	it("have the names and the defaults of the code", () => {
		const defaults = Object.entries(settings).map(([name, setting]) => [name, setting.default]);
		const code = Object.entries(defaultsOfCode()).map(([name, value]) => [`traceway.${name}`, value]);
		expect(Object.fromEntries(defaults)).toEqual(Object.fromEntries(code));
	});

	it("offer every kind of source that has an adapter, and say what it is", () => {
		interface Kinds {
			readonly items: {
				readonly properties: {
					readonly type: { readonly enum: readonly string[]; readonly markdownEnumDescriptions: readonly string[] };
				};
				readonly allOf: readonly {
					readonly if: { readonly properties: { readonly type: { readonly const: string } } };
				}[];
			};
		}
		const { items } = settings["traceway.sources"] as unknown as Kinds;
		const { enum: kinds, markdownEnumDescriptions: described } = items.properties.type;
		expect(sorted(kinds)).toEqual(sorted(SOURCE_DEFINITIONS.map(({ type }) => type)));
		expect(described).toEqual(kinds.map((kind) => `%config.sources.type.${kind}%`));
		// Options are told of kinds that are offered.
		for (const { if: condition } of items.allOf) expect(kinds).toContain(condition.properties.type.const);
	});

	it("have the bounds of the code", () => {
		for (const [, name, min, max] of settingsText.matchAll(/readNumber\("([\w.]+)", ([\d_]+), ([\d_]+)\)/g)) {
			const { minimum, maximum } = settings[`traceway.${name}`];
			expect([name, minimum, maximum]).toEqual([
				name,
				Number(min.replaceAll("_", "")),
				Number(max.replaceAll("_", "")),
			]);
		}
	});

	it("say their scope and what they do, and keep addresses and folders out of the hands of a strange workspace", () => {
		for (const [name, setting] of Object.entries(settings)) {
			expect([name, setting.scope]).toEqual([
				name,
				expect.stringMatching(/^(machine|machine-overridable|window|application)$/),
			]);
			expect([name, setting.markdownDescription]).toEqual([name, expect.stringMatching(/^%config\..+%$/)]);
		}
		const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
		for (const name of restrictedConfigurations) expect(Object.keys(settings)).toContain(name);
		expect(restrictedConfigurations).toEqual(
			expect.arrayContaining(["traceway.sources", "traceway.server.dataDirectory"]),
		);
	});
});

describe("activation and walkthrough", () => {
	it("never starts the extension at once", () => {
		expect(manifest.activationEvents).not.toContain("*");
		expect(manifest.activationEvents).not.toContain("onStartupFinished");
	});

	it("has at most five steps, each completed by something that exists", () => {
		for (const { id, steps } of contributes.walkthroughs) {
			expect(id).toBe("traceway.start");
			expect(steps.length).toBeLessThanOrEqual(5);
			for (const event of steps.flatMap(({ completionEvents }) => completionEvents)) {
				const [kind, target] = event.split(":");
				if (kind === "onCommand") expect(commandIds).toContain(target);
				else if (kind === "onView") expect(viewIds).toContain(target);
				else
					expect(["onSettingChanged", "onContext", "onLink", "onStepSelected", "extensionInstalled"]).toContain(kind);
			}
		}
	});
});
