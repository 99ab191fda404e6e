// Reads {"tables": {table: {column: type}}, "queries": {name: text}} from standard input and writes
// {name: [{"code", "severity", "message", "start", "length"}]}: what Microsoft's analyser says of each query.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const folder = path.join(__dirname, "node_modules", "@kusto", "language-service-next");
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(folder, file), "utf8"), { filename: file });
}
const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;

function symbolOf(name, columns) {
  const described = Object.entries(columns).map(([column, type]) => `['${column}']: ${type}`);
  return new Symbols.TableSymbol.$ctor7(name, `(${described.join(", ")})`, "");
}

function diagnosticsOf(text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const found = code.GetDiagnostics();
  const listed = [];
  for (let index = 0; index < found.Count; index += 1) {
    const one = found.getItem(index);
    const { Code, Severity, Message, Start, Length } = one;
    listed.push({ code: Code, severity: Severity, message: Message, start: Start, length: Length });
  }
  return listed;
}

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const tables = Object.entries(asked.tables).map(([name, columns]) => symbolOf(name, columns));
const database = new Symbols.DatabaseSymbol.ctor("workspace", tables);
const globals = GlobalState.Default.WithDatabase(database);
const answers = Object.entries(asked.queries).map(([name, text]) => [name, diagnosticsOf(text, globals)]);
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
