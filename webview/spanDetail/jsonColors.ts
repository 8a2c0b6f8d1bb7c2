/** The words of JSON that have a colour, in the names of VS Code's debug views. */
type TokenKind = "name" | "string" | "number" | "boolean";

const KINDS: readonly TokenKind[] = ["name", "string", "number", "boolean"];

/** One pass over JSON text; a string followed by a colon is a name. An unfinished string at a cut still counts. */
const TOKEN =
	/(?<string>"(?:[^"\\\n]|\\.)*"?)(?<colon>\s*:)?|(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<boolean>true|false|null)/g;

/**
 * Colours JSON in text nodes by the CSS Custom Highlight API: the text stays one node, so that selection, find and live
 * updates work as on plain text, and 64 kB cost a few hundred kilobytes less than elements. A browser without the API
 * shows it in one colour.
 */
export class JsonColors {
	readonly #highlights: ReadonlyMap<TokenKind, Highlight> | undefined;
	readonly #ranges = new WeakMap<Text, { readonly text: string; readonly ranges: [TokenKind, StaticRange][] }>();

	constructor() {
		if (typeof Highlight === "undefined" || !("highlights" in CSS)) return;
		this.#highlights = new Map(KINDS.map((kind) => [kind, new Highlight()]));
		for (const [kind, highlight] of this.#highlights) CSS.highlights.set(`json-${kind}`, highlight);
	}

	/** Colours exactly these nodes; call it after each rendering. Nodes whose text is as before cost nothing. */
	update(nodes: Iterable<Text>): void {
		if (this.#highlights === undefined) return;
		for (const highlight of this.#highlights.values()) highlight.clear();
		for (const node of nodes) {
			let known = this.#ranges.get(node);
			if (known?.text !== node.data) {
				known = { text: node.data, ranges: rangesOf(node) };
				this.#ranges.set(node, known);
			}
			for (const [kind, range] of known.ranges) this.#highlights.get(kind)?.add(range);
		}
	}
}

function rangesOf(node: Text): [TokenKind, StaticRange][] {
	const ranges: [TokenKind, StaticRange][] = [];
	for (const match of node.data.matchAll(TOKEN)) {
		const groups = match.groups ?? {};
		const word = groups.string ?? match[0];
		const kind: TokenKind =
			groups.string !== undefined
				? groups.colon !== undefined
					? "name"
					: "string"
				: groups.number !== undefined
					? "number"
					: "boolean";
		const startOffset = match.index;
		const range = new StaticRange({
			startContainer: node,
			startOffset,
			endContainer: node,
			endOffset: startOffset + word.length,
		});
		ranges.push([kind, range]);
	}
	return ranges;
}
