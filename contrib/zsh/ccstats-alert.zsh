# Tells above the prompt when a budget of ccstats is exceeded.
# Source it in ~/.zshrc; the limits are those of `ccstats budget`.

__ccstats_alert() {
    local told
    (( SECONDS >= ${__ccstats_next:-0} )) || return 0
    typeset -gi __ccstats_next=$(( SECONDS + ${CCSTATS_ALERT_SECONDS:-60} ))
    told=$(ccstats budget --quiet 2>/dev/null)
    if (( $? == 4 )); then
        print -r -- "$told" >&2
    fi
}

autoload -Uz add-zsh-hook
add-zsh-hook precmd __ccstats_alert
