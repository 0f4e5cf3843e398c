//! Money.

use serde_json::Value;

use super::{cost, figure, summary, tokens};

#[test]
fn cache_writes_are_priced_by_their_life() {
    let summary = summary("one-price-for-cache-writes");
    assert_eq!(tokens(&summary), "cache_write_5m 2000700, cache_write_1h 1000300");
    assert_eq!(cost(&summary), "22.507375");
}

#[test]
fn fast_mode_multiplies_the_price_by_model() {
    assert_eq!(cost(&summary("fast-mode")), "210.000000");
}

#[test]
fn inference_in_the_us_costs_a_tenth_more() {
    assert_eq!(cost(&summary("inference-geography")), "86.000000");
}

#[test]
fn web_searches_cost_a_flat_fee_once_per_message() {
    assert_eq!(cost(&summary("web-searches")), "0.040000");
}

#[test]
fn advisor_iterations_are_messages_of_their_model() {
    let summary = summary("advisor-iterations");
    assert_eq!(figure(&summary, "messages"), 2);
    assert_eq!(tokens(&summary), "input 1010, output 300");
    assert_eq!(cost(&summary), "0.009020");
}

#[test]
fn cost_usd_of_old_lines_is_not_believed() {
    assert_eq!(cost(&summary("cost-usd")), "15.000000");
}

#[test]
fn prompt_size_tier_prices_the_whole_request_and_only_that() {
    assert_eq!(cost(&summary("prompt-size-tier")), "3.035951");
}

#[test]
fn price_is_that_of_the_day_of_the_message() {
    assert_eq!(cost(&summary("dated-price-window")), "0.300000");
}

#[test]
fn model_names_are_matched_as_whole_words_and_versions() {
    let summary = summary("model-names");
    assert_eq!(cost(&summary), "80.000000");
    let mut unpriced: Vec<_> = summary["summary"]["unpriced_models"].as_array().expect("a list").clone();
    unpriced.sort_by_key(Value::to_string);
    assert_eq!(unpriced, ["claude-opus-4-9", "claude-opus-45", "gpt-5-mini", "myclaude-opus-4-8"]);
}

#[test]
fn unknown_model_has_no_cost_rather_than_none_to_pay() {
    let summary = summary("gateway-ids");
    let models = summary["models"].as_array().expect("a list of models");
    let row = models.iter().find(|row| row["model"] == "glm-4.7").expect("a row of the model");
    assert!(row["cost"].is_null());
    assert_eq!(figure(&summary, "unpriced_messages"), 2);
    assert_eq!(cost(&summary), "0.000765");
}
