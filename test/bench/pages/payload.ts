/** A JSON value of about so many bytes when it is indented: records as tools answer them, 34 rows of a tree for each kilobyte. */
export function payloadOf(bytes: number): { readonly records: readonly unknown[] } {
	const records: unknown[] = [];
	for (let index = 0; index * 540 < bytes; index++) {
		records.push({
			id: `record-${index.toString(36).padStart(8, "0")}`,
			name: "quarterly report of the northern region",
			score: ((index * 7919) % 1000) / 1000,
			isPublic: index % 3 === 0,
			parent: null,
			tags: ["finance", "report", `year ${1990 + (index % 40)}`],
			source: { url: `https://example.com/files/${index}`, page: index % 90, offsets: [index, index + 40, index + 90] },
			text: "Sales grew in all but two of the twelve months, and the forecast was met.\nSee the table below.",
		});
	}
	return { records };
}
