// Bodies of HTML forms, for the one page of this server that has a form. Every other route takes JSON alone, so that no
// other site's form can be meant for it.

import type { FastifyInstance } from "fastify";
import { decodeBody } from "./body.ts";

/** Lets the routes of a scope take a form's fields. A field that comes twice counts as it came last. */
export function useFormBodies(app: FastifyInstance): void {
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "buffer" },
    (_request, bytes, done) => {
      try {
        done(null, Object.fromEntries(new URLSearchParams(decodeBody(bytes as Buffer))));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}
