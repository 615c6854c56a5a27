// The links of messages lead somewhere, over real HTTP and without a token.

import { afterAll, beforeAll, expect, test } from "vitest";
import { linkTo } from "../../listeners/page-link.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

async function open(path: string, language = "en"): Promise<[number, string]> {
  const response = await fetch(`${server.url}${path}`, { headers: { "accept-language": language } });
  return [response.status, await response.text()];
}

/** Path of the link of a message. */
const pathOf = (message: object) => linkTo(message as Parameters<typeof linkTo>[0], "");

test.each([
  ["a run", { run: { id: "run-01a" } }, ["Run run-01a", "mflow describe run run-01a"]],
  [
    "a task",
    { run: { id: "run-01a" }, task: { id: "task-02b" } },
    ["Task task-02b", "mflow describe task task-02b", "mflow logs task-02b"],
  ],
  ["a task that runs alone", { task: { id: "task-02b" } }, ["mflow evidence task-02b"]],
])(
  "the link of a message about %s opens a page with the commands that show it",
  async (_, message, shown) => {
    const [status, page] = await open(pathOf(message));
    expect(status).toBe(200);
    for (const text of shown) expect(page).toContain(text);
    expect(page).not.toContain("<script");
  },
);

test("the link of a test message opens a page, in the reader's language", async () => {
  expect(await open("/", "zh-CN")).toEqual([200, expect.stringContaining("可用命令行查看")]);
});

test.each(["/runs/run-1%3Breboot", "/runs/task-02b", "/tasks/run-01a", "/runs/x/tasks/%3Cb%3E"])(
  "what is no id is not shown: %s",
  async (path) => {
    const [status, text] = await open(path);
    expect([status, JSON.parse(text).code]).toEqual([404, "NOT_FOUND"]);
  },
);
