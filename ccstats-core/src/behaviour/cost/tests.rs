use proptest::prelude::*;

use super::*;
use crate::testing::dataset;

/// What a response did: its tokens, and the bytes of the results of its calls.
#[derive(Clone, Debug)]
struct Response {
    usage: [u64; 4],
    output: u64,
    results: Vec<usize>,
    is_final: bool,
}

fn response(usage: [u64; 4], output: u64, results: &[usize]) -> Response {
    Response { usage, output, results: results.to_vec(), is_final: true }
}

/// One thread; every call's id is `toolu_`, the number of its response, and its own.
fn transcript(responses: &[Response], model: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, response) in responses.iter().enumerate() {
        let [input, write_5m, write_1h, read] = response.usage;
        let call = |call| format!(r#"{{"type":"tool_use","id":"toolu_{number}_{call}","name":"T","input":{{}}}}"#);
        let calls: Vec<_> = (0..response.results.len()).map(call).collect();
        let stop = if response.is_final { r#""end""# } else { "null" };
        let usage = format!(
            r#"{{"input_tokens":{input},"output_tokens":{},"cache_creation_input_tokens":{},"cache_creation":{{"ephemeral_5m_input_tokens":{write_5m},"ephemeral_1h_input_tokens":{write_1h}}},"cache_read_input_tokens":{read}}}"#,
            response.output,
            write_5m + write_1h
        );
        let head = |kind: &str, part: usize| {
            let (minute, second) = (number / 60, number % 60);
            format!(r#"{{"type":"{kind}","sessionId":"s","cwd":"/w","timestamp":"2026-11-03T10:{minute:02}:{second:02}.{part:03}Z","#)
        };
        let message = format!(
            r#""message":{{"id":"msg_{number}","model":"{model}","stop_reason":{stop},"usage":{usage},"content":[{}]}}}}"#,
            calls.join(",")
        );
        lines.push(head("assistant", 0) + &message);
        for (call, bytes) in response.results.iter().enumerate() {
            let text = "x".repeat(*bytes);
            let content =
                format!(r#""message":{{"content":[{{"type":"tool_result","tool_use_id":"toolu_{number}_{call}","content":"{text}"}}]}}}}"#);
            lines.push(head("user", call + 1) + &content);
        }
    }
    lines
}

const MODEL: &str = "claude-sonnet-4-5";

struct Costs {
    dataset: Dataset,
    costs: ResultCosts,
}

impl Costs {
    fn of(lines: &[String]) -> Costs {
        let dataset = dataset(&[("p/s.jsonl", lines)]);
        let costs = ResultCosts::new(&dataset, &Epochs::new(&dataset), Prices::builtin());
        Costs { dataset, costs }
    }

    fn result(&self, id: &str) -> ResultCost {
        let id = format!(r#""{id}""#);
        let text = crate::json::Text(id.trim_matches('"').as_bytes());
        self.costs.of(crate::dedup::call_key(text, b"s").expect("an id")).expect("a result")
    }
}

fn rates() -> Rates {
    Prices::builtin().find(MODEL).expect("known").rates(0, crate::prices::Terms::default()).expect("on every day")
}

#[test]
fn a_result_costs_its_growth_once_and_then_what_reading_it_costs() {
    // 1000 + 100 of output, and 500 of the result.
    let responses = [response([0, 1000, 0, 0], 100, &[800]), response([0, 600, 0, 1000], 10, &[]), response([0, 10, 0, 1600], 10, &[])];
    let result = Costs::of(&transcript(&responses, MODEL)).result("toolu_0_0");
    let expected = 500 * rates().cache_write_5m + 500 * rates().cache_read;
    assert_eq!(result, ResultCost { tokens: 500, cost_picodollars: Some(expected), basis: Basis::Measured });
}

#[test]
fn results_of_one_step_share_its_growth_by_their_bytes() {
    let responses = [response([0, 1000, 0, 0], 0, &[300, 100]), response([0, 401, 0, 1000], 0, &[])];
    let costs = Costs::of(&transcript(&responses, MODEL));
    let of = |id| (costs.result(id).tokens, costs.result(id).basis);
    assert_eq!((of("toolu_0_0"), of("toolu_0_1")), ((300, Basis::Split), (101, Basis::Split)));
}

#[test]
fn what_cannot_be_measured_is_estimated_by_the_bytes_per_token_of_the_session() {
    let step = response([0, 1000, 0, 0], 0, &[1000]);
    let last = response([0, 2000, 0, 500], 0, &[]);
    let measured = [step, response([0, 500, 0, 1000], 0, &[])];
    let lower_bound = Response { is_final: false, ..response([0, 0, 0, 1500], 0, &[600]) };
    let lines = transcript(&[&measured[..], &[lower_bound, last]].concat(), MODEL);
    let result = Costs::of(&lines).result("toolu_2_0");
    assert_eq!((result.tokens, result.basis), (300, Basis::Estimated));
}

#[test]
fn growth_that_the_bytes_cannot_have_or_that_a_prompt_has_made_is_no_measure() {
    let responses = [response([0, 1000, 0, 0], 0, &[10]), response([0, 5000, 0, 1000], 0, &[])];
    assert_eq!(Costs::of(&transcript(&responses, MODEL)).result("toolu_0_0").basis, Basis::Estimated);
    let responses = [response([0, 1000, 0, 0], 0, &[800]), response([0, 500, 0, 1000], 0, &[])];
    let mut lines = transcript(&responses, MODEL);
    let prompt = r#"{"type":"user","uuid":"u","sessionId":"s","timestamp":"2026-11-03T10:00:00.500Z","message":{"content":"and now?"}}"#;
    lines.insert(2, prompt.into());
    assert_eq!(Costs::of(&lines).result("toolu_0_0").basis, Basis::Estimated);
}

#[test]
fn an_estimate_is_no_more_than_the_prompt_grew_and_is_paid_for() {
    // An image whose bytes say nothing, behind which something was typed.
    let responses = [response([0, 1000, 0, 0], 100, &[90_000]), response([0, 1500, 0, 1000], 10, &[]), response([0, 10, 0, 2500], 10, &[])];
    let mut lines = transcript(&responses, MODEL);
    let prompt = r#"{"type":"user","uuid":"u","sessionId":"s","timestamp":"2026-11-03T10:00:00.500Z","message":{"content":"and now?"}}"#;
    lines.insert(2, prompt.into());
    let expected = 1500 * (rates().cache_write_5m + rates().cache_read);
    let cost = ResultCost { tokens: 1500, cost_picodollars: Some(expected), basis: Basis::Estimated };
    assert_eq!(Costs::of(&lines).result("toolu_0_0"), cost);
    // More was written than the prompt grew by: thoughts are not sent again.
    let responses = [response([0, 1000, 0, 0], 3000, &[2600]), response([0, 2000, 0, 1000], 10, &[]), response([0, 10, 0, 3000], 10, &[])];
    let expected = 1000 * (rates().cache_write_5m + rates().cache_read);
    let cost = ResultCost { tokens: 1000, cost_picodollars: Some(expected), basis: Basis::Estimated };
    assert_eq!(Costs::of(&transcript(&responses, MODEL)).result("toolu_0_0"), cost);
}

#[test]
fn a_request_that_failed_does_not_end_what_results_cost() {
    let failed = response([0; 4], 0, &[]);
    let responses =
        [response([0, 1000, 0, 0], 100, &[800]), failed, response([0, 600, 0, 1000], 10, &[]), response([0, 10, 0, 1600], 10, &[])];
    let result = Costs::of(&transcript(&responses, MODEL)).result("toolu_0_0");
    let expected = 500 * (rates().cache_write_5m + rates().cache_read);
    assert_eq!(result, ResultCost { tokens: 500, cost_picodollars: Some(expected), basis: Basis::Measured });
}

#[test]
fn what_a_failed_request_called_shares_the_growth_of_the_next() {
    let failed = response([0; 4], 0, &[800]);
    let responses = [response([0, 1000, 0, 0], 100, &[800]), failed, response([0, 600, 0, 1000], 10, &[])];
    let costs = Costs::of(&transcript(&responses, MODEL));
    let expected = ResultCost { tokens: 250, cost_picodollars: Some(250 * rates().cache_write_5m), basis: Basis::Split };
    assert_eq!([costs.result("toolu_0_0"), costs.result("toolu_1_0")], [expected; 2]);
}

#[test]
fn after_a_compaction_a_result_costs_nothing_more() {
    let responses = [response([0, 1000, 0, 0], 0, &[800]), response([0, 500, 0, 1000], 0, &[]), response([0, 0, 0, 1500], 0, &[])];
    let mut lines = transcript(&responses, MODEL);
    let cut = r#"{"type":"system","subtype":"compact_boundary","uuid":"u","sessionId":"s","timestamp":"2026-11-03T10:00:01.500Z"}"#;
    lines.insert(3, cut.into());
    assert_eq!(Costs::of(&lines).result("toolu_0_0").cost_picodollars, Some(500 * rates().cache_write_5m));
}

#[test]
fn what_is_written_again_after_the_cache_was_lost_is_not_the_cost_of_a_result() {
    let responses = [response([0, 1000, 0, 0], 0, &[800]), response([0, 500, 0, 1000], 0, &[]), response([0, 1500, 0, 0], 0, &[])];
    let result = Costs::of(&transcript(&responses, MODEL)).result("toolu_0_0");
    assert_eq!(result.cost_picodollars, Some(500 * rates().cache_write_5m));
}

#[test]
fn a_result_that_a_model_without_a_price_took_in_has_no_cost() {
    let responses = [response([0, 1000, 0, 0], 0, &[800]), response([0, 500, 0, 1000], 0, &[])];
    let result = Costs::of(&transcript(&responses, "nobody-knows")).result("toolu_0_0");
    assert_eq!(result, ResultCost { tokens: 500, cost_picodollars: None, basis: Basis::Measured });
}

fn responses() -> impl Strategy<Value = Vec<Response>> {
    let usage = [0..3000_u64, 0..3000, 0..3000, 0..9000];
    let response = (usage, 0..500_u64, prop::collection::vec(0..3000_usize, 0..3), prop::bool::weighted(0.8));
    let response = response.prop_map(|(usage, output, results, is_final)| Response { usage, output, results, is_final });
    prop::collection::vec(response, 1..12)
}

/// Prompts that grow as true ones do, with a cache that is lost now and then.
fn growing() -> impl Strategy<Value = Vec<Response>> {
    let step = (0..500_u64, prop::collection::vec(1..2000_usize, 0..3), 0..9_u8, 0..300_u64);
    prop::collection::vec(step, 1..30).prop_map(|steps| {
        let (mut prompt, mut cached) = (5000, 0);
        let one = |(output, results, luck, more): (u64, Vec<usize>, u8, u64)| {
            let read = if luck == 0 { cached / 2 } else { cached };
            let written = prompt - read;
            let response = response([written / 3, written - written / 3, 0, read], output, &results);
            cached = prompt;
            prompt += output + more + results.iter().map(|bytes| *bytes as u64 / 2).sum::<u64>();
            if luck == 1 {
                prompt -= 2000;
                cached = prompt / 2;
            }
            response
        };
        steps.into_iter().map(one).collect()
    })
}

/// What each response paid for results, by the plain rule: for each result that stands in its
/// prompt, the tokens of its span.
fn parts(dataset: &Dataset) -> Vec<(Tokens, Vec<Tokens>)> {
    let conversations = Conversations::new(dataset, &Epochs::new(dataset));
    let (ratios, mut costs) = (Ratios::new(&conversations), ResultCosts::default());
    let mut parts = Vec::new();
    for epoch in conversations.epochs() {
        let mut walk = Walk { conversations: &conversations, ratios: &ratios, costs: &mut costs, window: Window::default() };
        let mut older = Vec::new();
        let mut before = None;
        for turn in epoch {
            walk.turn(before.replace(turn), turn, Some(rates()));
            let held = &walk.window.held;
            assert!(held.iter().all(|held| !held.span.is_empty()) && held.is_sorted_by(|a, b| a.span.end <= b.span.start));
            let usage = turn.row.tokens;
            parts.push((usage, held.iter().map(|held| part_of(&usage, &held.span, !older.contains(&held.call))).collect()));
            older = held.iter().map(|held| held.call).collect();
        }
    }
    parts
}

/// By kind of token.
fn counts(tokens: &Tokens) -> [u64; 6] {
    let Tokens { input, output, cache_write_5m, cache_write_1h, cache_read, web_searches } = *tokens;
    [input, output, cache_write_5m, cache_write_1h, cache_read, web_searches]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_parts_of_every_response_are_no_more_than_its_usage_and_add_up_to_the_costs(
        responses in prop_oneof![responses(), growing()]
    ) {
        let Costs { dataset, costs } = Costs::of(&transcript(&responses, MODEL));
        let parts = parts(&dataset);
        prop_assert_eq!(parts.len(), dataset.messages().iter().filter(|row| row.tokens.prompt() > 0).count());
        for (usage, parts) in &parts {
            for (kind, whole) in counts(usage).into_iter().enumerate() {
                let attributed: u64 = parts.iter().map(|part| counts(part)[kind]).sum();
                prop_assert!(attributed <= whole, "{} of {:?} by {:?}", attributed, usage, parts);
            }
        }
        let results: u128 = costs.by_call.values().map(|cost| cost.cost_picodollars.expect("a price")).sum();
        let attributed: u128 = parts.iter().flat_map(|(_, parts)| parts).map(|part| rates().cost(part).total()).sum();
        prop_assert_eq!(results, attributed);
    }
}
