# SPDX-License-Identifier: LGPL-2.1-or-later
# Installed as /usr/share/bash-completion/completions/gpuswitchctl.

# Display devices from /sys and not from the daemon: completing a word must not start anything.
_gpuswitchctl_gpus() {
        local class
        for class in /sys/bus/pci/devices/*/class; do
                [[ -r $class && $(<"$class") == 0x03* ]] || continue
                class=${class%/class}
                printf '%s\n' "${class##*/}"
        done
}

_gpuswitchctl() {
        local cur prev words cword i verb='' word='' position=0
        local options='--help --version --json --host --machine'
        local verbs='list status to-guest to-host plan explain reset recover quirks monitor log inhibit'
        COMPREPLY=()
        _get_comp_words_by_ref -n : cur prev words cword

        case $prev in
        -H | --host | -M | --machine | -n | --lines)
                return
                ;;
        --mode)
                mapfile -t COMPREPLY < <(compgen -W 'block delay' -- "$cur")
                return
                ;;
        --gpu)
                mapfile -t COMPREPLY < <(compgen -W "$(_gpuswitchctl_gpus)" -- "$cur")
                __ltrim_colon_completions "$cur"
                return
                ;;
        --who | --why)
                return
                ;;
        -D | --directory | --root)
                mapfile -t COMPREPLY < <(compgen -d -- "$cur")
                return
                ;;
        esac

        # The verb, and how many of its arguments stand before the cursor.
        for ((i = 1; i < cword; i++)); do
                case ${words[i]} in
                -H | --host | -M | --machine | -n | --lines | -D | --directory | --gpu | --who | --why | --mode | --root) i=$((i + 1)) ;;
                -*) ;;
                *)
                        if [[ -z $verb ]]; then
                                verb=${words[i]}
                        else
                                [[ $position == 0 ]] && word=${words[i]}
                                position=$((position + 1))
                        fi
                        ;;
                esac
        done

        [[ $verb == log ]] && options+=' --lines --follow --boot --directory'
        [[ $verb == quirks ]] && options+=' --root'
        [[ $verb == recover ]] && options+=' --suspend --rescan'
        [[ $verb == inhibit ]] && options+=' --gpu --mode --who --why --list'
        if [[ $cur == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        elif [[ -z $verb ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
        elif [[ $verb == plan && $position == 1 ]]; then
                mapfile -t COMPREPLY < <(compgen -W 'guest host' -- "$cur")
        elif [[ $position == 0 && $verb =~ ^(status|to-guest|to-host|plan|explain|reset|recover|log)$ ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_gpuswitchctl_gpus)" -- "$cur")
                __ltrim_colon_completions "$cur"
        elif [[ $verb == quirks && $position == 0 ]]; then
                mapfile -t COMPREPLY < <(compgen -W 'list match check report' -- "$cur")
        elif [[ $verb == quirks && $word == match && $position == 1 ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_gpuswitchctl_gpus)" -- "$cur")
                __ltrim_colon_completions "$cur"
        elif [[ $verb == quirks && $word == check ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        elif [[ $verb == inhibit ]]; then
                mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        fi
}

complete -F _gpuswitchctl gpuswitchctl
