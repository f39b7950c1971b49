// node compile.js FOLDER: print what Standins.sol compiles to, with the npm packages of README.md installed below FOLDER.
const fs = require("fs");
const path = require("path");
const installed = path.join(process.argv[2], "node_modules");
const solc = require(path.join(installed, "solc"));

const imported = (name) => ({ contents: fs.readFileSync(path.join(installed, name), "utf8") });
const asked = {
  language: "Solidity",
  sources: { "Standins.sol": { content: fs.readFileSync(path.join(__dirname, "Standins.sol"), "utf8") } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "cancun",
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "Standins.sol": { "*": ["evm.bytecode.object"] } },
  },
};
const answer = JSON.parse(solc.compile(JSON.stringify(asked), { import: imported }));
const wrong = (answer.errors || []).filter((each) => each.severity === "error");
if (wrong.length) throw new Error(wrong.map((each) => each.formattedMessage).join("\n"));
const made = Object.entries(answer.contracts["Standins.sol"]).map(([name, each]) => [name, each.evm.bytecode.object]);
console.log(JSON.stringify({ compiler: solc.version(), bytecode: Object.fromEntries(made) }, null, 1));
