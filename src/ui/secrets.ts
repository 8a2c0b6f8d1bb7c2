import type * as vscode from "vscode";

/** Tokens of the sources. They live in SecretStorage only and are never part of a setting, a log line or a document. */
export class TokenStore {
	readonly #secrets: vscode.SecretStorage;

	constructor(secrets: vscode.SecretStorage) {
		this.#secrets = secrets;
	}

	get(sourceId: string): Promise<string | undefined> {
		return Promise.resolve(this.#secrets.get(secretKey(sourceId)));
	}

	async set(sourceId: string, token: string | undefined): Promise<void> {
		if (token === undefined || token === "") await this.#secrets.delete(secretKey(sourceId));
		else await this.#secrets.store(secretKey(sourceId), token);
	}
}

function secretKey(sourceId: string): string {
	return `traceway.token.${sourceId}`;
}
