// Stopping SHELL tasks: SIGTERM, a grace, SIGKILL.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startRequest } from "../testing/start-request.ts";
import { OpenedPlace } from "./testing/opened-place.ts";
import { runs, until } from "./testing/shell-place.ts";

let place: OpenedPlace;
beforeAll(async () => {
  place = await OpenedPlace.open();
});
afterAll(() => place.dispose());

test("a script that cleans up after SIGTERM gets the time for it", async () => {
  const request = await place.start(
    `trap 'sleep 0.3; echo cleaned; exit 0' TERM; echo ready; sleep 1000 & wait`,
  );
  await place.host.logged(request, "ready");
  expect(await place.current.stop(request, { graceMs: 5000 })).toBe("STOPPING");
  const report = await place.host.final(request);
  expect(report.stage).toBe("CANCELED");
  expect(place.host.texts(request)).toEqual(["stdout step-1| ready", "stdout step-1| cleaned"]);
});

test("children have the grace too when the shell is gone before them", async () => {
  const child = "trap 'sleep 0.3; echo child cleaned; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
  const request = await place.start(`sh -c "${child}"; true`);
  await place.host.logged(request, "ready");
  await place.current.stop(request, { graceMs: 5000 });
  await place.host.final(request);
  expect(place.host.texts(request)).toContain("stdout step-1| child cleaned");
});

test("a script that ignores SIGTERM is killed after the grace, with all that it started", async () => {
  const script = "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$; sleep 1000' & echo ready; sleep 1000";
  const request = await place.start(script);
  await place.host.logged(request, "ready");
  const daemon = await place.host.until(() =>
    place.host.lines(request).find(({ text }) => /^[0-9]+$/.test(text)),
  );
  const began = performance.now();
  await place.current.stop(request, { graceMs: 400 });
  const report = await place.host.final(request);
  expect([report.stage, report.reason]).toEqual(["CANCELED", undefined]);
  expect(performance.now() - began).toBeGreaterThan(390);
  await until(async () => !(await runs(Number(daemon.text))));
});

test("a stop without grace ends what still has its grace, also when the shell is gone before it", async () => {
  const child = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
  const scripts = [child, `sh -c "${child}"; true`];
  const ends = scripts.map(async (script) => {
    const request = await place.start(script);
    await place.host.logged(request, "ready");
    await place.current.stop(request, { graceMs: 600_000 });
    // A longer one changes nothing.
    const later = [{ graceMs: 900_000 }, { graceMs: 0 }];
    const answers = await Promise.all(later.map((options) => place.current.stop(request, options)));
    return [...answers, (await place.host.final(request)).stage];
  });
  const stopped = ["STOPPING", "STOPPING", "CANCELED"];
  expect(await Promise.all(ends)).toEqual([stopped, stopped]);
});

test("steps that come later do not begin", async () => {
  const request = await place.start({
    steps: [{ run: "echo first; sleep 1000", continueOnError: true }, { run: "echo second" }],
  });
  await place.host.logged(request, "first");
  await place.current.stop(request, { graceMs: 500 });
  await place.host.final(request);
  expect(place.host.texts(request)).toEqual(["stdout step-1| first"]);
});

test("a stop before the start is remembered also by the next supervisor", async () => {
  const request = startRequest({ steps: [{ run: "true" }] });
  expect(await place.current.stop(request, { graceMs: 500 })).toBe("GONE");
  await place.killSupervisor();
  expect(await place.current.start(request)).toEqual({ state: "STOPPED" });
});

test("the grace of what the shell left behind is made shorter too", async () => {
  const child = "trap '' TERM; echo $$; while :; do sleep 0.05 || true; done";
  const request = await place.start(`setsid sh -c '${child.replaceAll("'", '"')}' & wait`);
  const daemon = await place.host.until(() =>
    place.host.lines(request).find(({ text }) => /^[0-9]+$/.test(text)),
  );
  await place.current.stop(request, { graceMs: 600_000 });
  await place.current.stop(request, { graceMs: 0 });
  expect((await place.host.final(request)).stage).toBe("CANCELED");
  await until(async () => !(await runs(Number(daemon.text))));
});
