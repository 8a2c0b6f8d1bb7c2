/** What is wrong with a file that was to be read, or why one cannot be written; one line for people. */
export class FileProblem extends Error {
	constructor(message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = "FileProblem";
	}
}
