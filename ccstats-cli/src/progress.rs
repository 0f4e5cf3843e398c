//! Progress of a long scan, on the stderr of a terminal.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ccstats_core::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// A scan that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// Runs a scan, and shows how far it is when that takes long.
pub(crate) fn shown<T>(quiet: bool, scan: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    if quiet || !io::stderr().is_terminal() {
        return scan(&progress);
    }
    thread::scope(|scope| {
        let (done, waiting) = mpsc::channel::<()>();
        let progress = &progress;
        // Where the system has no thread left, nothing is shown.
        let _ = thread::Builder::new().spawn_scoped(scope, move || {
            if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                draw(progress, &waiting);
            }
        });
        let result = scan(progress);
        drop(done);
        result
    })
}

fn draw(progress: &Progress, waiting: &mpsc::Receiver<()>) {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("reading transcripts {wide_bar} {bytes} of {total_bytes}") {
        bar.set_style(style);
    }
    loop {
        bar.set_length(progress.total_bytes.load(Ordering::Relaxed));
        bar.set_position(progress.done_bytes.load(Ordering::Relaxed));
        if waiting.recv_timeout(Duration::from_millis(100)) != Err(RecvTimeoutError::Timeout) {
            return bar.finish_and_clear();
        }
    }
}
