// Which cluster tasks take that name none, as people are told of it who set clusters up.

/** The cluster that is used when a task names none and there are several. */
const DEFAULT_CLUSTER = "default";

/** A sentence, when with these clusters a task must name its own. */
export function mustNameCluster(names: Iterable<string>): string | undefined {
  const all = new Set(names);
  if (all.size < 2 || all.has(DEFAULT_CLUSTER)) return undefined;
  return `there are ${all.size} clusters now, and none is called \`${DEFAULT_CLUSTER}\`: tasks that name no cluster are refused; call one \`${DEFAULT_CLUSTER}\`, or name it in \`_kube_config\``;
}
