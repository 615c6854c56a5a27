// Terminals over real WebSockets, their programs played by the test.

import { connect } from "node:net";
import type { JobTaskView, RunJobResponse, RunPipelineResponse } from "@mflow/core/schema/api";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createTerminalRunner,
  type PlayedTerminal,
  type TerminalRunner,
} from "../../runners/testing/terminal-runner.ts";
import { endlessJob, job, pipeline } from "../testing/manifests.ts";
import {
  type ConnectOptions,
  connectTerminal,
  NoTerminal,
  type TerminalClient,
} from "../testing/terminal-client.ts";
import { eventually, startTestServer, type TestOptions, type TestServer } from "../testing/test-server.ts";

interface Place {
  server: TestServer;
  runner: TerminalRunner;
  /** A task whose work runs. */
  task: string;
}

async function makePlace(options: TestOptions = {}): Promise<Place> {
  const runner = createTerminalRunner();
  const server = await startTestServer({ runner, ...options });
  await server.ok("POST", "/apply", {
    documents: [endlessJob("endless"), job("quick", {}, { publish: true })],
  });
  return { server, runner, task: await start(server, { job: "endless" }, "ACTIVE") };
}

async function start(server: TestServer, request: object, stage: string, query = ""): Promise<string> {
  const { task } = await server.ok<RunJobResponse>("POST", `/job-tasks${query}`, request);
  await eventually(
    () => server.ok<JobTaskView>("GET", `/job-tasks/${task.id}`),
    ({ status }) => status.stage === stage,
  );
  return task.id;
}

function urlOf({ server, task }: Pick<Place, "server" | "task">, query = ""): string {
  return `${server.url}/api/v1/job-tasks/${task}/terminal${query}`;
}

/** A terminal of a person, from both of its sides. */
async function open(
  place: Place,
  query = "",
  options: ConnectOptions = {},
): Promise<{ client: TerminalClient; program: PlayedTerminal }> {
  const { runner, server } = place;
  const before = runner.terminals.length;
  const client = await connectTerminal(urlOf(place, query), { token: server.token("otto"), ...options });
  await expect.poll(() => client.notices[0]?.type).toBe("opened");
  return { client, program: runner.terminals[before] as PlayedTerminal };
}

async function refusal(place: Place, query = "", options: ConnectOptions = {}): Promise<[number, string?]> {
  const token = place.server.token("otto");
  const answer = await connectTerminal(urlOf(place, query), { token, ...options }).then(
    () => new Error("it was not refused"),
    (error: Error) => error,
  );
  if (!(answer instanceof NoTerminal)) throw answer;
  return [answer.status, answer.body.code];
}

/** What the history says of terminals in a task, times and places in the stream left out. */
async function recorded({ server, task }: Place): Promise<Partial<HistoryEvent>[]> {
  const events = await server.store.history.list({ after: 0, limit: 500, taskId: task });
  return events
    .filter(({ type }) => type.startsWith("TERMINAL_"))
    .map(({ type, actor, message }) => ({ type, actor, message }));
}

