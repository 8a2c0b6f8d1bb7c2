import { RawAttributes, RawBytes, RawList, type RawNumber, type RawValue } from "./rawSpan.ts";
import { RawText } from "./rawText.ts";

/** Collects `ValueHint`s as JSON text while values are written. */
export class ValueHints {
	/** Elements of the list, each with a comma before it. */
	#texts = "";
	/** The path to the value being written: steps as JSON text. */
	readonly #path: string[] = [];

	/** The list, or undefined when there are none. */
	get json(): string | undefined {
		return this.#texts === "" ? undefined : `[${this.#texts.slice(1)}]`;
	}

	add(type: "bytes" | "int" | "double"): void {
		this.#texts += `,[[${this.#path.join(",")}],"${type}"]`;
	}

	/** What is written until `leave` stands one step deeper; `step` is JSON text. */
	enter(step: string): void {
		this.#path.push(step);
	}

	leave(): void {
		this.#path.pop();
	}
}

/** Attributes as an object in JSON text; `{}` when there are none. Values at the indices `without` and `alsoWithout` are left out. */
export function attributesText(attributes: RawAttributes, hints: ValueHints, without = -1, alsoWithout = -1): string {
	const { keys, values } = attributes;
	let text = "";
	for (let index = 0; index < keys.length; index++) {
		if (index === without || index === alsoWithout) continue;
		const key = keys[index];
		const value = values[index];
		text += text === "" ? "{" : ",";
		text += key.json;
		if (value instanceof RawText) text += value.json;
		else if (typeof value === "number") text += value;
		else {
			hints.enter(key.step);
			text += valueText(value, hints);
			hints.leave();
		}
	}
	return text === "" ? "{}" : `${text}}`;
}

/** One value as JSON text. */
export function valueText(value: RawValue, hints: ValueHints): string {
	if (value === null) return "null";
	if (value instanceof RawText) return value.json;
	if (typeof value !== "object") return String(value);
	if (value instanceof RawAttributes) return attributesText(value, hints);
	if (value instanceof RawList) {
		let text = "[";
		for (let index = 0; index < value.values.length; index++) {
			if (index > 0) text += ",";
			hints.enter(String(index));
			text += valueText(value.values[index], hints);
			hints.leave();
		}
		return `${text}]`;
	}
	if (value instanceof RawBytes) {
		hints.add("bytes");
		return `"${value.base64}"`;
	}
	return numberText(value, hints);
}

function numberText(value: RawNumber, hints: ValueHints): string {
	if (value.type === "double" && Number.isFinite(Number(value.text))) return value.text;
	hints.add(value.type);
	return `"${value.text}"`;
}
