# Tells above the prompt when a budget of ccstats is exceeded.
# Copy it to ~/.config/fish/conf.d; the limits are those of `ccstats budget`.

function __ccstats_alert --on-event fish_prompt
    set -l now (date +%s)
    set -q __ccstats_next; or set -g __ccstats_next 0
    test $now -ge $__ccstats_next; or return 0
    set -l pause 60
    set -q CCSTATS_ALERT_SECONDS; and set pause $CCSTATS_ALERT_SECONDS
    set -g __ccstats_next (math $now + $pause)
    set -l told (ccstats budget --quiet 2>/dev/null)
    if test $status -eq 4
        printf '%s\n' $told >&2
    end
end
