# Tells above the prompt when a budget of ccstats is exceeded.
# Dot-source it in $PROFILE; the limits are those of `ccstats budget`.

$global:CcstatsNext = [DateTime]::MinValue
if (-not $global:CcstatsPrompt) { $global:CcstatsPrompt = $function:prompt }

function global:Show-CcstatsAlert {
    if ([DateTime]::UtcNow -lt $global:CcstatsNext) { return }
    $pause = if ($env:CCSTATS_ALERT_SECONDS) { [int]$env:CCSTATS_ALERT_SECONDS } else { 60 }
    $global:CcstatsNext = [DateTime]::UtcNow.AddSeconds($pause)
    # A prompt may show how the last program ended.
    $ended = $global:LASTEXITCODE
    $told = ccstats budget --quiet 2>$null
    if ($global:LASTEXITCODE -eq 4) { $told | Write-Host }
    $global:LASTEXITCODE = $ended
}

function global:prompt {
    Show-CcstatsAlert
    & $global:CcstatsPrompt
}
