// `npm start` puts this beside the extension: it does what a person does first, a click on Traceway's icon. The extension
// itself never opens its view uninvited, so there is no setting or switch for it.
const vscode = require("vscode");

exports.activate = async () => {
	await vscode.commands.executeCommand("workbench.view.extension.traceway");
};
