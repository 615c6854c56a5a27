// Whose work something is for the time being.

export interface Lease {
  owner: string;
  /** Milliseconds since the epoch. */
  until: number;
}
