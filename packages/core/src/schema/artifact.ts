// Artifacts: named files and folders that a task keeps from its workspace, and what a later task of the run fetches.

import type { Static } from "typebox";
import { closed, Duration, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** Artifacts that one attempt may keep. */
export const MAX_ARTIFACTS = 64;

/** A file or folder of the workspace. That it is relative and stays inside is checked by `lint`, and again at run time. */
export const WorkspacePath = Type.String({
  minLength: 1,
  maxLength: 512,
  description: "A file or folder, relative to the workspace; it may not leave it by `..`.",
});

export const ArtifactName = Type.String({
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$",
  maxLength: 128,
  description: "Letters, digits, `.`, `_` and `-`, at most 128; starts with a letter or digit.",
});

export const KeepWhen = oneOf(
  ["ON_SUCCESS", "ALWAYS"],
  "`ON_SUCCESS` (default): when the steps succeeded. `ALWAYS`: also when they failed; a task that is stopped keeps nothing.",
);
export type KeepWhen = Static<typeof KeepWhen>;

export const ArtifactSpec = closed(
  {
    name: titled("Unique within the task; by it the artifact is fetched and downloaded.", ArtifactName),
    path: titled("What is kept.", WorkspacePath),
    retention: Type.Optional(titled("Removed so long after it was kept (default: with the run).", Duration)),
    optional: Type.Optional(
      Type.Boolean({
        description: "The task does not fail when `path` is not there (default: ARTIFACT_MISSING).",
      }),
    ),
    when: Type.Optional(KeepWhen),
  },
  { description: "A file or folder that the task keeps when its steps have ended." },
);
export type ArtifactSpec = Static<typeof ArtifactSpec>;

export const FetchSpec = closed(
  {
    from: Type.String({
      minLength: 1,
      maxLength: 256,
      description: "Name of an earlier task of the run, or `stage/name`. Of a matrix task: all its ways.",
    }),
    name: titled("The artifact.", ArtifactName),
    path: Type.Optional(
      titled("The folder to put it into, made when it is missing (default: where it was).", WorkspacePath),
    ),
    optional: Type.Optional(
      Type.Boolean({ description: "The task does not fail when it is not there (default: FETCH_FAILED)." }),
    ),
  },
  { description: "What an earlier task of the run kept, put into the workspace before the steps." },
);
export type FetchSpec = Static<typeof FetchSpec>;

export const ArtifactKind = oneOf(
  ["FILE", "FOLDER"],
  "`FILE`: the bytes are the file's. `FOLDER`: they are a tar archive, which may be compressed with gzip.",
);
export type ArtifactKind = Static<typeof ArtifactKind>;

/** A kept artifact, without its bytes. */
export const Artifact = closed(
  {
    taskId: Type.String({ description: "The task that kept it." }),
    attempt: Type.Integer({ description: "The attempt that kept it, from 1." }),
    name: Type.String({ description: "Name of the artifact." }),
    kind: ArtifactKind,
    path: Type.String({
      description: "Where it was in the workspace, and where a `fetch` without `path` puts it again.",
    }),
    executable: Type.Optional(Type.Boolean({ description: "Of a file: it may be executed." })),
    size: Type.Integer({ description: "Bytes as they are stored." }),
    sha256: Type.String({
      description: "Hash of the bytes as they are stored; also the ETag of the download.",
    }),
    createdAt: titled("When it was kept.", Timestamp),
    expiresAt: Type.Optional(titled("When it is removed; without it, with its run.", Timestamp)),
  },
  { description: "A file or folder that a task kept." },
);
export type Artifact = Static<typeof Artifact>;

/** What jobs and tasks say about files; those of a task are laid over those of its job. */
export const keepProperties = {
  artifacts: Type.Optional(
    Type.Array(ArtifactSpec, {
      maxItems: MAX_ARTIFACTS,
      description: "What the task keeps for later tasks and for people.",
    }),
  ),
  fetch: Type.Optional(
    Type.Array(FetchSpec, { maxItems: 256, description: "What it gets of earlier tasks, in this order." }),
  ),
};

export const ArtifactListQuery = closed({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: "Default 50." })),
  cursor: Type.Optional(Type.String({ maxLength: 512, description: "`nextCursor` of the page before." })),
});
export type ArtifactListQuery = Static<typeof ArtifactListQuery>;

export const ArtifactPage = closed({
  items: Type.Array(Artifact, { description: "By task, attempt and name." }),
  nextCursor: Type.Optional(Type.String({ description: "Absent on the last page." })),
});
export type ArtifactPage = Static<typeof ArtifactPage>;

export const ArtifactQuery = closed({
  attempt: Type.Optional(
    Type.Integer({ minimum: 1, description: "Of this attempt (default: the newest that kept it)." }),
  ),
});

export const ArtifactUploadQuery = closed({
  kind: Type.Optional(ArtifactKind),
  path: Type.Optional(titled("Where it was; of a folder the archive is unpacked beside it.", WorkspacePath)),
  executable: Type.Optional(Type.Boolean({ description: "Of a file: it may be executed." })),
});

export type ArtifactUploadQuery = Static<typeof ArtifactUploadQuery>;

export const FetchQuery = closed({
  from: Type.String({ minLength: 1, maxLength: 256, description: "The task, as in `fetch`." }),
  name: titled("The artifact.", ArtifactName),
});

/** What mflow's own containers in a pod say with a step. */
export const PodFilesQuery = closed({
  number: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 999,
      description: "Of the artifact or cache, from 0, as in the manifest.",
    }),
  ),
  name: Type.Optional(Type.String({ maxLength: 64, description: "What a piece is of, e.g. `artifact.0`." })),
  at: Type.Optional(Type.Integer({ minimum: 0, description: "Bytes before the piece." })),
  kind: Type.Optional(ArtifactKind),
  executable: Type.Optional(Type.Boolean({ description: "Of a file: it may be executed." })),
  key: Type.Optional(Type.String({ maxLength: 256, description: "Key of the cache." })),
  sha256: Type.Optional(
    Type.String({ pattern: "^[0-9a-f]{64}$", description: "Hash of the bytes that the pieces make." }),
  ),
});
export type PodFilesQuery = Static<typeof PodFilesQuery>;
