// Drives the vendor's own Node SDK against a local server: node official_sdk.js PORT LOGIN PASSWORD < calls.json
// calls.json: [[method, [params]], ...]; prints [{"result": ...} | {"error": {"message", "code"}}, ...].
"use strict";
const https = require("https");
const net = require("net");
const callr = require("callr");

const [port, login, password, loginAs] = process.argv.slice(2);
// The SDK speaks HTTPS to port 443 only; its agent option lets it open a plain local connection instead.
const agent = new https.Agent();
agent.createConnection = (options, connected) => net.connect(Number(port), "127.0.0.1", connected);

function call([method, params]) {
  const api = new callr.api(login, password, { proxyAgent: agent });
  api.apiUrl = "https://127.0.0.1/json-rpc/v1.1/";
  if (loginAs) api.setLoginAs("user", loginAs);
  return new Promise((resolve) => {
    api
      .send(method, params)
      .success((result) => resolve({ result }))
      .error((error) => resolve({ error: { message: error.message, code: error.code } }));
  });
}

async function main() {
  const calls = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const answers = [];
  for (const one of calls) answers.push(await call(one));
  console.log(JSON.stringify(answers));
}

main();
