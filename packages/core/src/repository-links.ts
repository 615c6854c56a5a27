// Pages of a repository that a person looks at to judge a change: one commit, or what is between two. Made from the
// address that triggers hand on as `GIT_HTTP_URL`.
//
// Forms: GitLab `/-/commit/A`, `/-/compare/A...B` (docs.gitlab.com, "Compare revisions"); GitHub and Gitea
// `/commit/A`, `/compare/A...B` (docs.github.com, "Comparing commits"; Gitea serves the same paths).

export interface Repository {
  /** As `GIT_HTTP_URL` says it, e.g. `https://gitlab.example.com/web/shop.git`. */
  url: string;
  /** As `EVENT_PROVIDER` says it; without it the host's name tells. */
  provider?: string;
}

type Forge = "GITLAB" | "GITHUB" | "GITEA";

const COMMIT = /^[0-9a-fA-F]{7,64}$/;

/** Page of a commit; nothing when the repository's kind is not known or the text is no commit. */
export function commitLink(repository: Repository, commit: string): string | undefined {
  const base = pagesOf(repository);
  return base !== undefined && COMMIT.test(commit) ? `${base}/commit/${commit}` : undefined;
}

/** Page of what is between two commits. */
export function compareLink(repository: Repository, before: string, after: string): string | undefined {
  const base = pagesOf(repository);
  if (base === undefined || !COMMIT.test(before) || !COMMIT.test(after)) return undefined;
  return `${base}/compare/${before}...${after}`;
}

/** Page of the repository itself, without what an address may hold of a password. */
export function repositoryLink({ url }: Repository): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") return undefined;
  const path = parsed.pathname.replace(/\/+$/, "").replace(/\.git$/, "");
  return path === "" ? undefined : `${parsed.protocol}//${parsed.host}${path}`;
}

function pagesOf(repository: Repository): string | undefined {
  const page = repositoryLink(repository);
  const forge = page === undefined ? undefined : forgeOf(repository, new URL(page).hostname);
  if (forge === undefined) return undefined;
  return forge === "GITLAB" ? `${page}/-` : page;
}

function forgeOf({ provider = "" }: Repository, host: string): Forge | undefined {
  const said = provider.toUpperCase();
  if (said === "GITLAB" || said === "GITHUB" || said === "GITEA") return said;
  if (/(^|[.-])gitlab[.-]/.test(host)) return "GITLAB";
  if (/(^|[.-])github[.-]/.test(host)) return "GITHUB";
  return /(^|[.-])(gitea|forgejo|codeberg)[.-]/.test(host) ? "GITEA" : undefined;
}
