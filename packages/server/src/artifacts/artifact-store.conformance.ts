// What every store of artifacts does: each sentence of the contract in artifact-store.ts, tested.

import { createHash, randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ArtifactStore, StoredKey } from "./artifact-store.ts";

export interface StorePlace {
  open(): Promise<ArtifactStore>;
  dispose(): Promise<void>;
}

const LIMIT = 64 * 1024 * 1024;

async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

export function describeArtifactStore(name: string, prepare: () => Promise<StorePlace>): void {
  describe(`${name} keeps the contract of artifact stores:`, () => {
    let place: StorePlace;
    let store: ArtifactStore;
    beforeEach(async () => {
      place = await prepare();
      store = await place.open();
    });
    afterEach(() => place.dispose());

    const read = async (key: string, range?: { from: number; to?: number }) =>
      (await buffer(await store.get(key, range))).toString();
    const keys = async (prefix: string) => {
      const found: StoredKey[] = [];
      for await (const one of store.list(prefix)) found.push(one);
      return found.map(({ key, size }) => `${key} ${size}`).sort();
    };

    test("bytes are read as they were put, whole and in part, also by the next process", async () => {
      const stored = await store.put("artifacts/run-1/a.tar", chunks("0123", "", "456789"), LIMIT);
      const sha256 = createHash("sha256").update("0123456789").digest("hex");
      expect(stored).toEqual({ size: 10, sha256 });
      store = await place.open();
      expect(await read("artifacts/run-1/a.tar")).toBe("0123456789");
      expect(await read("artifacts/run-1/a.tar", { from: 3, to: 5 })).toBe("345");
      expect(await read("artifacts/run-1/a.tar", { from: 8 })).toBe("89");
      const stat = await store.stat("artifacts/run-1/a.tar");
      expect(stat).toEqual({ size: 10, storedAt: expect.any(Number) });
      expect(Math.abs((stat?.storedAt ?? 0) - Date.now())).toBeLessThan(3600_000);
    });

    test("nothing and much are stored too", async () => {
      expect(await store.put("empty", chunks(), LIMIT)).toMatchObject({ size: 0 });
      expect(await read("empty")).toBe("");
      const much = randomBytes(11 * 1024 * 1024);
      const sha256 = createHash("sha256").update(much).digest("hex");
      const pieces = [much.subarray(0, 1), much.subarray(1, 9_000_000), much.subarray(9_000_000)];
      expect(await store.put("much", chunks(...pieces), LIMIT)).toEqual({ size: much.length, sha256 });
      expect((await buffer(await store.get("much"))).equals(much)).toBe(true);
    });

    test("a second put takes the place of the first", async () => {
      await store.put("a/b", chunks("first"), LIMIT);
      await store.put("a/b", chunks("second"), LIMIT);
      expect(await read("a/b")).toBe("second");
      expect(await keys("")).toEqual(["a/b 6"]);
    });

    test("nothing is there after a put that was too large or broke off", async () => {
      await expect(store.put("large", chunks("12345", "6"), 5)).rejects.toMatchObject({
        code: "ARTIFACT_TOO_LARGE",
      });
      const much = randomBytes(6 * 1024 * 1024);
      await expect(store.put("large", chunks(much, much), 11 * 1024 * 1024)).rejects.toMatchObject({
        code: "ARTIFACT_TOO_LARGE",
      });
      async function* breaking(): AsyncGenerator<Uint8Array> {
        yield much;
        yield much;
        throw new Error("the sender is gone");
      }
      await expect(store.put("broken", breaking(), LIMIT)).rejects.toThrow("the sender is gone");
      expect(await store.stat("large")).toBeUndefined();
      expect(await store.stat("broken")).toBeUndefined();
      expect(await keys("")).toEqual([]);
      expect(await store.put("large", chunks("12345"), 5)).toMatchObject({ size: 5 });
    });

    test("a list shows what begins with the prefix", async () => {
      for (const key of ["a/1/x", "a/1/y", "a/12", "b/1"]) await store.put(key, chunks(key), LIMIT);
      expect(await keys("a/1/")).toEqual(["a/1/x 5", "a/1/y 5"]);
      expect(await keys("a/1")).toEqual(["a/1/x 5", "a/1/y 5", "a/12 4"]);
      expect(await keys("")).toEqual(["a/1/x 5", "a/1/y 5", "a/12 4", "b/1 3"]);
      expect(await keys("c")).toEqual([]);
    });

    test("what was removed is gone, and may be removed again", async () => {
      await store.put("a/b", chunks("x"), LIMIT);
      await store.put("a/c", chunks("x"), LIMIT);
      await store.remove("a/b");
      await store.remove("a/b");
      await store.remove("never/was");
      expect(await store.stat("a/b")).toBeUndefined();
      await expect(store.get("a/b")).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await keys("")).toEqual(["a/c 1"]);
      await store.remove("a/c");
      expect(await keys("")).toEqual([]);
    });

    test.each(["", "/a", "a/", "a//b", "../a", "a/../b", "a b", ".a", "a/.b"])(
      "'%s' is no key",
      async (key) => {
        await expect(store.put(key, chunks("x"), LIMIT)).rejects.toMatchObject({ code: "BAD_REQUEST" });
        await expect(store.get(key)).rejects.toMatchObject({ code: "BAD_REQUEST" });
      },
    );
  });
}
