// Checks webhooks as two kinds of receivers do: node verify_signatures.js < checks.json
// checks.json: [{"body": base64, "signature", "secret", "algorithm"}, ...]; prints, for each, whether the signature holds over
// the body as it came, whether it holds over what JSON.stringify makes of the parsed body, and that text in base64.
"use strict";
const crypto = require("crypto");

function holds(text, { signature, secret, algorithm }) {
  const ours = crypto.createHmac(algorithm.toLowerCase(), secret).update(text).digest("base64");
  return ours === signature;
}

const checks = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(
  JSON.stringify(
    checks.map((check) => {
      const raw = Buffer.from(check.body, "base64");
      const again = Buffer.from(JSON.stringify(JSON.parse(raw.toString("utf8"))), "utf8");
      return { raw: holds(raw, check), again: holds(again, check), text: again.toString("base64") };
    }),
  ),
);
