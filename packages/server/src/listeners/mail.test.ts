// Mail against a real SMTP server.

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { SpecOf } from "@mflow/core/schema/channel";
import type { Message } from "@mflow/core/schema/message";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { afterEach, expect, test } from "vitest";
import { type Outgoing, SendError } from "./channel.ts";
import type { Content } from "./content.ts";
import { createMailChannel } from "./mail.ts";

const servers: SMTPServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise<void>((resolve) => server.close(resolve));
});

/** A mail server on a free port, and the mails that it took. */
async function mailServer(options: SMTPServerOptions = {}) {
  const mails: ParsedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    closeTimeout: 100,
    onData(stream, _session, callback) {
      simpleParser(stream).then((mail) => {
        mails.push(mail);
        callback();
      }, callback);
    },
    ...options,
  });
  servers.push(server);
  server.on("error", () => {}); // Broken connections are part of the tests.
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  const settings: SpecOf<"MAIL"> = {
    kind: "MAIL",
    host: "127.0.0.1",
    port,
    allowPlain: true,
    from: "mflow <mflow@example.com>",
  };
  return { mails, settings };
}

const content: Content = {
  language: "en",
  tone: "WAITING",
  title: "Waiting for your audit: release / prod",
  facts: [{ label: "Started by", value: "ann <b>bold</b>" }],
  params: { label: "Params", lines: ["VERSION=1.2", "TOKEN=***"] },
  links: [{ label: "Show", url: "https://mflow.example.com/runs/run-1" }],
  buttons: [
    { verdict: "PASS", label: "Pass", url: "https://mflow.example.com/decide/a?verdict=PASS" },
    { verdict: "DENY", label: "Deny", url: "https://mflow.example.com/decide/a?verdict=DENY" },
  ],
};

const message = {
  version: 1,
  id: "msg-1",
  type: "AUDIT_WAITING",
  at: "2026-03-01T12:00:00.000Z",
  domain: "default",
  namespace: "default",
  startedBy: "ann",
  run: { id: "run-1", name: "release", stage: "ACTIVE", triggerMode: "MANUAL" },
} satisfies Message;

function outgoing(
  settings: SpecOf<"MAIL">,
  change: Partial<Outgoing<SpecOf<"MAIL">>> = {},
): Outgoing<SpecOf<"MAIL">> {
  return {
    messageId: "msg-1",
    deliveryId: "dlv-1",
    message,
    content,
    settings,
    address: "bob@example.com",
    signal: AbortSignal.timeout(10_000),
    now: Date.parse("2026-03-01T12:00:01.000Z"),
    ...change,
  };
}

test("a mail has a text and an HTML body, and belongs to the thread of its run", async () => {
  const { mails, settings } = await mailServer();
  const channel = createMailChannel();
  const sent = await channel.send(outgoing(settings));
  expect(sent).toEqual({
    requestDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    response: expect.stringMatching(/^250 /),
  });
  await channel.send(outgoing(settings, { deliveryId: "dlv-2", messageId: "msg-2" }));
  const [first, second] = mails;
  expect({
    from: first?.from?.text,
    to: first?.to && "text" in first.to ? first.to.text : undefined,
    subject: first?.subject,
    id: first?.messageId,
    references: first?.references,
    inReplyTo: first?.inReplyTo,
    auto: first?.headers.get("auto-submitted"),
    message: first?.headers.get("x-mflow-message"),
    event: first?.headers.get("x-mflow-event"),
    date: first?.date?.toISOString(),
    text: first?.text,
  }).toEqual({
    from: '"mflow" <mflow@example.com>',
    to: "bob@example.com",
    subject: "Waiting for your audit: release / prod",
    id: "<dlv-1@example.com>",
    references: "<run-1@example.com>",
    inReplyTo: "<run-1@example.com>",
    auto: "auto-generated",
    message: "msg-1",
    event: "AUDIT_WAITING",
    date: "2026-03-01T12:00:00.000Z",
    text: [
      "Waiting for your audit: release / prod",
      "",
      "Started by: ann <b>bold</b>",
      "",
      "Params:",
      "  VERSION=1.2",
      "  TOKEN=***",
      "",
      "Pass: https://mflow.example.com/decide/a?verdict=PASS",
      "Deny: https://mflow.example.com/decide/a?verdict=DENY",
      "These links are yours alone and serve once. They open a page that asks you again; do not forward this mail.",
      "",
      "Show: https://mflow.example.com/runs/run-1",
      "",
    ].join("\n"),
  });
  expect([second?.messageId, second?.references]).toEqual(["<dlv-2@example.com>", "<run-1@example.com>"]);
  expect(first?.html).toContain('<a href="https://mflow.example.com/decide/a?verdict=PASS"');
  expect(first?.html).toContain("ann &lt;b&gt;bold&lt;/b&gt;");
});

