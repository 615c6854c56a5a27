// Reports tests one line each, failures last and with what is wrong, so that the end of a log tells why it failed:
// `node --test --test-reporter ./scripts/report.ts`.

import type { TestEvent } from "node:test/reporters";

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failures: string[] = [];
  let passed = 0;
  for await (const event of events) {
    if (event.type === "test:pass") {
      passed++;
      yield `ok      ${event.data.name}\n`;
    } else if (event.type === "test:fail") {
      const { cause, message } = event.data.details.error;
      const why = cause instanceof Error ? cause.message : message;
      failures.push(`FAILED  ${event.data.name}\n        ${inShort(why)}\n`);
    } else if (event.type === "test:stderr" || event.type === "test:stdout") {
      yield event.data.message;
    }
  }
  yield* failures;
  yield `${passed} passed, ${failures.length} failed\n`;
}

function inShort(message: string): string {
  const line = message
    .replace(/^Expected values to be [^:]*:/, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > 68 ? `${line.slice(0, 67)}…` : line;
}
