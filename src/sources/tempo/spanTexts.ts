import type { TraceTextSearch } from "../source.ts";
import { asObject, type JsonObject } from "../wire.ts";

/** Whether a text stands anywhere in what a span says: name, kind, error, input, output, attributes, events, resource. */
export function holdsText(span: JsonObject, { text, isCaseSensitive }: TraceTextSearch): boolean {
	const wanted = isCaseSensitive ? text : text.toLowerCase();
	const holds = (value: unknown): boolean => {
		if (typeof value === "string") return (isCaseSensitive ? value : value.toLowerCase()).includes(wanted);
		if (typeof value === "number" || typeof value === "boolean") return String(value).includes(wanted);
		if (Array.isArray(value)) return value.some(holds);
		const object = asObject(value);
		return object !== undefined && Object.entries(object).some(([key, member]) => holds(key) || holds(member));
	};
	const { name, kind, status, input, output, attributes, events, resource } = span;
	const { type, kind: word, model, provider } = asObject(kind) ?? {};
	const failed = asObject(asObject(status)?.failed)?.error;
	const resourceAttributes = asObject(resource)?.attributes;
	return (
		[name, type, word, model, provider, failed, input, output, attributes, resourceAttributes].some(holds) ||
		(Array.isArray(events) &&
			events.some((event) => holds(asObject(event)?.name) || holds(asObject(event)?.attributes)))
	);
}
