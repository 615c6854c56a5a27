// Whom steps run as. Root may hand them to another user; nobody else can.

import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { KeptFiles } from "../testing/kept-files.ts";
import { startRequest } from "../testing/start-request.ts";
import { findUser } from "./step-user.ts";
import { homeOf } from "./supervisor/folders.ts";
import { OpenedPlace } from "./testing/opened-place.ts";

const isRoot = userInfo().uid === 0;
const places: OpenedPlace[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.dispose();
});

async function open(options: Parameters<typeof OpenedPlace.open>[0]): Promise<OpenedPlace> {
  const place = await OpenedPlace.open(options);
  places.push(place);
  return place;
}

test("a user that the machine does not know is refused by name", async () => {
  const place = await open({ user: "no-such-user" });
  await expect(place.start("true")).rejects.toThrow("there is no user 'no-such-user' on this machine");
});

if (isRoot) {
  test("as root steps are refused unless the operator chose, and the text names the choices", async () => {
    const place = await open({ allowRootSteps: false });
    const refusal = await place.current.start(startRequest({ steps: [{ run: "true" }] })).catch(String);
    expect(refusal).toContain("--shell-user NAME");
    expect(refusal).toContain("--allow-root-steps");
  });

  describe("steps of another user", () => {
    test("run as that user, in folders of its own, and put out as usual", async () => {
      const place = await open({ user: "nobody", allowRootSteps: false });
      const { report, texts } = await place.run({
        steps: [
          { run: "id -un; id -G; echo $HOME $USER; touch file; stat -c %U file .; echo x >/dev/stdout" },
          { run: "echo A=1 >>$MFLOW_OUTPUT; echo '# done' >>$MFLOW_SUMMARY" },
        ],
      });
      const nobody = await findUser("nobody");
      expect(texts.map((line) => line.replace(/^.*\| /, ""))).toEqual([
        "nobody",
        String(nobody?.gid),
        `${nobody?.home} nobody`,
        "nobody",
        "nobody",
        "x",
      ]);
      expect(report).toMatchObject({
        stage: "SUCCEEDED",
        runtimeEnvs: { A: "1" },
        markdownOutput: "# done\n",
      });
    });

    test("reach nothing of the server's, and cannot make the supervisor read for them", async () => {
      const place = await open({ user: "nobody", allowRootSteps: false });
      expect((await place.run(`ls ${place.dataDir}`)).report.stage).toBe("FAILED");
      const { report } = await place.run("ln -s /etc/shadow $MFLOW_OUTPUT; ln -s /etc/shadow $MFLOW_SUMMARY");
      expect([report.stage, report.runtimeEnvs, report.markdownOutput]).toEqual([
        "SUCCEEDED",
        undefined,
        undefined,
      ]);
    });

    test("keep and fetch files of their own alone, with their rights", async () => {
      const place = await open({ user: "nobody", allowRootSteps: false });
      const files = new KeptFiles();
      place.host.files = files;
      const none = { fetch: [], caches: [] };
      const caches = [{ key: { prefix: "c", files: ["a/x"] }, paths: ["a"] }];
      const kept = await place.run("mkdir a && echo x >a/x && chmod 700 a", {
        keep: { ...none, artifacts: [{ name: "a", path: "a" }], caches },
      });
      expect([kept.report.stage, files.kept.length]).toEqual(["SUCCEEDED", 2]);
      const fetched = await place.run("cat a/x; stat -c %U a a/x", {
        keep: { artifacts: [], fetch: [{ from: "t", name: "a" }], caches },
      });
      expect(fetched.texts.filter((line) => line.startsWith("stdout"))).toEqual(
        ["x", "nobody", "nobody"].map((text) => `stdout step-1| ${text}`),
      );
      // A hard link would be refused by the kernel; a link leads out of the workspace.
      const { report } = await place.run("ln -s /etc/shadow x; mkdir d; ln -s /etc d/etc", {
        keep: {
          ...none,
          artifacts: [
            { name: "s", path: "x" },
            { name: "h", path: "d/etc/shadow" },
          ],
        },
      });
      expect([report.reason, files.artifacts.has("s"), files.artifacts.has("h")]).toEqual([
        "ARTIFACT_REFUSED",
        false,
        false,
      ]);
      files.dispose();
    });

    test("are found again by the next supervisor, and stopped", async () => {
      const place = await open({ user: "nobody", allowRootSteps: false });
      const lost = await place.start("echo ready; sleep 1000");
      await place.host.logged(lost, "ready");
      await place.killSupervisor();
      expect((await place.host.final(lost)).reason).toBe("LOST");
      const stopped = await place.start("trap '' TERM; echo ready; sleep 1000");
      await place.host.logged(stopped, "ready");
      await place.current.stop(stopped, { graceMs: 100 });
      expect((await place.host.final(stopped)).stage).toBe("CANCELED");
    });

    test("leave nothing when the data folder goes", async () => {
      // It must not have ended by itself before the folder is gone.
      const place = await open({ user: "nobody", allowRootSteps: false, supervisorIdleMs: 10_000 });
      await place.run("touch file");
      const nobody = await findUser("nobody");
      const home = homeOf(place.dataDir, { uid: nobody?.uid ?? 0 });
      expect(existsSync(home)).toBe(true);
      await place.dispose();
      await expect.poll(() => existsSync(home), { timeout: 20_000 }).toBe(false);
      places.length = 0;
    });
  });
} else {
  test("only root can run steps as another user", async () => {
    const place = await open({ user: "root" });
    await expect(place.start("true")).rejects.toThrow("only root can run steps as 'root'");
  });
}
