// The schema that the migrations make, and how files are brought to it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Connection } from "./connection.ts";
import { migrate, refuseForeign } from "./migrate.ts";

describe("migrations", () => {
  let folder: string;
  let connection: Connection;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mflow-migrate-"));
    connection = new Connection(join(folder, "mflow.db"));
  });
  afterEach(async () => {
    connection.close();
    await rm(folder, { recursive: true });
  });

  function schema(): string {
    const made = connection
      .prepare(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name",
      )
      .all();
    return made.map(({ sql }) => `${sql};\n`).join("\n");
  }

  test("make the schema that is checked in, so that a change of it is seen", async () => {
    migrate(connection);
    await expect(schema()).toMatchFileSnapshot("../migrations/sqlite/schema.sql");
  });

  test("are applied once", () => {
    migrate(connection);
    const made = schema();
    migrate(connection);
    expect(schema()).toBe(made);
  });

  test("leave nothing when one fails", () => {
    connection.exec("CREATE TABLE tasks (x); PRAGMA application_id = 0x6d666c6f");
    const before = schema();
    expect(() => migrate(connection)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
    expect(schema()).toBe(before);
    expect(Number(connection.prepare("PRAGMA user_version").get()?.user_version)).toBe(0);
  });

  test("of two programs that start at once one migrates and the other finds it done", () => {
    const other = new Connection(connection.path);
    refuseForeign(connection);
    refuseForeign(other);
    migrate(connection);
    migrate(other);
    expect(Number(other.prepare("PRAGMA user_version").get()?.user_version)).toBeGreaterThan(0);
    other.close();
  });
});
