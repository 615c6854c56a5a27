// Alone in its file: a client needs it without the schemas, which take long to load.

/** All paths of the API begin with this. */
export const API_PREFIX = "/api/v1";
