import { RawAttributes, RawBytes, RawList, type RawNumber, type RawValue } from "./rawSpan.ts";
import { RawText } from "./rawText.ts";

/** Collects `ValueHint`s as JSON text while values are written. */
export class ValueHints {
	/** Elements of the list, each with a comma before it. */
	#texts = "";
	/** Elements of the path to the value being written, each with a comma before it. */
	#path = "";

	/** The list, or undefined when there are none. */
	get json(): string | undefined {
		return this.#texts === "" ? undefined : `[${this.#texts.slice(1)}]`;
	}

	add(type: "bytes" | "int" | "double"): void {
		this.#texts += `,[[${this.#path.slice(1)}],"${type}"]`;
	}

	/** Runs work with one more step on the path; `step` is JSON text. */
	within<T>(step: string, work: () => T): T {
		const outer = this.#path;
		this.#path = `${outer},${step}`;
		const result = work();
		this.#path = outer;
		return result;
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
		else text += hints.within(key.json.slice(0, -1), () => valueText(value, hints));
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
		const texts = value.values.map((item, index) => hints.within(String(index), () => valueText(item, hints)));
		return `[${texts.join(",")}]`;
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
