//! One user's browser: its cookies, its connections, and how it makes a call.
//!
//! HTTP/1.1 has up to six connections, calls beyond that wait in order; HTTP/2 has one. An idle
//! connection that the server closed meanwhile is replaced without anybody noticing. Every call is
//! counted, also one whose user is gone before its end.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};

use crate::behavior::HttpVersion;
use crate::call::ClientCall;
use crate::http1::Http1;
use crate::http2::Http2;
use crate::known::KnownToUser;
use crate::recorder::{CallEnd, CallTimes, lock};
use crate::reply::{CallFailure, ReplyError, WireReply};
use crate::request::{ApiRequest, PageContext};
use crate::result::StormErrorClass;
use crate::route::{HttpPurpose, SocketRoute};
use crate::storm::SharedStorm;

/// Connections of a browser to one host by HTTP/1.1.
const CONNECTIONS: usize = 6;
/// For how long calls say that they belong to a page load or a reconnection.
const CONTEXT: Duration = Duration::from_secs(5);

/// The cookies of a session.
#[derive(Clone, Debug)]
pub(crate) struct SessionCookies {
    /// `Cookie` of requests.
    pub(crate) line: Box<str>,
    /// `X-CSRF-Token` of requests that change something.
    pub(crate) csrf: Box<str>,
}

/// How far a user came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserMark {
    LoggedIn,
    Shell,
    Usable,
    Live,
}

/// One user's browser.
pub(crate) struct Browser {
    pub(crate) storm: Arc<SharedStorm>,
    /// Number of the account, from zero.
    pub(crate) index: u32,
    /// What the user knows of the server.
    pub(crate) known: Mutex<KnownToUser>,
    session: Mutex<Option<Arc<SessionCookies>>>,
    signed_out: Notify,
    context: Mutex<Option<(PageContext, Instant)>>,
    marks: AtomicU8,
    acting: AtomicBool,
    slots: Semaphore,
    idle: Mutex<Vec<Http1>>,
    http2: AsyncMutex<Option<Http2>>,
}

impl Browser {
    pub(crate) fn new(storm: Arc<SharedStorm>, index: u32) -> Self {
        Self {
            storm,
            index,
            known: Mutex::default(),
            session: Mutex::default(),
            signed_out: Notify::new(),
            context: Mutex::default(),
            marks: AtomicU8::new(0),
            acting: AtomicBool::new(false),
            slots: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
            http2: AsyncMutex::default(),
        }
    }

    /// The way to the entrance of this user.
    pub(crate) fn route(&self) -> &SocketRoute {
        self.storm.route(self.index)
    }

    fn source(&self) -> Option<IpAddr> {
        let sources = &self.storm.source_addresses;
        let index = self.index as usize / self.storm.routes.len();
        (!sources.is_empty()).then(|| sources[index % sources.len()])
    }

    /// The cookies, while there is a session.
    pub(crate) fn session(&self) -> Option<Arc<SessionCookies>> {
        lock(&self.session).clone()
    }