describe("a terminal", () => {
  let place: Place;
  beforeAll(async () => {
    place = await makePlace();
  });
  afterAll(() => place.server.close());

  test("passes bytes both ways as they are, also characters that are cut in two, and tells the exit code", async () => {
    const { client, program } = await open(place);
    const text = Buffer.from("你好 ✓\r\n");
    client.type(text.subarray(0, 4));
    client.type(text.subarray(4));
    await expect.poll(() => program.typed).toBe("你好 ✓\r\n");
    await program.print(text.subarray(0, 1));
    await program.print(text.subarray(1));
    program.exit(7);
    expect(await client.closed).toEqual({ code: 1000, reason: "" });
    expect(client.printed).toBe("你好 ✓\r\n");
    expect(client.notices).toEqual([
      { type: "opened", container: "main", isCopy: false },
      { type: "ended", exitCode: 7 },
    ]);
  });

  test("opens in the container, with the command and the size that are asked for", async () => {
    const { client, program } = await open(
      place,
      "?container=side&command=ls&command=-l%20x&columns=101&rows=33",
    );
    const { container, command, columns, rows } = program.request;
    expect({ container, command, columns, rows }).toEqual({
      ...{ container: "side", command: ["ls", "-l x"], columns: 101, rows: 33 },
    });
    expect(program.ref).toEqual({ taskId: place.task, attempt: 1 });
    client.command({ type: "resize", columns: 50, rows: 10 });
    await expect
      .poll(() => program.sizes)
      .toEqual([
        [101, 33],
        [50, 10],
      ]);
    program.exit(0);
    await client.closed;
    expect(client.notices).toEqual([
      { type: "opened", container: "side", isCopy: true },
      { type: "ended", exitCode: 0 },
    ]);
  });

  test("is in the history when it opens and when it ends, with who, where and how", async () => {
    const mine = { ...place, task: await start(place.server, { job: "endless" }, "ACTIVE") };
    const first = await open(mine, "?command=psql&command=secret");
    first.program.exit(3);
    await first.client.closed;
    const second = await open(mine, "?container=side");
    second.client.command({ type: "close" });
    await second.client.closed;
    expect(second.client.notices.at(-1)).toEqual({ type: "ended", reason: "the client closed it" });
    expect(await recorded(mine)).toEqual([
      { type: "TERMINAL_OPENED", actor: "otto", message: "psql in container main" },
      { type: "TERMINAL_CLOSED", actor: "otto", message: "exit code 3; in container main" },
      {
        ...{ type: "TERMINAL_OPENED", actor: "otto" },
        message: "a shell in a copy of container side",
      },
      {
        ...{ type: "TERMINAL_CLOSED", actor: "otto" },
        message: "the client closed it; in a copy of container side",
      },
    ]);
  });

  test("is announced to those who follow events", async () => {
    const heard: string[] = [];
    const stop = place.server.engine.subscribe(({ type }) => heard.push(type));
    const { client, program } = await open(place);
    expect(place.server.engine.busy()).toBe(true);
    program.exit(0);
    await client.closed;
    stop();
    expect(heard).toEqual(["TERMINAL_OPENED", "TERMINAL_CLOSED"]);
  });

  test("ends when the client is gone without a word", async () => {
    const mine = { ...place, task: await start(place.server, { job: "endless" }, "ACTIVE") };
    const { client, program } = await open(mine);
    client.socket.terminate();
    expect(await program.ended).toEqual({ reason: "the client left" });
    await expect.poll(() => recorded(mine)).toHaveLength(2);
  });

  test("that is still being opened ends with its client", async () => {
    const client = await connectTerminal(urlOf(place, "?container=never"), {
      token: place.server.token("otto"),
    });
    client.command({ type: "close" });
    await client.closed;
    expect(client.notices).toEqual([{ type: "ended", reason: "the client closed it" }]);
  });

  test("that its runner refuses says why as the first and last word", async () => {
    const client = await connectTerminal(urlOf(place, "?container=mian"), {
      token: place.server.token("otto"),
    });
    expect(await client.closed).toEqual({ code: 1000, reason: "" });
    expect(client.notices).toEqual([
      {
        type: "refused",
        status: 404,
        error: {
          code: "NOT_FOUND",
          message: "The pod has no container `mian`; there are `main`, `side`.",
          remedy: "Check the id or name and the scope.",
          details: [],
          requestId: expect.stringMatching(/^req-/),
        },
      },
    ]);
    expect((await recorded(place)).filter(({ message }) => message?.includes("mian"))).toEqual([]);
  });

  test("ends when the client says what makes no sense", async () => {
    for (const text of ["resize", '{"type":"resize","columns":0,"rows":1}', '{"type":"kill"}']) {
      const { client, program } = await open(place);
      client.socket.send(text);
      expect((await client.closed).code).toBe(1008);
      expect(await program.ended).toMatchObject({ reason: expect.stringMatching(/makes no sense/) });
    }
  });

  test("ends when a message is larger than any that somebody types", async () => {
    const { client, program } = await open(place);
    client.type(Buffer.alloc(256 * 1024 + 1));
    expect((await client.closed).code).toBe(1009);
    await program.ended;
    expect(program.typed).toBe("");
  });

  test("a program that takes no keys holds up the client, and loses none", async () => {
    const { client, program } = await open(place);
    const { promise: holding, resolve: letGo } = Promise.withResolvers<void>();
    program.holding = holding;
    const chunk = "x".repeat(64 * 1024);
    const count = 640;
    for (let n = 0; n < count; n++) client.type(chunk);
    // What neither the server's bound nor the kernel's buffers took stays with the client.
    expect(client.socket.bufferedAmount).toBeGreaterThan(10 * 2 ** 20);
    letGo();
    await expect.poll(() => program.typed.length).toBe(count * chunk.length);
    program.exit(0);
    await client.closed;
  });

  test("a client that does not read holds up the program, and loses nothing", async () => {
    const { client, program } = await open(place);
    client.socket.pause();
    const chunk = "y".repeat(64 * 1024);
    const count = 640;
    let printed = 0;
    const printing = (async () => {
      for (; printed < count; printed++) await program.print(chunk);
    })();
    // The kernel's buffers are full when nothing more goes out.
    let seen = -1;
    await expect
      .poll(
        () => {
          const isStill = seen === printed;
          seen = printed;
          return isStill && printed > 0;
        },
        { interval: 200 },
      )
      .toBe(true);
    expect(printed).toBeLessThan(count);
    client.socket.resume();
    await printing;
    program.exit(0);
    await client.closed;
    expect(client.printed.length).toBe(count * chunk.length);
  });
});

