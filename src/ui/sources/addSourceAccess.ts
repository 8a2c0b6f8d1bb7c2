import * as vscode from "vscode";
import { DisposableStore } from "../../base/disposable.ts";
import type { AccessOption, SourceProbe } from "../../sources/registry.ts";
import { hostOf } from "./addSourceAddress.ts";

/** What a server wants to be told before it answers. */
export interface Access {
	readonly token: string | undefined;
	readonly options?: SourceProbe["options"];
}

/**
 * Asks for the token of a server that wants one; buttons lead to what else may open it: a user name with its password, a tenant.
 * What was told before stays, but for what is told anew. Undefined when cancelled.
 */
export async function askAccess(
	url: string,
	offered: readonly AccessOption[],
	before: Access | undefined,
): Promise<Access | undefined> {
	const answer = await ask(url, {
		placeholder: vscode.l10n.t("Token"),
		prompt:
			before === undefined
				? vscode.l10n.t("The server wants a token.")
				: vscode.l10n.t("The server refused that. Try another token."),
		isSecret: true,
		offered,
	});
	if (answer === undefined) return undefined;
	if ("text" in answer) return { ...before, token: answer.text };
	if (answer.option === "tenant") {
		const tenant = await askText(url, {
			placeholder: vscode.l10n.t("Tenant"),
			prompt: vscode.l10n.t("Whose traces are meant; sent as X-Scope-OrgID."),
		});
		return tenant === undefined ? undefined : { token: before?.token, options: { ...before?.options, tenant } };
	}
	const username = await askText(url, {
		placeholder: vscode.l10n.t("User name"),
		prompt: vscode.l10n.t("For basic authentication."),
	});
	if (username === undefined) return undefined;
	const token = await askText(url, {
		placeholder: vscode.l10n.t("Password"),
		prompt: vscode.l10n.t("Password of {0}.", username),
		isSecret: true,
	});
	return token === undefined ? undefined : { token, options: { ...before?.options, username } };
}

interface Question {
	readonly placeholder: string;
	readonly prompt: string;
	readonly isSecret?: boolean;
	/** What buttons offer to ask for instead. */
	readonly offered?: readonly AccessOption[];
}

interface AccessButton extends vscode.QuickInputButton {
	readonly option: AccessOption;
}

async function askText(url: string, question: Question): Promise<string | undefined> {
	const answer = await ask(url, question);
	return answer !== undefined && "text" in answer ? answer.text : undefined;
}

/** The text, not empty, or the option whose button was pressed. */
async function ask(
	url: string,
	question: Question,
): Promise<{ readonly text: string } | { readonly option: AccessOption } | undefined> {
	const { placeholder, prompt, isSecret = false, offered = [] } = question;
	const owned = new DisposableStore();
	const input = owned.add(vscode.window.createInputBox());
	input.title = vscode.l10n.t("Add Source: {0}", hostOf(url));
	input.placeholder = placeholder;
	input.password = isSecret;
	input.ignoreFocusOut = true;
	input.buttons = offered.map(buttonOf);
	const isOpenWire = isSecret && url.startsWith("http:") && !/^http:\/\/(?:127\.|localhost|\[::1\])/.test(url);
	input.prompt = [
		prompt,
		isOpenWire ? vscode.l10n.t("The address is not https: it travels unencrypted.") : "",
		isSecret ? vscode.l10n.t("It is kept in the secret storage once the source is saved.") : "",
	]
		.filter((part) => part !== "")
		.join(" ");
	try {
		return await new Promise((resolve) => {
			owned.add(
				input.onDidAccept(() => {
					const text = input.value.trim();
					if (text === "") input.validationMessage = vscode.l10n.t("Something must be entered");
					else resolve({ text });
				}),
			);
			owned.add(
				input.onDidChangeValue(() => {
					input.validationMessage = undefined;
				}),
			);
			owned.add(input.onDidTriggerButton((button) => resolve({ option: (button as AccessButton).option })));
			owned.add(input.onDidHide(() => resolve(undefined)));
			input.show();
		});
	} finally {
		owned.dispose();
	}
}

function buttonOf(option: AccessOption): AccessButton {
	switch (option) {
		case "username":
			return {
				option,
				iconPath: new vscode.ThemeIcon("account"),
				tooltip: vscode.l10n.t("Sign In with User Name and Password"),
			};
		case "tenant":
			return { option, iconPath: new vscode.ThemeIcon("organization"), tooltip: vscode.l10n.t("Name a Tenant") };
	}
}
