import type { CompletionModel } from './model.ts';
import { type CaseWriter, dataFunctions } from './script.ts';

const fishWriter: CaseWriter = {
  pattern: (text, anywhere = false) => `'${anywhere ? '* ' : ''}${text}'`,
  answers(name, branches) {
    const lines = branches.map(
      ([pattern, answer]) => `        case ${pattern}\n            string split ' ' -- '${answer}'`,
    );
    return `function __coffer_${name}\n    switch "$argv"\n${lines.join('\n')}\n    end\nend`;
  },
};

export function fishScript(model: CompletionModel): string {
  return `# Completion of coffer for fish: coffer completion fish > ~/.config/fish/completions/coffer.fish

${dataFunctions(model, fishWriter)}

function __coffer_fill
    set -l kind $argv[3..]
    switch "$kind[1]"
        case '='
            string join \\n -- $kind[2..]
        case file
            __fish_complete_path $argv[1]
        case secret policy mount auth
            test -n "$argv[2]"; and return
            coffer __complete $kind[1] "$argv[1]" 2>/dev/null </dev/null
    end
end

function __coffer_complete
    set -l cur (commandline -ct)
    set -l key ''
    set -l skip
    set -l behind ''
    set -l away ''
    set -l verbs
    set -l count 0
    for word in (commandline -opc)[2..]
        test -n "$behind"; and continue
        if set -q skip[1]
            set skip
            continue
        end
        switch $word
            case --
                set behind yes
            case '-*=*'
                test -n "$(__coffer_elsewhere (string split -m1 '=' -- $word)[1])"; and set away yes
            case '-*'
                set skip (__coffer_value "$key $word")
                test -n "$(__coffer_elsewhere $word)"; and set away yes
            case '*'
                if test -z "$key"
                    set key $word
                    set verbs (__coffer_verbs $key)
                else if set -q verbs[1]
                    set key "$key $word"
                    set verbs
                else
                    set count (math $count + 1)
                end
        end
    end
    if test -n "$behind"
        __fish_complete_subcommand --fcs-skip=2 2>/dev/null
    else if set -q skip[1]
        __coffer_fill "$cur" "$away" $skip
    else if test -z "$key"
        string join \\n -- ${model.words.join(' ')} --help --version
    else if set -q verbs[1]
        string join \\n -- $verbs --help
    else if string match -q -- '--*=*' $cur
        set -l parts (string split -m1 '=' -- $cur)
        for found in (__coffer_fill "$parts[2]" "$away" (__coffer_value "$key $parts[1]"))
            echo "$parts[1]=$found"
        end
    else if string match -q -- '-*' $cur
        __coffer_options $key
    else if test "$key" = help
        test $count -eq 0; and string join \\n -- ${model.words.join(' ')}
    else
        set -l kinds (__coffer_operands $key)
        if test "$kinds[-1]" = ...; and test $count -ge (math (count $kinds) - 1)
            set count (math (count $kinds) - 2)
        end
        set -l at (math $count + 1)
        __coffer_fill "$cur" "$away" $kinds[$at]
    end
end

complete -c coffer -f -a '(__coffer_complete)'
`;
}
