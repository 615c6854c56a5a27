// Mail by SMTP, in text and HTML. All mails of a run hang together as one thread: each refers to a root that only the
// run's id makes (`References`, RFC 5322 section 3.6.4). The id of a mail is that of its delivery, the same for every
// attempt, so that a mail program shows one that came twice once.

import { createHash } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import { createTransport } from "nodemailer";
import { type Channel, type Exchange, type Outgoing, SendError, type Sent } from "./channel.ts";
import { htmlOf, textOf } from "./mail-body.ts";

type Mail = SpecOf<"MAIL">;

/** Submission, with STARTTLS (RFC 6409), and with TLS from the first byte (RFC 8314). */
const DEFAULT_PORT = { plain: 587, secure: 465 };

/** How long the server may say nothing. */
const LONGEST_SILENCE_MS = 10_000;

/** Mail programs end a subject at a line's end; what follows could become a header. */
const CONTROL = /\p{Cc}+/gu;

export function createMailChannel(): Channel<Mail> {
  return {
    kind: "MAIL",
    limits: { concurrency: 4 },
    updates: false,
    send: sendMail,
  };
}

async function sendMail(outgoing: Outgoing<Mail>): Promise<Sent> {
  const { settings, signal, address, content, message } = outgoing;
  if (address === undefined) throw new SendError("DEAD", "a mail needs an address");
  const { secure = false } = settings;
  const transport = createTransport({
    host: settings.host,
    port: settings.port ?? (secure ? DEFAULT_PORT.secure : DEFAULT_PORT.plain),
    secure,
    requireTLS: !secure && !settings.allowPlain,
    ...(settings.user !== undefined && { auth: { user: settings.user, pass: settings.password ?? "" } }),
    connectionTimeout: LONGEST_SILENCE_MS,
    greetingTimeout: LONGEST_SILENCE_MS,
    socketTimeout: LONGEST_SILENCE_MS,
    // A connection that is done with is destroyed at once: what was given up must not go on, nor hold up a server that
    // stops until the other side has hung up too.
    socketCloseTimeout: 0,
    // What a mail holds comes from us: it reads no files and fetches nothing.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = domainOf(settings.from);
  const thread = `<${message.run?.id ?? message.task?.id ?? message.id}@${domain}>`;
  const mail = {
    from: settings.from,
    to: { name: "", address },
    subject: content.title.replaceAll(CONTROL, " "),
    text: textOf(content),
    html: htmlOf(content),
    messageId: `<${outgoing.deliveryId}@${domain}>`,
    references: [thread],
    inReplyTo: thread,
    date: new Date(message.at),
    headers: {
      // RFC 3834: no out-of-office answers to this.
      "Auto-Submitted": "auto-generated",
      "X-Mflow-Message": outgoing.messageId,
      "X-Mflow-Event": message.type,
    },
  };
  const exchange: Exchange = {
    requestDigest: createHash("sha256").update(JSON.stringify(mail)).digest("hex"),
  };
  try {
    const info = await transport.sendMail({ ...mail, signal });
    return { ...exchange, response: info.response };
  } catch (error) {
    if (signal.aborted) throw new SendError("RETRY", "the mail server took too long", exchange);
    throw failureOf(error, exchange);
  } finally {
    transport.close();
  }
}

/** As the errors of nodemailer tell it: `code`, and `responseCode` and `response` of the server where it answered. */
function failureOf(error: unknown, exchange: Exchange): SendError {
  const { message, code, responseCode, response } = error as Error & {
    code?: string;
    responseCode?: number;
    response?: string;
  };
  const answered: Exchange = {
    ...exchange,
    ...(responseCode !== undefined && { status: responseCode }),
    ...(response !== undefined && { response }),
  };
  // Settings can be mended while it is tried again; only an address or mail that is refused never gets through.
  const isSettings = code === "EAUTH" || code === "ETLS" || code === "EDNS" || code === "EOAUTH2";
  const isRefused = responseCode !== undefined && responseCode >= 500 && !isSettings;
  const hint =
    code === "ETLS"
      ? "; the server offers no STARTTLS: use `secure`, or `allowPlain` for one that you trust"
      : "";
  return new SendError(isRefused ? "DEAD" : "RETRY", `${message}${hint}`, answered);
}

function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? "mflow.invalid";
}
