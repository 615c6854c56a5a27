import { describe, expect, test } from "vitest";
import type { JobSpec } from "./schema/job.ts";
import type { ParamValue } from "./schema/param.ts";
import { sealJobSpec, sealPipelineSpec, sealValues } from "./sealing.ts";
import { jobOf, pipelineOf } from "./testing/documents.ts";
import { isSealed, seal, unseal } from "./testing/world.ts";

const sealed = (name: string, plain: string): ParamValue => ({ name, value: seal(plain), sensitive: true });

test("sensitive defaults of a job are sealed, those of a rollback too, and nothing else", () => {
  const spec: JobSpec = {
    runnerType: "FAKE",
    runnerSpec: {},
    runParams: [
      { name: "TOKEN", sensitive: true, value: "t0ken" },
      { name: "PIN", sensitive: true, value: 1234 },
      { name: "NONE", sensitive: true },
      { name: "EMPTY", sensitive: true, value: "" },
      { name: "OPEN", value: "o" },
    ],
    rollbackParams: [{ name: "OLD", sensitive: true, value: "old" }],
  };
  expect(sealJobSpec(spec, seal)).toEqual({
    ...spec,
    runParams: [
      { name: "TOKEN", sensitive: true, value: seal("t0ken") },
      { name: "PIN", sensitive: true, value: seal("1234") },
      { name: "NONE", sensitive: true },
      { name: "EMPTY", sensitive: true, value: "" },
      { name: "OPEN", value: "o" },
    ],
    rollbackParams: [{ name: "OLD", sensitive: true, value: seal("old") }],
  });
});

test("a job without sensitive params stays the very same", () => {
  const { spec } = jobOf("noop", { runParams: [{ name: "OPEN", value: "o" }] });
  expect(sealJobSpec(spec, seal)).toBe(spec);
});

describe("values", () => {
  test("are sealed when they are named or marked sensitive, and become a list", () => {
    const values = { TOKEN: "t0ken", PIN: 1234, OPEN: "o", EMPTY: "" };
    expect(sealValues(values, new Set(["TOKEN", "PIN", "EMPTY"]), seal)).toEqual([
      sealed("TOKEN", "t0ken"),
      sealed("PIN", "1234"),
      { name: "OPEN", value: "o" },
      { name: "EMPTY", value: "" },
    ]);
    const marked = { name: "KEY", value: "k", sensitive: true, scope: { stage: 1 } };
    expect(sealValues([marked], new Set(), seal)).toEqual([{ ...marked, value: seal("k") }]);
  });

  test("that are sealed already are left alone", () => {
    const value = sealed("TOKEN", "t0ken");
    expect(sealValues([value], new Set(["TOKEN"]), seal)).toEqual([value]);
  });
});

describe("a kubeconfig", () => {
  const text = "apiVersion: v1\nkind: Config\n";
  const values = { _kube_config: text, OPEN: text };
  const asList = [sealed("_kube_config", text), { name: "OPEN", value: text }];

  test("is sealed as the default of a job, the name of a cluster is not", () => {
    const declared = (value: string) =>
      jobOf("k8s", { runParams: [{ name: "_kube_config", usageType: "RUNNER", value }] }).spec;
    expect(sealJobSpec(declared(text), seal)).toEqual(declared(seal(text)));
    expect(sealJobSpec(declared("prod"), seal)).toEqual(declared("prod"));
  });

  test("is sealed as a value, the name of a cluster is not", () => {
    expect(sealValues(values, new Set(), seal)).toEqual(asList);
    expect(sealValues({ _kube_config: "prod" }, new Set(), seal)).toEqual([
      { name: "_kube_config", value: "prod" },
    ]);
  });

  test("is sealed in a pipeline", () => {
    const spec = pipelineOf("a", { a: { runParams: values } }, { with: values });
    const { with: ofPipeline, stages } = sealPipelineSpec(spec, new Map([["noop", jobOf("noop")]]), seal);
    expect([ofPipeline, stages[0]?.tasks[0]?.runParams]).toEqual([asList, asList]);
  });
});

describe("a pipeline", () => {
  const secret = jobOf("secret", { runParams: [{ name: "TOKEN", sensitive: true }] });
  const open = jobOf("noop", { runParams: [{ name: "TOKEN" }] });
  const jobs = new Map([
    ["secret", secret],
    ["noop", open],
  ]);
  const values = { TOKEN: "t0ken", OPEN: "o" };
  const asList = [sealed("TOKEN", "t0ken"), { name: "OPEN", value: "o" }];

  test("has its values sealed where a job that gets them declares the name sensitive", () => {
    const spec = pipelineOf(
      "a > b",
      { a: { job: "secret", runParams: values }, b: { runParams: values } },
      { with: values },
    );
    const stages = spec.stages.map((stage) => ({ ...stage, with: values }));
    const [first, second] = sealPipelineSpec({ ...spec, stages }, jobs, seal).stages;
    expect(sealPipelineSpec({ ...spec, stages }, jobs, seal).with).toEqual(asList);
    expect([first?.with, first?.tasks[0]?.runParams]).toEqual([asList, asList]);
    expect([second?.with, second?.tasks[0]?.runParams]).toEqual([values, values]);
  });

  test("has every value of a name sealed that one value, or the run request, marks sensitive", () => {
    const spec = pipelineOf(
      "a",
      { a: { runParams: values } },
      { with: [{ name: "TOKEN", value: "x", sensitive: true }] },
    );
    expect(sealPipelineSpec(spec, jobs, seal).stages[0]?.tasks[0]?.runParams).toEqual(asList);
    const marked = sealPipelineSpec(pipelineOf("a", { a: { runParams: values } }), jobs, seal, ["OPEN"]);
    expect(marked.stages[0]?.tasks[0]?.runParams).toEqual([
      { name: "TOKEN", value: "t0ken" },
      sealed("OPEN", "o"),
    ]);
  });

  test("without sensitive values keeps its stages as they are", () => {
    const spec = pipelineOf("a > b", { a: { runParams: values } });
    expect(sealPipelineSpec(spec, jobs, seal).stages).toEqual(spec.stages);
  });
});

test("the sealing of tests can be reversed, as these tests rely on", () => {
  expect(["", "t0ken", "ä\n"].map((plain) => unseal(seal(plain)))).toEqual(["", "t0ken", "ä\n"]);
  expect(["t0ken", seal("t0ken")].map(isSealed)).toEqual([false, true]);
});

test("secrets of listeners are sealed, of the pipeline and of its tasks, wherever they are sent", () => {
  const url = "https://example.com/";
  const listeners = (change: (text: string) => string) => ({
    mentionUsers: [{ users: ["ann"] }],
    imRobots: [{ url, secret: change("s3cret") }, { channel: "ops" }],
    webhooks: [{ url, secret: change("new"), previousSecret: change("old"), headers: { A: change("key") } }],
  });
  const spec = pipelineOf(
    "a b",
    { b: listeners((text) => text) },
    listeners((text) => text),
  );
  const sealedSpec = pipelineOf("a b", { b: listeners(seal) }, listeners(seal));
  const jobs = new Map([["noop", jobOf("noop")]]);
  expect(sealPipelineSpec(spec, jobs, seal)).toEqual(sealedSpec);
  expect(sealPipelineSpec(sealedSpec, jobs, seal)).toEqual(sealedSpec);
});
