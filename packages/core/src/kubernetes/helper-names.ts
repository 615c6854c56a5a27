// Names of the containers that mflow adds to pods; no author's container is called so.

/** The init container that fetches artifacts and restores caches. */
export const FETCH_CONTAINER = "mflow-fetch";
/** The container that keeps artifacts and saves caches. */
export const KEEP_CONTAINER = "mflow-keep";

/** Whether a container is mflow's own. */
export function isHelper(name: string): boolean {
  return name === FETCH_CONTAINER || name === KEEP_CONTAINER;
}