test("the Chinese mail arrives as it was written", async () => {
  const { mails, settings } = await mailServer();
  const chinese: Content = { ...content, language: "zh", title: "等待您审核：发布 / 生产" };
  await createMailChannel().send(outgoing(settings, { content: chinese }));
  expect(mails[0]?.subject).toBe("等待您审核：发布 / 生产");
  expect(mails[0]?.text).toContain("以上链接仅供您本人使用");
  expect(mails[0]?.html).toContain('<html lang="zh-CN">');
});

test("a subject cannot become a header", async () => {
  const { mails, settings } = await mailServer();
  const title = "failed\r\nBcc: eve@example.com\n\nx";
  await createMailChannel().send(outgoing(settings, { content: { ...content, title } }));
  expect([mails[0]?.subject, mails[0]?.bcc]).toEqual(["failed Bcc: eve@example.com x", undefined]);
});

test("an address that is refused is dead at once; a server that is busy is tried again", async () => {
  const refusing = (responseCode: number, text: string) =>
    mailServer({
      onRcptTo: (_to, _session, callback) => callback(Object.assign(new Error(text), { responseCode })),
    });
  const unknown = await refusing(550, "no such user");
  const full = await refusing(452, "mailbox full");
  const outcome = (settings: SpecOf<"MAIL">) =>
    createMailChannel()
      .send(outgoing(settings))
      .then(
        () => "sent",
        (error: SendError) => [error.kind, error.exchange.status, error.exchange.response],
      );
  expect(await outcome(unknown.settings)).toEqual(["DEAD", 550, "550 no such user"]);
  expect(await outcome(full.settings)).toEqual(["RETRY", 452, "452 mailbox full"]);
});

test("a wrong password, a server that is gone and one without STARTTLS are tried again, and say why", async () => {
  const auth = await mailServer({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: (_auth, _session, callback) => callback(new Error("wrong password")),
  });
  const plain = await mailServer();
  const outcome = (settings: SpecOf<"MAIL">) =>
    createMailChannel()
      .send(outgoing(settings))
      .then(
        () => "sent",
        (error: SendError) => [error.kind, error.message],
      );
  expect(await outcome({ ...auth.settings, user: "me", password: "no" })).toEqual([
    "RETRY",
    expect.stringContaining("wrong password"),
  ]);
  expect(await outcome({ ...plain.settings, allowPlain: false })).toEqual([
    "RETRY",
    expect.stringContaining("use `secure`, or `allowPlain`"),
  ]);
  expect(await outcome({ ...plain.settings, port: 1 })).toEqual([
    "RETRY",
    expect.stringContaining("ECONNREFUSED"),
  ]);
});

test("a server that does not answer in time is given up, to be tried again", async () => {
  const { settings } = await mailServer({ onConnect: () => {} });
  const error = await createMailChannel()
    .send(outgoing(settings, { signal: AbortSignal.timeout(200) }))
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SendError);
  expect([(error as SendError).kind, (error as SendError).message]).toEqual([
    "RETRY",
    "the mail server took too long",
  ]);
});

test("an attempt that was given up leaves no connection behind, even to a server that does not hang up", async () => {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const connected = once(server, "connection");
  const stop = new AbortController();
  const settings = {
    kind: "MAIL",
    host: "127.0.0.1",
    port,
    allowPlain: true,
    from: "m@example.com",
  } as const;
  const sending = createMailChannel().send(outgoing(settings, { signal: stop.signal }));
  const [socket] = await connected;
  socket.resume();
  socket.write("220 mail.example.com\r\n");
  await once(socket, "data"); // EHLO, which is never answered.
  stop.abort();
  await expect(sending).rejects.toMatchObject({ kind: "RETRY" });
  // What is written to a connection that is gone comes back as a reset.
  const talking = setInterval(() => socket.write("250-mail.example.com\r\n"), 10);
  try {
    const [error] = await once(socket, "error", { signal: AbortSignal.timeout(2000) });
    expect(["ECONNRESET", "EPIPE"]).toContain(error.code);
  } finally {
    clearInterval(talking);
    socket.destroy();
    server.close();
  }
});
