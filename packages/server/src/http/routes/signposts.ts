// Where the links of messages lead to: the pages of runs and tasks.

import { MflowError } from "@mflow/core/errors";
import { PAGE_HEADERS, pageLanguage } from "../html-page.ts";
import { type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { type SignpostTo, signpostPage } from "../signpost-page.ts";

/** An id is shown within a command that people copy: nothing else may stand there. */
const ID = /^(run|task)-[0-9a-z]{1,64}$/;

export function signpostRoutes({ callbacks, language }: Services): Route[] {
  function page(to: SignpostTo, { request }: Call<unknown, unknown>) {
    const wanted = pageLanguage(request.headers["accept-language"], language);
    return { body: signpostPage(to, callbacks?.publicUrl(), wanted), headers: PAGE_HEADERS };
  }

  function about(kind: "run" | "task", id = ""): SignpostTo {
    if (ID.exec(id)?.[1] !== kind) throw new MflowError("NOT_FOUND", `That is no id of a ${kind}.`);
    return { kind, id };
  }

  const pages: { path: string; id: string; summary: string; kind?: "run" | "task" }[] = [
    { path: "/", id: "getServerPage", summary: "Page of the server" },
    { path: "/runs/:id", id: "getRunPage", summary: "Page of a run", kind: "run" },
    { path: "/runs/:runId/tasks/:id", id: "getTaskPage", summary: "Page of a task of a run", kind: "task" },
    { path: "/tasks/:id", id: "getLoneTaskPage", summary: "Page of a task that runs alone", kind: "task" },
  ];
  return pages.map(({ kind, ...facts }) =>
    route({
      ...facts,
      method: "GET",
      atRoot: true,
      tag: "Server",
      description:
        "Messages link to it. It shows the commands that show what they told of, and nothing more.",
      access: "public",
      successes: { 200: { description: "The page.", contentType: "text/html" } },
      errors: kind ? ["NOT_FOUND"] : [],
      async handle(call: Call<unknown, unknown>) {
        return page(kind ? about(kind, call.params.id) : { kind: "server" }, call);
      },
    }),
  );
}
