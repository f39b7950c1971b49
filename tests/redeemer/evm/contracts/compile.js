// node compile.js FOLDER: print what Venue.sol compiles to, with the `solc` npm package installed below FOLDER.
const fs = require("fs");
const path = require("path");
const solc = require(require.resolve("solc", { paths: [process.argv[2]] }));

const source = fs.readFileSync(path.join(__dirname, "Venue.sol"), "utf8");
const asked = {
  language: "Solidity",
  sources: { "Venue.sol": { content: source } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "paris",
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
  },
};
const answer = JSON.parse(solc.compile(JSON.stringify(asked)));
const wrong = (answer.errors || []).filter((each) => each.severity === "error");
if (wrong.length) throw new Error(wrong.map((each) => each.formattedMessage).join("\n"));
const made = Object.entries(answer.contracts["Venue.sol"]).map(([name, each]) => [name, each.evm.bytecode.object]);
const bytecode = Object.fromEntries(made.filter(([, code]) => code));
console.log(JSON.stringify({ compiler: solc.version(), bytecode }, null, 1));
