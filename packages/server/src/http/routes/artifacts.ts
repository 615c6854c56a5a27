// Artifacts: listed and downloaded by people, kept and fetched by tasks that are somewhere else, with no more than curl or
// wget.

import { basename } from "node:path";
import { parseDuration } from "@mflow/core/duration";
import { MflowError } from "@mflow/core/errors";
import { DEFAULT_PAGE_SIZE } from "@mflow/core/schema/api";
import {
  Artifact,
  ArtifactListQuery,
  ArtifactPage,
  ArtifactQuery,
  ArtifactUploadQuery,
  FetchQuery,
} from "@mflow/core/schema/artifact";
import type { ArtifactRow } from "../../store/store.ts";
import { demandRecord, demandTask } from "../caller.ts";
import { type Download, downloadAnswer } from "../download.ts";
import { type Answer, type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { declaredArtifact, demandAtWork, taskOfCaller } from "../task-files.ts";

const tag = "Artifacts";
const bytes = {
  200: { description: "The bytes.", contentType: "application/octet-stream" },
  206: { description: "The part of them that `Range` asks for.", contentType: "application/octet-stream" },
  304: { description: "They are those of `If-None-Match`." },
};
const fileErrors = ["NOT_FOUND", "UNAVAILABLE"] as const;

export function artifactRoutes(services: Services): Route[] {
  const { store, files } = services;
  const { artifacts } = files;

  function download(row: ArtifactRow): Download {
    const isFolder = row.kind === "FOLDER";
    const name = row.path === "." ? row.name : basename(row.path);
    return {
      fileName: isFolder ? `${name}.tar.gz` : name,
      // What it is, is the task's to say; a browser must not believe it.
      contentType: isFolder ? "application/x-tar" : "application/octet-stream",
      size: row.size,
      sha256: row.sha256,
      headers: {
        "Mflow-Artifact-Kind": row.kind,
        "Mflow-Artifact-Path": encodeURI(row.path),
        ...(row.executable && { "Mflow-Artifact-Executable": "true" }),
      },
      open: (range) => artifacts.open(row, range),
    };
  }

  function upload(method: "PUT" | "POST", id: string, summary: string): Route {
    return route({
      method,
      path: "/job-tasks/:id/artifacts/:name",
      id,
      tag,
      summary,
      description:
        "The body is the file, or with `kind=FOLDER` or the type `application/x-tar` an archive of tar, which may be " +
        "compressed with gzip. It takes the place of one of the same name. While the task runs: for the task itself, with " +
        "its update token as bearer, and for operators. It is kept as the manifest says for this name, else with the run.",
      access: "task",
      query: ArtifactUploadQuery,
      streamBody: true,
      successes: { 201: { description: "It is kept.", schema: Artifact } },
      errors: [
        "TASK_ENDED",
        "CONFLICT",
        "ARTIFACT_TOO_LARGE",
        "ARTIFACT_REFUSED",
        "STORE_FULL",
        ...fileErrors,
      ],
      async handle({ params: { id: taskId = "", name = "" }, query, body, request }, caller, bearer) {
        const task = await taskOfCaller(services, taskId, "operator", caller, bearer);
        demandAtWork(task);
        const declared = await declaredArtifact(services, task, checkedName(name));
        const isArchive = /^application\/x-tar\b/i.test(request.headers["content-type"] ?? "");
        const { retention } = declared ?? {};
        const kept = await artifacts.keep(
          {
            ...{ taskId: task.id, attempt: task.attempt, name },
            kind: query.kind ?? (isArchive ? "FOLDER" : "FILE"),
            path: query.path ?? declared?.path ?? name,
            executable: query.executable ?? false,
            ...(retention !== undefined && { retentionMs: parseDuration(retention) }),
          },
          body as unknown as AsyncIterable<Uint8Array>,
        );
        return { status: 201, body: kept };
      },
    });
  }

  async function listed(
    call: Call<ArtifactListQuery, unknown>,
    of: { aggregateId: string } | { taskId: string },
  ): Promise<Answer> {
    const { limit = DEFAULT_PAGE_SIZE, cursor } = call.query;
    return { body: await artifacts.list(of, { limit, ...(cursor !== undefined && { cursor }) }) };
  }

  return [
    route({
      method: "GET",
      path: "/pipeline-tasks/:id/artifacts",
      id: "listRunArtifacts",
      tag,
      summary: "List the artifacts of a run",
      access: "caller",
      query: ArtifactListQuery,
      successes: { 200: { description: "A page of artifacts.", schema: ArtifactPage } },
      errors: ["NOT_FOUND"],
      async handle(call, caller) {
        const { id = "" } = call.params;
        const run = demandRecord(caller, "viewer", await store.runs.run(id), `run \`${id}\``);
        return listed(call, { aggregateId: run.id });
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id/artifacts",
      id: "listTaskArtifacts",
      tag,
      summary: "List the artifacts of a task, of all its attempts",
      access: "caller",
      query: ArtifactListQuery,
      successes: { 200: { description: "A page of artifacts.", schema: ArtifactPage } },
      errors: ["NOT_FOUND"],
      async handle(call, caller) {
        const { id = "" } = call.params;
        const task = demandTask(caller, "viewer", await store.runs.task(id), id);
        return listed(call, { taskId: task.id });
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id/artifacts/:name",
      id: "downloadArtifact",
      tag,
      summary: "Download an artifact",
      description:
        "Of a folder it is an archive of tar, as a rule compressed with gzip. The ETag is the hash.",
      access: "caller",
      headers: ["Range", "If-None-Match"],
      query: ArtifactQuery,
      successes: bytes,
      errors: [...fileErrors],
      async handle({ params: { id = "", name = "" }, query, request }, caller) {
        const task = demandTask(caller, "viewer", await store.runs.task(id), id);
        return downloadAnswer(request, download(await artifacts.find(task.id, name, query.attempt)));
      },
    }),
    upload("PUT", "putArtifact", "Keep an artifact of a task that runs"),
    upload("POST", "postArtifact", "The same, for clients that cannot PUT"),
    route({
      method: "DELETE",
      path: "/job-tasks/:id/artifacts/:name",
      id: "deleteArtifact",
      tag,
      summary: "Delete an artifact",
      description: "Needs operator.",
      access: "caller",
      query: ArtifactQuery,
      successes: { 204: { description: "It is gone." } },
      errors: [...fileErrors],
      async handle({ params: { id = "", name = "" }, query }, caller) {
        const task = demandTask(caller, "operator", await store.runs.task(id), id);
        await artifacts.remove(await artifacts.find(task.id, name, query.attempt));
        return {};
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id/fetch",
      id: "fetchArtifact",
      tag,
      summary: "Fetch what an earlier task of the run kept",
      description:
        "For the task itself, with its update token as bearer: `:id` is the task that fetches. `Mflow-Artifact-Path` says " +
        "where it was, `Mflow-Artifact-Kind` whether it is an archive.",
      access: "task",
      headers: ["Range", "If-None-Match"],
      query: FetchQuery,
      successes: bytes,
      errors: ["CONFLICT", ...fileErrors],
      async handle({ params: { id = "" }, query, request }, caller, bearer) {
        const task = await taskOfCaller(services, id, "viewer", caller, bearer);
        const [first, ...others] = await artifacts.sources(task.id, query);
        if (!first || others.length > 0) throw await severalSources(services, [first, ...others], query.from);
        return downloadAnswer(request, download(first));
      },
    }),
  ];
}

/** The name, when it may be one. */
function checkedName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) return name;
  const wanted = "letters, digits, `.`, `_` and `-`, at most 128, the first a letter or digit";
  throw new MflowError("BAD_REQUEST", `\`${name}\` is no name of an artifact: ${wanted}.`);
}

async function severalSources(
  { store }: Services,
  rows: (ArtifactRow | undefined)[],
  from: string,
): Promise<MflowError> {
  const tasks = await Promise.all(rows.map((row) => row && store.runs.task(row.taskId)));
  const names = tasks.flatMap((task) => (task ? [`\`${task.name}\``] : [])).join(", ");
  return new MflowError(
    "CONFLICT",
    `\`${from}\` is several tasks that keep it; fetch from one of them: ${names}.`,
  );
}
