import { eventRuleOf, type FieldRule, type FlatRule, fieldRuleOf, flatRuleOf } from "./conventions.ts";
import type { MovedAttribute } from "./spanRecord.ts";

/** Name of an attribute, one object for all attributes of that name, with all that is worked out once a name. */
export class AttributeKey {
	readonly name: string;
	/** The name as JSON text. */
	readonly step: string;
	/** The same with a colon, to be followed by the value. */
	readonly json: string;
	/** What the attribute of a span tells in Traceway's words; undefined for most names. */
	readonly rule: FieldRule | undefined;
	/** The same of an attribute that is one piece of a message, as `gen_ai.prompt.0.role`. */
	readonly flat: FlatRule | undefined;
	/** The same of an attribute of an event. */
	readonly eventRule: FieldRule | undefined;
	/** The attribute as one whose value has become an input or output: as it is, or as the JSON that its text holds. */
	readonly moved: MovedAttribute;
	readonly movedText: MovedAttribute;
	/** Number of the set of attributes that the name was seen in last. */
	mark = 0;

	constructor(name: string) {
		this.name = name;
		this.step = JSON.stringify(name);
		this.json = `${this.step}:`;
		this.rule = fieldRuleOf(name);
		this.flat = this.rule === undefined ? flatRuleOf(name) : undefined;
		this.eventRule = eventRuleOf(name);
		this.moved = { key: name, isJsonText: false };
		this.movedText = { key: name, isJsonText: true };
	}
}

const keys = new Map<string, AttributeKey>();

/** Programs use some hundred names; a request that makes up many more pays for them and leaves none behind. */
const MAX_KEYS = 4096;

/** The key of a name, the same object for the same name within a request. */
export function attributeKey(name: string): AttributeKey {
	let key = keys.get(name);
	if (key === undefined) {
		key = new AttributeKey(name);
		keys.set(name, key);
	}
	return key;
}

/** Forgets names when there are too many, between requests; true when it did, so that whoever holds keys lets them go as well. */
export function trimAttributeKeys(): boolean {
	if (keys.size <= MAX_KEYS) return false;
	keys.clear();
	return true;
}
