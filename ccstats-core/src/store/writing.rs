//! Writes what a load found, beside the report that is made of it.

use std::io;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use super::catalogue::{Catalogue, CatalogueError};
use super::publish::Change;

/// A thread that publishes a change and tidies up behind it.
#[derive(Debug)]
pub(super) struct Writing {
    /// Taken by the first who waits.
    published: Option<Receiver<Result<(), CatalogueError>>>,
    thread: JoinHandle<Catalogue>,
}

impl Writing {
    /// Starts it. The catalogue is lost where no thread can be started.
    pub(super) fn start(mut catalogue: Catalogue, change: Change, tidy: impl FnOnce(&Catalogue) + Send + 'static) -> io::Result<Writing> {
        let (sender, published) = mpsc::channel();
        let write = move || {
            let written = if change.is_empty() { Ok(()) } else { change.publish(&mut catalogue) };
            // Where an answer has a deadline nobody waits for this.
            let _ = sender.send(written);
            tidy(&catalogue);
            catalogue
        };
        Ok(Writing { published: Some(published), thread: thread::Builder::new().spawn(write)? })
    }

    /// Waits until the change is published. Tells once what became of it.
    pub(super) fn wait(&mut self) -> Result<(), CatalogueError> {
        let published = self.published.take();
        published.map_or(Ok(()), |published| published.recv().unwrap_or(Err(CatalogueError::Stopped)))
    }

    /// Waits until all is done. The catalogue is lost where the thread failed.
    pub(super) fn end(self) -> Option<Catalogue> {
        self.thread.join().ok()
    }
}
