//! Whom the door no longer lets in, whatever certificate or token says: a file, read again while the service runs.
//!
//! A line is `token ID REASON` (the `jti` of a token) or `actor NAME REASON` (however the actor is known); what begins with
//! `#` is a remark. What the list names is refused with the next call, and streams that are open end. A list that cannot
//! be read, or not in every line, takes nothing back: what was in force stays so, and what can be read of it is added.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::Frame;
use model::identifier::Identifier;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::HeaderMap;

use crate::failure;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A list that is kept up to date while it is held.
#[derive(Debug)]
pub struct Revocations {
    list: watch::Receiver<Arc<Revoked>>,
}

/// Who is not let in, each with the reason that people gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revoked {
    tokens: BTreeMap<String, String>,
    actors: BTreeMap<Identifier, String>,
}

impl Revocations {
    /// Reads the list and follows the file from now on, in the runtime of the caller.
    ///
    /// # Errors
    /// When it cannot be read, or a line makes no sense.
    pub fn follow(path: &Path) -> Result<Revocations, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let (first, faults) = Revoked::parse(&text);
        if let Some(fault) = faults.first() {
            return Err(format!("{}: {fault}", path.display()));
        }
        tracing::info!(path = %path.display(), tokens = first.tokens.len(), actors = first.actors.len(), "revocations");
        let (sender, list) = watch::channel(Arc::new(first));
        tokio::spawn(keep_up(path.to_owned(), text, sender));
        Ok(Revocations { list })
    }

    /// Why a caller is not let in.
    pub(crate) fn refuses(&self, actor: Option<&Identifier>, token: Option<&str>) -> Option<&'static str> {
        self.list.borrow().refuses(actor, token)
    }

    /// A body that ends when its caller is not let in any more.
    pub(crate) fn end_of(&self, body: Body, actor: Option<Identifier>, token: Option<String>, way: Way) -> Body {
        let mut list = self.list.clone();
        let refused = async move {
            let found = list.wait_for(|list| list.refuses(actor.as_ref(), token.as_deref()).is_some()).await;
            match found.ok().and_then(|list| list.refuses(actor.as_ref(), token.as_deref())) {
                Some(why) => why,
                // The service ends, and its streams with it.
                None => std::future::pending().await,
            }
        };
        Body::new(Revocable { body, refused: Some(Box::pin(refused)), way })
    }
}

/// Looks at the file until nobody asks for the list any more.
async fn keep_up(path: PathBuf, mut text: String, list: watch::Sender<Arc<Revoked>>) {
    let mut missing = false;
    loop {
        tokio::select! {
            () = list.closed() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        match tokio::fs::read_to_string(&path).await {
            Ok(now) if now != text => {
                let (mut read, faults) = Revoked::parse(&now);
                for fault in &faults {
                    tracing::error!(path = %path.display(), "revocations: {fault}; nothing is taken back until it is mended");
                }
                if !faults.is_empty() {
                    read.join(&list.borrow());
                }
                tracing::info!(tokens = read.tokens.len(), actors = read.actors.len(), "revocations have changed");
                list.send_replace(Arc::new(read));
                (text, missing) = (now, false);
            }
            Ok(_) => missing = false,
            Err(error) => {
                if !missing {
                    tracing::error!(path = %path.display(), "revocations cannot be read, the last ones stay in force: {error}");
                }
                missing = true;
            }
        }
    }
}

impl Revoked {
    /// What a text says, and which of its lines make no sense.
    fn parse(text: &str) -> (Revoked, Vec<String>) {
        let (mut revoked, mut faults) = (Revoked::default(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(fault) = revoked.line(line) {
                faults.push(format!("line {number}: {fault}"));
            }
        }
        (revoked, faults)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.splitn(3, char::is_whitespace);
        let (kind, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let reason = words.next().unwrap_or_default().trim();
        match kind {
            "token" | "actor" if name.is_empty() || reason.is_empty() => {
                return Err(format!("expected `{kind} NAME REASON`, found {line:?}"));
            }
            "token" => _ = self.tokens.insert(name.to_owned(), reason.to_owned()),
            "actor" => {
                let actor = Identifier::parse(name).map_err(|error| format!("{name:?}: {error}"))?;
                self.actors.insert(actor, reason.to_owned());
            }
            other => return Err(format!("expected `token` or `actor`, found {other:?}")),
        }
        Ok(())
    }

    fn join(&mut self, other: &Revoked) {
        self.tokens.extend(other.tokens.clone());
        self.actors.extend(other.actors.clone());
    }

    /// The reason is for the log of the service, not for the caller.
    fn refuses(&self, actor: Option<&Identifier>, token: Option<&str>) -> Option<&'static str> {
        if let Some((id, reason)) = token.and_then(|id| self.tokens.get_key_value(id)) {
            tracing::warn!(id, reason, "a revoked token is refused");
            return Some("the token was revoked");
        }
        let (actor, reason) = self.actors.get_key_value(actor?)?;
        tracing::warn!(%actor, reason, "a revoked actor is refused");
        Some("the caller was revoked")
    }
}

/// Which way a body goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// From the caller: it breaks off.
    In,
    /// To the caller: it ends with the status that says why.
    Out,
}

type Refusal = Pin<Box<dyn Future<Output = &'static str> + Send>>;

/// A body, as long as its caller is let in.
struct Revocable {
    body: Body,
    /// Nothing: it was refused, and the body has ended.
    refused: Option<Refusal>,
    way: Way,
}

impl http_body::Body for Revocable {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(refused) = &mut this.refused else { return Poll::Ready(None) };
        if let Poll::Ready(why) = refused.as_mut().poll(context) {
            this.refused = None;
            // Whoever makes or takes what is in it learns that nobody listens.
            this.body = Body::empty();
            let status = failure::unauthenticated(why);
            return Poll::Ready(Some(match this.way {
                Way::In => Err(status),
                Way::Out => {
                    let mut trailers = HeaderMap::new();
                    status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))
                }
            }));
        }
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.refused.is_none() || self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Identifier {
        Identifier::parse(text).expect("a name")
    }

    #[test]
    fn lines_say_whom_and_why() {
        let text = "# lost on a train\n\ntoken 7f3a-1 left the house\n  actor ines  on leave, HR 12\n";
        let (revoked, faults) = Revoked::parse(text);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(revoked.refuses(Some(&name("omar")), Some("7f3a-1")), Some("the token was revoked"));
        assert_eq!(revoked.refuses(Some(&name("ines")), None), Some("the caller was revoked"));
        assert_eq!(revoked.refuses(Some(&name("omar")), Some("7f3a-2")), None);
        assert_eq!(revoked.refuses(None, None), None);
    }

    #[test]
    fn what_makes_no_sense_is_named_and_the_rest_counts() {
        let (revoked, faults) = Revoked::parse("token a\nactor in*es gone\nuser x y\ntoken b why not\n");
        assert_eq!(revoked.tokens.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].starts_with("line 1: expected `token NAME REASON`"), "{faults:?}");
    }
}
