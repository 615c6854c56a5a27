// The short form of `npm run soak`.

import { expect, test } from "vitest";
import { growth, soak } from "./soak.ts";

test("what is kept after twice as many runs is no more, but for the archive", async () => {
  const options = { runs: 400, keep: 15 };
  const footprints = await soak(options);
  expect(footprints.map(({ runs }) => runs)).toEqual([400, 800]);
  expect(footprints[1].archiveMb).toBeGreaterThan(footprints[0].archiveMb);
  expect(growth(footprints, options)).toEqual([]);
});
