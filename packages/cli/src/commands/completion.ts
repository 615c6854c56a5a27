// `mflow completion SHELL`: a script that asks `mflow __complete` for what may stand where the cursor is.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";

const scripts = {
  // Bash cuts words at `:` and `=`; references hold colons, so the line is cut at spaces here.
  bash: `# mflow completion for bash
_mflow() {
  local line="\${COMP_LINE:0:COMP_POINT}" words candidate
  read -r -a words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local current="\${words[\${#words[@]}-1]}"
  # What bash takes for finished of the last word.
  local done="" rest="\${COMP_WORDS[COMP_CWORD]}"
  case "$rest" in ":" | "=") rest="" ;; esac
  done="\${current%"$rest"}"
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    if [[ "$candidate" == ":files" ]]; then
      compopt -o filenames
      while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$rest")
    else
      COMPREPLY+=("\${candidate#"$done"}")
    fi
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _mflow mflow
`,
  zsh: `#compdef mflow
# mflow completion for zsh
_mflow() {
  local -a candidates
  local word meaning
  while IFS=$'\\t' read -r word meaning; do
    if [[ "$word" == ":files" ]]; then
      _files
      return
    fi
    candidates+=("\${word//:/\\\\:}:\${meaning}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,$CURRENT]}" 2>/dev/null)
  _describe mflow candidates
}
compdef _mflow mflow
`,
  fish: `# mflow completion for fish
function __mflow_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
        if test (string split -m1 \\t -- $line)[1] = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c mflow -f -a '(__mflow_complete)'
`,
} as const;

export async function run(context: Context, { args }: CommandCall): Promise<undefined> {
  const [shell] = args as [keyof typeof scripts];
  context.io.stdout.write(scripts[shell]);
}
