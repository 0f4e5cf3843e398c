# Tells above the prompt when a budget of ccstats is exceeded.
# Source it in ~/.bashrc; the limits are those of `ccstats budget`.

__ccstats_alert() {
    local status=$? told
    if ((SECONDS >= ${__ccstats_next:-0})); then
        __ccstats_next=$((SECONDS + ${CCSTATS_ALERT_SECONDS:-60}))
        told=$(ccstats budget --quiet 2>/dev/null)
        if (($? == 4)); then
            printf '%s\n' "$told" >&2
        fi
    fi
    # The prompt may show how the last command ended.
    return "$status"
}

case ${PROMPT_COMMAND-} in
    *__ccstats_alert*) ;;
    *) PROMPT_COMMAND="__ccstats_alert${PROMPT_COMMAND:+; $PROMPT_COMMAND}" ;;
esac
