import { posixWriter } from './bash.ts';
import type { CompletionModel } from './model.ts';
import { dataFunctions } from './script.ts';

export function zshScript(model: CompletionModel): string {
  return `#compdef coffer
# Completion of coffer for zsh: source <(coffer completion zsh), behind compinit; or as the file _coffer in $fpath.

${dataFunctions(model, posixWriter)}

_coffer_fill() {
  local -a found
  case $1 in
    '='*) compadd -- \${=1#=} ;;
    file) _files ;;
    secret | policy | mount | auth)
      [[ -n $3 ]] && return
      found=("\${(@f)$($words[1] __complete $1 "$2" 2>/dev/null </dev/null)}")
      compadd -S '' -- \${(M)found:#*/}
      compadd -- \${found:#*/}
      ;;
  esac
}

_coffer() {
  local cur=$words[CURRENT] key='' word='' skip='' behind='' away='' verbs='' option=''
  local -a kinds
  integer i count=0
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    [[ -n $behind ]] && continue
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      --) behind=yes ;;
      -*=*) [[ -n $(_coffer_elsewhere "\${word%%=*}") ]] && away=yes ;;
      -*) skip=$(_coffer_value "$key $word"); [[ -n $(_coffer_elsewhere "$word") ]] && away=yes ;;
      *)
        if [[ -z $key ]]; then
          key=$word
          verbs=$(_coffer_verbs "$key")
        elif [[ -n $verbs ]]; then
          key="$key $word"
          verbs=''
        else
          ((count += 1))
        fi
        ;;
    esac
  done
  if [[ -n $behind ]]; then
    _command_names -e
    _files
  elif [[ -n $skip ]]; then
    _coffer_fill "$skip" "$cur" "$away"
  elif [[ -z $key ]]; then
    compadd -- ${model.words.join(' ')} --help --version
  elif [[ -n $verbs ]]; then
    compadd -- \${=verbs} --help
  elif [[ $cur == --*=* ]]; then
    option=\${cur%%=*}
    compset -P '*='
    _coffer_fill "$(_coffer_value "$key $option")" "\${cur#*=}" "$away"
  elif [[ $cur == -* ]]; then
    compadd -- \${=$(_coffer_options "$key")}
  elif [[ $key == help ]]; then
    ((count == 0)) && compadd -- ${model.words.join(' ')}
  else
    kinds=(\${=$(_coffer_operands "$key")})
    [[ $kinds[-1] == ... ]] && ((count >= $#kinds - 1)) && ((count = $#kinds - 2))
    _coffer_fill "$kinds[count+1]" "$cur" "$away"
  fi
}

if [[ $funcstack[1] == _coffer ]]; then _coffer "$@"; else compdef _coffer coffer; fi
`;
}
