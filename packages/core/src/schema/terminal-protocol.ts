// What both ends of a terminal's WebSocket know; apart from the schemas, which clients do without.

/** The subprotocol. */
export const TERMINAL_PROTOCOL = "mflow.terminal.v1";

/** A client that cannot send a bearer token, such as a browser, offers a subprotocol of this and the token. */
export const BEARER_PROTOCOL_PREFIX = "bearer.";

/** Largest message that the server takes, bytes. */
export const MAX_TERMINAL_MESSAGE = 256 * 1024;
