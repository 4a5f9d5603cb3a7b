import type { CompletionModel } from './model.ts';
import { type CaseWriter, dataFunctions } from './script.ts';

/** For bash and zsh alike. */
export const posixWriter: CaseWriter = {
  pattern: (text, anywhere = false) => `${anywhere ? '*' : ''}'${anywhere ? ' ' : ''}${text}'`,
  answers(name, branches) {
    const lines = branches.map(([pattern, answer]) => `    ${pattern}) echo '${answer}' ;;`);
    return `_coffer_${name}() {\n  case "$*" in\n${lines.join('\n')}\n  esac\n}`;
  },
};

/** Words of the table only: they hold no character that a shell would act on. What the server says is never expanded. */
export function bashScript(model: CompletionModel): string {
  return `# Completion of coffer for bash: source <(coffer completion bash)

${dataFunctions(model, posixWriter)}

_coffer_add() {
  local line
  while IFS= read -r line; do
    [[ $line == "$1"* ]] && COMPREPLY+=("$line")
  done
}

_coffer_fill() {
  case $1 in
    '='*) COMPREPLY=($(compgen -W "\${1#=}" -- "$2")) ;;
    file) compopt -o filenames 2>/dev/null; _coffer_add "$2" < <(compgen -f -- "$2") ;;
    secret | policy | mount | auth)
      [[ -n $3 ]] && return
      _coffer_add "$2" < <("\${COMP_WORDS[0]}" __complete "$1" "$2" 2>/dev/null </dev/null)
      [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
      ;;
  esac
}

_coffer() {
  local cur=\${COMP_WORDS[COMP_CWORD]} key='' word='' skip='' behind='' away='' verbs='' i kinds
  local -i count=0
  COMPREPLY=()
  [[ $cur == '=' ]] && cur=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ -n $behind || $word == '=' ]] && continue
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      --) behind=yes ;;
      -*) skip=$(_coffer_value "$key $word"); [[ -n $(_coffer_elsewhere "$word") ]] && away=yes ;;
      *)
        if [[ -z $key ]]; then
          key=$word
          verbs=$(_coffer_verbs "$key")
        elif [[ -n $verbs ]]; then
          key="$key $word"
          verbs=''
        else
          count+=1
        fi
        ;;
    esac
  done
  if [[ -n $behind ]]; then
    compopt -o filenames 2>/dev/null
    _coffer_add "$cur" < <(compgen -c -- "$cur"; compgen -f -- "$cur")
  elif [[ -n $skip ]]; then
    _coffer_fill "$skip" "$cur" "$away"
  elif [[ -z $key ]]; then
    COMPREPLY=($(compgen -W '${model.words.join(' ')} --help --version' -- "$cur"))
  elif [[ -n $verbs ]]; then
    COMPREPLY=($(compgen -W "$verbs --help" -- "$cur"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(_coffer_options "$key")" -- "$cur"))
  elif [[ $key == help ]]; then
    ((count == 0)) && COMPREPLY=($(compgen -W '${model.words.join(' ')}' -- "$cur"))
  else
    kinds=($(_coffer_operands "$key"))
    [[ \${kinds[\${#kinds[@]} - 1]} == ... ]] && ((count >= \${#kinds[@]} - 1)) && count=$((\${#kinds[@]} - 2))
    _coffer_fill "\${kinds[count]}" "$cur" "$away"
  fi
}

complete -F _coffer coffer
`;
}
