// What mflow's own containers in the pods of K8S_JOB tasks ask and send: they fetch before the work and keep after it. The
// answers are for their shell.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { MflowError } from "@mflow/core/errors";
import { PodFilesQuery } from "@mflow/core/schema/artifact";
import { type Route, route } from "../route.ts";
import type { PodFilesParts, Services } from "../services.ts";
import { taskOfCaller } from "../task-files.ts";

const tag = "Artifacts";

export function podFileRoutes(services: Services): Route[] {
  function pods(): PodFilesParts {
    if (services.files.pods) return services.files.pods;
    throw new MflowError("NOT_FOUND", "This server runs no tasks on clusters.");
  }

  return [
    route({
      method: "POST",
      path: "/job-tasks/:id/pod-files/:step",
      id: "askPodFiles",
      tag,
      summary: "What mflow's own containers in a pod ask",
      description:
        "For the containers `mflow-fetch` and `mflow-keep` alone, with the task's update token as bearer. The answer is a " +
        "script, and may change with every version. `keep` is answered once the work has ended, or with nothing after a while.",
      access: "task",
      query: PodFilesQuery,
      streamBody: true,
      successes: { 200: { description: "A script, or nothing yet.", contentType: "text/plain" } },
      errors: ["NOT_FOUND", "ARTIFACT_TOO_LARGE", "STORE_FULL", "UNAVAILABLE"],
      async handle({ params: { id = "", step = "" }, query, body }, caller, bearer) {
        const { id: taskId, attempt } = await taskOfCaller(services, id, "operator", caller, bearer);
        const call = { step, query, body: body as unknown as AsyncIterable<Uint8Array> };
        const script = await pods().podFiles({ taskId, attempt }, call);
        return { status: 200, body: script, headers: { "Content-Type": "text/plain; charset=utf-8" } };
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id/pod-files/:step/:number",
      id: "getPodFile",
      tag,
      summary: "What mflow's own containers in a pod get",
      description:
        "The bytes of what is fetched (`fetch`) or restored (`cache`), by its number in the script.",
      access: "task",
      successes: { 200: { description: "The bytes.", contentType: "application/octet-stream" } },
      errors: ["NOT_FOUND", "UNAVAILABLE"],
      async handle({ params: { id = "", step = "", number = "" } }, caller, bearer) {
        const { id: taskId, attempt } = await taskOfCaller(services, id, "operator", caller, bearer);
        const path = await pods().podFile({ taskId, attempt }, step, Number(number));
        const { size } = await stat(path);
        const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(size) };
        return { status: 200, body: createReadStream(path), headers };
      },
    }),
  ];
}
