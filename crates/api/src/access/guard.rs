//! The guard before every service: makes sure who calls, asks the table, writes down what must be, and only then lets the
//! call in – in the caller's true name, whatever name the call gave itself.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use engine::Clock;
use http_body_util::{BodyExt as _, Full, Limited};
use model::identifier::Identifier;
use model::permission::{AccessRole, Grant};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response};
use tonic::codegen::{Bytes, Service};
use tonic::server::NamedService;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use super::questions::Question;
use super::revoked::Way;
use super::rights::{Kind, Right, right};
use super::sight::Sight;
use crate::backend::Backend;
use crate::caller::ACTOR;
use crate::failure;
use crate::past::{self, EFFECTIVE_AT, KNOWN_AT};

/// A call that is let in.
struct Admitted {
    /// To be written down first.
    question: Option<Question>,
    actor: Option<Identifier>,
    /// The id of the token it came with.
    token: Option<String>,
}

/// A service behind the guard.
#[derive(Clone)]
pub struct Guard<S> {
    service: S,
    backend: Backend,
}

impl<S> Guard<S> {
    pub(crate) fn new(service: S, backend: Backend) -> Guard<S> {
        Guard { service, backend }
    }
}

impl<S: NamedService> NamedService for Guard<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Admitted { question, actor, token } = match self.backend.admit(&mut request) {
            Ok(admitted) => admitted,
            Err(status) => return Box::pin(ready(Ok(status.into_http()))),
        };
        if self.backend.door().revocations().is_none() && question.is_none() {
            return Box::pin(self.service.call(request));
        }
        // The one that was asked whether it is ready answers; its twin is asked the next time.
        let twin = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, twin);
        let backend = self.backend.clone();
        Box::pin(async move {
            if let Some(question) = question {
                request = match backend.write_down(question, request).await {
                    Ok(request) => request,
                    Err(status) => return Ok(status.into_http()),
                };
            }
            let Some(revocations) = backend.door().revocations() else { return service.call(request).await };
            // A stream may last longer than the trust in its caller.
            let until = |body, way| revocations.end_of(body, actor.clone(), token.clone(), way);
            let response = service.call(request.map(|body| until(body, Way::In))).await;
            response.map(|response| response.map(|body| until(body, Way::Out)))
        })
    }
}

impl Backend {
    /// Lets a call in, or says why not.
    fn admit(&self, request: &mut Request<Body>) -> Result<Admitted, Status> {
        let path = request.uri().path();
        let right = right(path).ok_or_else(|| Status::unimplemented("there is no such call"))?;
        // Never answered as if it had not been said.
        if let Some(key) = [KNOWN_AT, EFFECTIVE_AT].into_iter().find(|key| request.headers().contains_key(*key))
            && !right.has_a_past()
        {
            let why = format!("{} is not a question about an earlier record or a date", right.method);
            return Err(failure::malformed(key, why));
        }
        let connection = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
        let certificates = connection.and_then(TlsConnectInfo::peer_certs);
        let plain = || request.extensions().get::<TcpConnectInfo>();
        let peer = connection.map(TlsConnectInfo::get_ref).or_else(plain).and_then(|info| info.remote_addr());
        let identity = self.door().identify(certificates.as_deref().map(Vec::as_slice), request.headers());
        let identity = identity.map_err(failure::unauthenticated)?;
        let (actor, vouched, token) =
            identity.map_or((None, None, None), |known| (Some(known.actor), known.roles, known.token));

        let grants = self.grants()?;
        let today = Clock::system().now().date_utc();
        let mut grant = None;
        if !grants.is_empty() {
            let actor = actor.as_ref().ok_or_else(|| failure::unauthenticated("who calls? The call names nobody"))?;
            grant = grants.of(actor.as_str(), today).cloned();
            if grant.is_none() && right.kind == Kind::Question {
                return Err(failure::not_permitted(&format!("{actor} has no grant")));
            }
        }
        may(right, grant.as_ref(), vouched.as_deref())?;

        if let Some(actor) = &actor {
            let value = HeaderValue::from_str(actor.as_str());
            request.headers_mut().insert(ACTOR, value.map_err(|error| failure::internal(error.to_string()))?);
        }
        let watched = |grant: &Grant| grant.has(AccessRole::Auditor) || grant.has(AccessRole::Administrator);
        let question = match (&grant, &actor) {
            (Some(grant), Some(actor)) if right.kind == Kind::Question && watched(grant) => Some(Question {
                actor: actor.clone(),
                method: request.uri().path().to_owned(),
                peer: peer.map(|peer| peer.to_string()).unwrap_or_default(),
                request: Bytes::new(),
                said: past::said(request.headers()),
            }),
            _ => None,
        };
        request.extensions_mut().insert(Sight::new(grant, vouched));
        Ok(Admitted { question, actor, token })
    }

    /// Writes a question down before it is answered; without that there is no answer.
    async fn write_down(&self, mut question: Question, request: Request<Body>) -> Result<Request<Body>, Status> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, self.limits.message_bytes).collect().await;
        let body = body.map_err(|_| failure::malformed("", "the request is cut short or too long"))?.to_bytes();
        question.request = body.clone();
        self.questions()?.write(question).await?;
        Ok(Request::from_parts(parts, Body::new(Full::new(body))))
    }
}

/// Commands are refused in the log, by `decide`; here only what the caller's certificate does not vouch for.
fn may(right: &Right, grant: Option<&Grant>, vouched: Option<&[AccessRole]>) -> Result<(), Status> {
    let granted = |role: AccessRole| match (right.kind, grant) {
        (Kind::Question, Some(grant)) => grant.has(role),
        // Without any grant everybody may do everything; a command of somebody unknown is refused where it is recorded.
        _ => true,
    };
    let vouches = |role: AccessRole| vouched.is_none_or(|roles| roles.contains(&role));
    if right.roles.iter().any(|role| granted(*role) && vouches(*role)) {
        return Ok(());
    }
    let names: Vec<_> = right.roles.iter().map(|role| role.name()).collect();
    Err(failure::not_permitted(&format!("{} is for {}", right.method, names.join(", "))))
}
