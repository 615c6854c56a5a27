// Paths in a workspace, as manifests write them.

/** What is wrong with a path that must stay in the workspace, to follow after it in a sentence; nothing when it is right. */
export function pathProblem(path: string): string | undefined {
  if (path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path)) {
    return "is absolute; write it relative to the workspace";
  }
  if (path.startsWith("~"))
    return "begins with `~`, which nobody fills in; write it relative to the workspace";
  if (path.includes("${"))
    return "holds `${`, but params are filled in the runner spec alone; write the path itself";
  if (path.includes("\\")) return "holds a `\\`; parts of a path are told apart by `/`";
  if (hasControls(path)) return "holds a control character";
  if (path.split("/").includes("..")) return "leaves the workspace by `..`; write a path inside it";
  return undefined;
}

/** A relative path without `./` before, `/` behind and `//` between; `.` for the workspace itself. */
export function plainPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.join("/") || ".";
}

function hasControls(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\u007f");
}
