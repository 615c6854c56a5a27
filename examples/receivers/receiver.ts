// Receives mflow's webhooks, checks their signature, and prints each message once. Run it with Node 24:
//
//     WEBHOOK_SECRET=whsec_... node receiver.ts 8080

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 5 * 60;

const secret = process.env.WEBHOOK_SECRET ?? "";
const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
const seen = new Set<string>();

/** Says why a request is not mflow's, or nothing when it is. */
function problemOf(id: string, timestamp: string, signatures: string, body: Buffer): string | undefined {
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!(age <= TOLERANCE_SECONDS)) return "the timestamp is too old or too new";
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is rotated there are two signatures; one of them is by the secret that is known here.
  const isSigned = signatures.split(" ").some((signature) => {
    const [version, text = ""] = signature.split(",");
    const given = Buffer.from(text, "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
  return isSigned ? undefined : "the signature is wrong";
}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const header = (name: string) => String(request.headers[name] ?? "");
  const id = header("webhook-id");
  const problem = problemOf(id, header("webhook-timestamp"), header("webhook-signature"), body);
  if (problem) {
    response.writeHead(401).end(`${problem}\n`);
    return;
  }
  // A message may come again, with the same id: what it says is done once.
  if (!seen.has(id)) {
    seen.add(id);
    const message = JSON.parse(body.toString("utf8"));
    // A test message of `mflow channel test` is about nothing.
    const about = message.task ?? message.run;
    console.log(about ? `${message.type} ${about.name}` : "a test message");
  }
  response.writeHead(204).end();
});

server.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
  const address = server.address();
  console.log(`listening on ${typeof address === "object" ? address?.port : address}`);
});