describe("who may open a terminal", () => {
  let place: Place;
  beforeAll(async () => {
    place = await makePlace();
  });
  afterAll(() => place.server.close());

  test("an operator of the task's scope, and nobody else", async () => {
    const { server } = place;
    const as = (name: string) => refusal(place, "", { token: server.token(name) });
    expect([
      await as("vera"),
      await as("tim"),
      await refusal(place, "", { token: "mfl_wrong" }),
      await refusal(place, "", { token: undefined }),
    ]).toEqual([
      [403, "FORBIDDEN"],
      [404, "NOT_FOUND"],
      [401, "UNAUTHORIZED"],
      [401, "UNAUTHORIZED"],
    ]);
    expect(place.runner.terminals).toEqual([]);
    const mine = job("mine", { runnerSpec: { outcome: "NONE" } }, { publish: true, namespace: "team" });
    await server.ok("POST", "/apply", { documents: [mine] });
    const task = await start(server, { job: "mine" }, "ACTIVE", "?namespace=team");
    const { client, program } = await open({ ...place, task }, "", { token: server.token("tim") });
    program.exit(0);
    expect((await client.closed).code).toBe(1000);
  });

  test("a browser gives its token as a subprotocol, which is not spoken back", async () => {
    const token = place.server.token("otto");
    const socket = new globalThis.WebSocket(urlOf(place).replace(/^http/, "ws"), [
      "mflow.terminal.v1",
      `bearer.${token}`,
    ]);
    const { data } = await new Promise<MessageEvent>((resolve, reject) => {
      socket.onmessage = resolve;
      socket.onerror = reject;
    });
    expect(JSON.parse(data)).toEqual({ type: "opened", container: "main", isCopy: false });
    expect(socket.protocol).toBe("mflow.terminal.v1");
    place.runner.terminals.at(-1)?.exit(0);
    await new Promise((resolve) => socket.addEventListener("close", resolve));
    const wrong = { token: undefined, protocols: ["mflow.terminal.v1", "bearer.mfl_wrong"] };
    expect(await refusal(place, "", wrong)).toEqual([401, "UNAUTHORIZED"]);
  });

  test("a token as a subprotocol opens nothing else than a terminal", async () => {
    const headers = { "sec-websocket-protocol": `bearer.${place.server.token("otto")}` };
    expect(await place.server.refusal("GET", "/job-tasks", undefined, { as: null, headers })).toEqual([
      401,
      "UNAUTHORIZED",
    ]);
  });

  test("defect 14: a page of another site opens no terminal, whatever token it has; a page of the server's own does", async () => {
    const { server } = place;
    const own = new URL(server.url).host;
    for (const origin of [
      "https://evil.example",
      `http://${own}.evil.example`,
      "null",
      `http://127.0.0.1:1`,
    ]) {
      expect(await refusal(place, "", { headers: { origin } })).toEqual([403, "HOST_REFUSED"]);
    }
    expect(await refusal(place, "", { headers: { host: "evil.example" } })).toEqual([403, "HOST_REFUSED"]);
    const { client, program } = await open(place, "", { headers: { origin: `http://${own}` } });
    program.exit(0);
    await client.closed;
  });

  test("a task that has not started, or is not there, has none", async () => {
    const { server } = place;
    const gated = pipeline("gated", [{ name: "one", job: "quick", audit: { auditors: ["otto"] } }]);
    await server.ok("POST", "/apply", { documents: [gated] });
    const { tasks } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", {
      pipelineId: "gated",
    });
    const task = tasks[0]?.id ?? "";
    expect(await refusal({ ...place, task })).toEqual([409, "CONFLICT"]);
    expect(await refusal({ ...place, task: "task-unknown" })).toEqual([404, "NOT_FOUND"]);
  });

  test("a task that has ended has one", async () => {
    const task = await start(place.server, { job: "quick" }, "SUCCEEDED");
    const { client, program } = await open({ ...place, task });
    program.exit(0);
    await client.closed;
  });

  test("a query that makes no sense is refused", async () => {
    for (const query of ["?columns=0", "?rows=x", "?container=", "?shell=bash"]) {
      expect(await refusal(place, query)).toEqual([400, "BAD_REQUEST"]);
    }
  });

  test("one who does not ask for a WebSocket hears whether there would be a terminal, and opens none", async () => {
    const { server, task, runner } = place;
    const before = runner.terminals.length;
    const path = `/job-tasks/${task}/terminal`;
    const { status } = await server.call("GET", path, undefined, { as: "otto" });
    expect(status).toBe(204);
    expect(await server.refusal("GET", path, undefined, { as: "vera" })).toEqual([403, "FORBIDDEN"]);
    expect(runner.terminals.length).toBe(before);
  });

  test("a handshake that is none is refused, and the connection ends", async () => {
    const { port } = new URL(place.server.url);
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), "127.0.0.1");
      let answer = "";
      socket.setEncoding("utf8").on("data", (data) => {
        answer += data;
      });
      socket.on("end", () => resolve(answer)).on("error", reject);
      const head = [
        `GET /api/v1/job-tasks/${place.task}/terminal HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: short",
        `Authorization: Bearer ${place.server.token("otto")}`,
      ];
      socket.write(`${head.join("\r\n")}\r\n\r\n`);
    });
    expect(text).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    expect(text).toContain('"code":"BAD_REQUEST"');
    // It took no place with it.
    for (let n = 0; n < 3; n++) expect(await refusal(place, "?columns=0")).toEqual([400, "BAD_REQUEST"]);
    const { client, program } = await open(place);
    program.exit(0);
    await client.closed;
  });

  test("other routes answer one who asks for a WebSocket, or for another protocol, as they answer all", async () => {
    const { port } = new URL(place.server.url);
    for (const protocol of ["websocket", "h2c"]) {
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), "127.0.0.1");
        socket
          .setEncoding("utf8")
          .once("data", resolve as never)
          .on("error", reject);
        const head = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}`;
        socket.write(`${head}\r\n\r\n`);
        socket.once("data", () => socket.end());
      });
      expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    }
  });

  test("a task of a runner without terminals is refused with the reason", async () => {
    const server = await startTestServer();
    await server.ok("POST", "/apply", { documents: [endlessJob("endless")] });
    const task = await start(server, { job: "endless" }, "ACTIVE");
    const url = urlOf({ server, task });
    const answer = await connectTerminal(url, { token: server.token("otto") }).catch((error) => error);
    await server.close();
    expect([answer.status, answer.body.code, answer.body.message]).toEqual([
      400,
      "BAD_REQUEST",
      `Task ${task} is run by FAKE: only the work of K8S_JOB jobs, which runs in containers, has terminals.`,
    ]);
  });
});

