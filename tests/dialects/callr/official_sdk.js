// Drives the vendor's own Node SDK against a local server: node official_sdk.js PORT
// Reads a call a line, {"login", "password", "actsAs", "method", "params"}; prints an answer a line, {"result": ...} or
// {"error": {"message", "code"}}.
"use strict";
const https = require("https");
const net = require("net");
const readline = require("readline");
const callr = require("callr");

const port = Number(process.argv[2]);
// The SDK speaks HTTPS to port 443 only; its agent option lets it open a plain local connection instead.
const agent = new https.Agent();
agent.createConnection = (options, connected) => net.connect(port, "127.0.0.1", connected);

function call({ login, password, actsAs, method, params }) {
  const api = new callr.api(login, password, { proxyAgent: agent });
  api.apiUrl = "https://127.0.0.1/json-rpc/v1.1/";
  if (actsAs) api.setLoginAs("user", actsAs);
  return new Promise((resolve) => {
    api
      .send(method, params)
      .success((result) => resolve({ result }))
      .error((error) => resolve({ error: { message: error.message, code: error.code } }));
  });
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await call(JSON.parse(line))));
  }
}

main();
