use super::planted::{letters, lookalikes, pem, secrets};
use super::*;

fn rules(text: &str) -> Vec<&'static str> {
    Detector::new().find(text.as_bytes()).into_iter().map(|found| found.rule).collect()
}

#[test]
fn planted_secrets_are_found_wherever_they_stand() {
    let secrets = secrets();
    assert!(secrets.len() >= 60, "{}", secrets.len());
    for (rule, secret) in secrets {
        for text in [secret.clone(), format!("export KEY={secret} && x"), format!("a\n{secret}\nb"), format!("(\"{secret}\")")] {
            let line = serde_json::to_string(&text).expect("text");
            assert_eq!(rules(&line), [rule], "{line}");
            let nested = serde_json::to_string(&line).expect("text");
            assert_eq!(rules(&nested), [rule], "{nested}");
        }
    }
}

#[test]
fn lookalikes_are_no_secrets() {
    let lookalikes = lookalikes();
    assert!(lookalikes.len() >= 60, "{}", lookalikes.len());
    for text in lookalikes {
        assert_eq!(rules(&text), [""; 0], "{text}");
        let line = serde_json::to_string(&format!("a\n{text}\nb")).expect("text");
        assert_eq!(rules(&line), [""; 0], "{line}");
    }
}

#[test]
fn a_private_key_is_the_same_however_it_is_laid_out() {
    let key = pem("RSA PRIVATE KEY", 800, 1);
    let numbered: Vec<String> = key.lines().enumerate().map(|(line, text)| format!("{line:>6}→{text}")).collect();
    let quoted: Vec<String> = key.lines().map(|line| format!("  \"{line}\\n\"")).collect();
    let value = |text: &str| Detector::new().find(text.as_bytes()).into_iter().map(|found| found.value).collect::<Vec<_>>();
    let plain = value(&serde_json::to_string(&key).expect("text"));
    assert_eq!(plain.len(), 1);
    for text in [numbered.join("\n"), quoted.join("\n"), quoted.join(" +\n"), key.replace('\n', "\r\n"), key.replace('\n', "\\n")] {
        assert_eq!(value(&serde_json::to_string(&text).expect("text")), plain, "{text}");
    }
}

#[test]
fn a_token_may_stand_behind_a_colour() {
    let token = ["gh", "p_", &letters(Alnum, 36, 1)].concat();
    assert_eq!(rules(&format!(r"\u001b[1;32m{token}\u001b[0m")), ["github-token"]);
}

#[test]
fn redacted_text_names_the_rule_alone() {
    let token = ["gh", "p_", &letters(Alnum, 36, 1)].concat();
    assert_eq!(Detector::new().redacted(&format!("curl -H 'x: {token}' a.b")), "curl -H 'x: [github-token]' a.b");
}

#[test]
fn hostile_text_takes_linear_time() {
    let start = std::time::Instant::now();
    for piece in [
        "://",
        "a://a:a@",
        "eyJ",
        "eyJa.eyJa.",
        "sk-",
        "sk-ant-a",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----AA",
        "\\",
        "\\n",
        "SecretAccessKey=",
        "aaaa",
    ] {
        Detector::new().find(piece.repeat((1 << 20) / piece.len()).as_bytes());
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