describe("how many terminals there are at once", () => {
  let place: Place;
  beforeAll(async () => {
    place = await makePlace({ terminals: { most: 3, mostOfOne: 2 } });
  });
  afterAll(() => place.server.close());

  test("one person has two, the server three; an ended one makes room", async () => {
    const token = place.server.token("ada");
    const first = await open(place);
    const second = await open(place);
    expect(await refusal(place)).toEqual([429, "TOO_MANY_REQUESTS"]);
    const third = await open(place, "", { token });
    expect(await refusal(place, "", { token })).toEqual([429, "TOO_MANY_REQUESTS"]);
    first.program.exit(0);
    await first.client.closed;
    const again = await eventually(
      () => open(place).catch(() => undefined),
      (opened) => opened !== undefined,
    );
    for (const terminal of place.runner.terminals) terminal.exit(0);
    await Promise.all([second, third, again].map((one) => one?.client.closed));
  });

  test("one that was refused takes no place", async () => {
    for (let n = 0; n < 4; n++) {
      const client = await connectTerminal(urlOf(place, "?container=mian"), {
        token: place.server.token("otto"),
      });
      await client.closed;
    }
    const { client, program } = await open(place);
    program.exit(0);
    await client.closed;
  });
});

describe("what ends a terminal besides its program", () => {
  test("nothing being typed or printed for a while", async () => {
    const place = await makePlace({ terminals: { idleMs: 300 } });
    const mine = await open(place);
    await mine.program.print("still here");
    expect(await mine.client.closed).toEqual({ code: 1000, reason: "" });
    expect(mine.client.notices.at(-1)).toEqual({
      type: "ended",
      reason: "nothing was typed or printed for 300ms",
    });
    expect((await recorded(place)).at(-1)).toEqual({
      ...{ type: "TERMINAL_CLOSED", actor: "otto" },
      message: "nothing was typed or printed for 300ms; in container main",
    });
    await place.server.close();
  });

  test("the token being removed, and the role being taken away", async () => {
    const place = await makePlace({ terminals: { pingMs: 50 } });
    const { accounts } = place.server;
    const reason = "the token or the role that allowed it is gone";
    const byRole = await open(place);
    await accounts.setGrants("otto", [{ role: "viewer", domain: "*", namespace: "*" }]);
    await byRole.client.closed;
    expect(byRole.client.notices.at(-1)).toEqual({ type: "ended", reason });
    const { secret, token } = await accounts.createToken("ada", "short");
    const byToken = await open(place, "", { token: secret });
    await accounts.removeToken(token.id);
    await byToken.client.closed;
    expect(byToken.client.notices.at(-1)).toEqual({ type: "ended", reason });
    await place.server.close();
  });

  test("a client that does not answer any more", async () => {
    const place = await makePlace({ terminals: { pingMs: 50 } });
    const { client, program } = await open(place);
    client.socket.pause();
    expect(await program.ended).toEqual({ reason: "the client does not answer" });
    client.socket.terminate();
    await place.server.close();
  });

  test("the app being closed, which says so and does not wait for anybody", async () => {
    const place = await makePlace();
    const { client, program } = await open(place);
    const opening = await connectTerminal(urlOf(place, "?container=never"), {
      token: place.server.token("ada"),
    });
    const { history } = place.server.store;
    await place.server.app.close();
    expect(await program.ended).toEqual({ reason: "the server is stopping" });
    for (const one of [client, opening]) {
      expect((await one.closed).code).toBe(1000);
      expect(one.notices.at(-1)).toEqual({ type: "ended", reason: "the server is stopping" });
    }
    const events = await history.list({ after: 0, limit: 500, taskId: place.task });
    expect(events.at(-1)).toMatchObject({
      type: "TERMINAL_CLOSED",
      message: "the server is stopping; in container main",
    });
    await place.server.close();
  });

  test("the engine being stopped, which waits until its end is in the history", async () => {
    const place = await makePlace();
    const { client } = await open(place);
    await (place.server.engine as unknown as { stop(): Promise<void> }).stop();
    expect((await recorded(place)).at(-1)).toEqual({
      ...{ type: "TERMINAL_CLOSED", actor: "otto" },
      message: "the server is stopping; in container main",
    });
    await client.closed;
    expect(await refusal(place)).toEqual([503, "UNAVAILABLE"]);
    await place.server.close();
  });
});
