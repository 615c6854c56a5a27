// The variables that a condition may name.

export const VARIABLES = ["params", "envs", "run", "trigger", "tasks"] as const;
export type Variable = (typeof VARIABLES)[number];

export function isVariable(name: string): name is Variable {
  return (VARIABLES as readonly string[]).includes(name);
}
