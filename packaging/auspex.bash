# bash completion of auspex; source it, or put it into /usr/share/bash-completion/completions/auspex
_auspex() {
    local current=${COMP_WORDS[COMP_CWORD]} line="${COMP_WORDS[*]:1:COMP_CWORD-1}"
    case "$line" in
    'ack'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json --comment ' -- "$current")) && return ;;
    'actions'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json ' -- "$current")) && return ;;
    'alerts'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json ' -- "$current")) && return ;;
    'approvals'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json ' -- "$current")) && return ;;
    'approve'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json --hash --reason ' -- "$current")) && return ;;
    'audit verify'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--storage.path --head ' -- "$current")) && return ;;
    'demo'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json --keep ' -- "$current")) && return ;;
    'incidents'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json ' -- "$current")) && return ;;
    'predict'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--model --limit ' -- "$current")) && return ;;
    'query'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json --range --step --time ' -- "$current")) && return ;;
    'reject'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json --hash --reason ' -- "$current")) && return ;;
    'serve'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--config.file --storage.path --web.listen-address --web.auth --log.level --log.format ' -- "$current")) && return ;;
    'status'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--json ' -- "$current")) && return ;;
    'stop'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--reason --off --storage.path ' -- "$current")) && return ;;
    'token create'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--role --name --storage.path ' -- "$current")) && return ;;
    'tsdb dump'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--storage.path --match --what ' -- "$current")) && return ;;
    'tsdb repair'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--storage.path ' -- "$current")) && return ;;
    'tsdb verify'*) [[ $current == -* ]] && COMPREPLY=($(compgen -W '--storage.path ' -- "$current")) && return ;;
    '') COMPREPLY=($(compgen -W 'ack actions alerts approvals approve audit check check check completion default-config demo incidents man openapi predict query reject schema serve status stop test token tsdb tsdb tsdb version ' -- "$current")) && return ;;
    'audit') COMPREPLY+=($(compgen -W 'verify' -- "$current")) ;;&
    'check') COMPREPLY+=($(compgen -W 'actions' -- "$current")) ;;&
    'check') COMPREPLY+=($(compgen -W 'config' -- "$current")) ;;&
    'check') COMPREPLY+=($(compgen -W 'rules' -- "$current")) ;;&
    'test') COMPREPLY+=($(compgen -W 'rules' -- "$current")) ;;&
    'token') COMPREPLY+=($(compgen -W 'create' -- "$current")) ;;&
    'tsdb') COMPREPLY+=($(compgen -W 'dump' -- "$current")) ;;&
    'tsdb') COMPREPLY+=($(compgen -W 'repair' -- "$current")) ;;&
    'tsdb') COMPREPLY+=($(compgen -W 'verify' -- "$current")) ;;&
    esac
    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _auspex auspex