    /// Keeps the cookies of a login; without a token and a user there is no session.
    pub(crate) fn sign_in(&self, cookies: &[String]) -> bool {
        let value = |name: &str| {
            cookies
                .iter()
                .filter_map(|pair| pair.split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        let (Some(_), Some(user)) = (value("MMAUTHTOKEN"), value("MMUSERID")) else {
            return false;
        };
        lock(&self.known).user_id = user.into();
        *lock(&self.session) = Some(Arc::new(SessionCookies {
            line: cookies.join("; ").into(),
            csrf: value("MMCSRF").unwrap_or_default().into(),
        }));
        true
    }

    /// The server says that there is no session: the page goes back to the login.
    fn sign_out(&self) {
        if lock(&self.session).take().is_some() {
            self.signed_out.notify_one();
        }
    }

    /// Waits until the server has ended the session.
    pub(crate) async fn signed_out(&self) {
        self.signed_out.notified().await;
    }

    /// Whether the user comes this far for the first time.
    pub(crate) fn is_first(&self, mark: UserMark) -> bool {
        let bit = 1 << mark as u8;
        self.marks.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Whether the user came this far.
    pub(crate) fn has(&self, mark: UserMark) -> bool {
        self.marks.load(Ordering::Relaxed) & (1 << mark as u8) != 0
    }

    /// The user does something now, or has done it.
    pub(crate) fn set_acting(&self, acting: bool) {
        self.acting.store(acting, Ordering::Relaxed);
    }

    /// Whether the user does something now.
    pub(crate) fn is_acting(&self) -> bool {
        self.acting.load(Ordering::Relaxed)
    }

    /// From now on calls belong to a page load, or to a reconnection.
    pub(crate) fn begin(&self, context: PageContext) {
        *lock(&self.context) = Some((context, Instant::now() + CONTEXT));
    }

    fn page_context(&self, now: Instant) -> Option<PageContext> {
        let context = *lock(&self.context);
        context.and_then(|(context, until)| (now < until).then_some(context))
    }

    /// Closes connections that nothing was asked on for a while, as browsers do.
    pub(crate) fn close_idle(&self, now: Instant) {
        let kept = self.storm.keep_alive;
        let mut idle = lock(&self.idle);
        idle.retain(|connection| now.saturating_duration_since(connection.used) < kept);
        if idle.is_empty() {
            idle.shrink_to_fit();
        }
    }

    /// Closes all connections that are not in use, as the end of a page's life does.
    pub(crate) async fn close_all(&self) {
        *lock(&self.idle) = Vec::new();
        *self.http2.lock().await = None;
    }

    /// Makes a call and counts it. An error is one from 400 on, or no answer.
    pub(crate) async fn call(&self, request: ApiRequest) -> Result<WireReply, CallFailure> {
        let mut count = self.begin_count(request.call, request.intended);
        let behavior = &self.storm.behavior;
        let patience = match request.call {
            ClientCall::Login => behavior.patience_ms,
            _ => behavior.call_patience_ms,
        };
        let exchange = self.exchange(&request, &mut count.written);
        let outcome = match patience.map(Duration::from_millis) {
            Some(patience) => tokio::time::timeout(patience, exchange)
                .await
                .unwrap_or_else(|_| Err(CallFailure::timeout())),
            None => exchange.await,
        };
        count.end(&outcome);
        if let Err(failure) = &outcome
            && failure.class == StormErrorClass::Unauthorized
            && request.call != ClientCall::Login
        {
            self.sign_out();
        }
        outcome
    }

    /// Begins to count a call, which a timer was to start at `intended`.
    pub(crate) fn begin_count(&self, call: ClientCall, intended: Option<Instant>) -> CallCount<'_> {
        let now = Instant::now();
        CallCount {
            browser: self,
            call,
            intended: intended.unwrap_or(now),
            begun: intended.map(|_| now),
            written: None,
            counted: false,
        }
    }

    /// Makes a call that its maker counts.
    pub(crate) async fn exchange_uncounted(&self, request: &ApiRequest) -> Result<(), CallFailure> {
        self.exchange(request, &mut None).await.map(|_| ())
    }

    /// Makes a call of which nothing is read.
    pub(crate) async fn ask(&self, request: ApiRequest) {
        // A call that fails is counted, and the web client does no more about it either.
        let _ = self.call(request).await;
    }

    async fn exchange(
        &self,
        request: &ApiRequest,
        written: &mut Option<Instant>,
    ) -> Result<WireReply, CallFailure> {
        let mut reply = match self.storm.behavior.http {
            HttpVersion::Http1 => self.by_http1(request, written).await?,
            HttpVersion::Http2 => self.by_http2(request, written).await?,
        };
        if request.read || reply.head.status >= 400 {
            reply.inflate()?;
        }
        if reply.head.status >= 400 {
            let failure = CallFailure::refused(&reply);
            if request.call.answer_of_none() != Some(failure.id.as_str()) {
                return Err(failure);
            }
        }
        Ok(reply)
    }

    async fn by_http1(
        &self,
        request: &ApiRequest,
        written: &mut Option<Instant>,
    ) -> Result<WireReply, CallFailure> {
        let slot = self.slots.acquire().await;
        let _slot = slot.map_err(|_| ReplyError::broken("the browser is closed"))?;
        let mut idle = self.idle_connection();
        loop {
            let reused = idle.is_some();
            let mut connection = match idle.take() {
                Some(connection) => connection,
                None => Http1::new(self.connect(HttpPurpose::Http1).await?),
            };
            let now = Instant::now();
            let text = request.http1(
                self.route(),
                self.session().as_deref(),
                self.page_context(now),
            );
            *written = Some(now);
            match connection.exchange(text.as_bytes(), request.read).await {
                Ok(reply) => {
                    if reply.head.reusable {
                        lock(&self.idle).push(connection);
                    }
                    return Ok(reply);
                }
                // The server closed it at the moment at which it was used again.
                Err(ReplyError::Unanswered(_)) if reused => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The connection that was used last, if it is still open.
    fn idle_connection(&self) -> Option<Http1> {
        let mut idle = lock(&self.idle);
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    async fn by_http2(
        &self,
        request: &ApiRequest,
        written: &mut Option<Instant>,
    ) -> Result<WireReply, CallFailure> {
        loop {
            let (connection, reused) = {
                let mut current = self.http2.lock().await;
                match current.as_ref() {
                    Some(connection) => (connection.clone(), true),
                    None => {
                        let stream = self.connect(HttpPurpose::Http2).await?;
                        let connection = Http2::new(stream).await?;
                        *current = Some(connection.clone());
                        (connection, false)
                    }
                }
            };
            let now = Instant::now();
            let head = request.http2(
                self.route(),
                self.session().as_deref(),
                self.page_context(now),
            );
            let head = head.map_err(|error| ReplyError::broken(error.to_string()))?;
            let body = request.body.clone().map(Bytes::from);
            *written = Some(now);
            match connection.exchange(head, body, request.read).await {
                Ok(reply) => return Ok(reply),
                Err(error) => {
                    *self.http2.lock().await = None;
                    if !(reused && matches!(error, ReplyError::Unanswered(_))) {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    /// A new connection to the entrance.
    pub(crate) async fn connect(
        &self,
        purpose: HttpPurpose,
    ) -> Result<crate::route::NetStream, ReplyError> {
        let turn = self.index as usize / self.storm.routes.len();
        let connected = self.route().connect(purpose, turn, self.source()).await;
        connected.map_err(|error| ReplyError::unconnected(&error))
    }
}

/// Counts a call when it ends, also if it ends because nobody waits for it any more.
pub(crate) struct CallCount<'a> {
    browser: &'a Browser,
    call: ClientCall,
    intended: Instant,
    begun: Option<Instant>,
    written: Option<Instant>,
    counted: bool,
}

impl CallCount<'_> {
    /// The first byte is about to be written.
    pub(crate) fn written(&mut self) {
        self.written = Some(Instant::now());
    }

    pub(crate) fn end<T>(&mut self, outcome: &Result<T, CallFailure>) {
        match outcome {
            Ok(_) => self.count(&CallEnd::Done),
            Err(failure) => self.count(&CallEnd::Failed(failure.class, &failure.text)),
        }
    }

    fn count(&mut self, end: &CallEnd<'_>) {
        self.counted = true;
        let times = CallTimes {
            intended: self.intended,
            begun: self.begun,
            written: self.written,
            ended: Instant::now(),
        };
        self.browser.storm.recorder.call(self.call, &times, end);
    }
}

impl Drop for CallCount<'_> {
    fn drop(&mut self) {
        if !self.counted && self.browser.storm.recorder.is_over() {
            self.count(&CallEnd::UnderWay);
        } else if !self.counted {
            let text = "unanswered when its user went";
            self.count(&CallEnd::Failed(StormErrorClass::Timeout, text));
        }
    }
}
