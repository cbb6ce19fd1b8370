//! A call on its way out: the headers that a browser sends with it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Instant;

use crate::browser::SessionCookies;
use crate::call::ClientCall;
use crate::route::SocketRoute;

/// A browser's, from which the server tells web clients from mobile ones.
pub(crate) const USER_AGENT: &str = concat!(
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ",
    "Chrome/141.0.0.0 Safari/537.36 loadrig-storm/",
    env!("CARGO_PKG_VERSION")
);

/// What a call belongs to, as the web client says for five seconds: a label of the server's
/// metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageContext {
    Load,
    Reconnect,
}

impl PageContext {
    fn as_str(self) -> &'static str {
        match self {
            Self::Load => "page_load",
            Self::Reconnect => "reconnect",
        }
    }
}

/// The methods that the web client uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A call on its way out.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) call: ClientCall,
    verb: Verb,
    /// With its query, from the root.
    path: Cow<'static, str>,
    pub(crate) body: Option<String>,
    /// When a timer was to start it; else it begins when it is made.
    pub(crate) intended: Option<Instant>,
    /// Whether anybody reads the answer.
    pub(crate) read: bool,
}

impl ApiRequest {
    fn new(
        call: ClientCall,
        verb: Verb,
        path: impl Into<Cow<'static, str>>,
        body: Option<String>,
    ) -> Self {
        Self {
            call,
            verb,
            path: path.into(),
            body,
            intended: None,
            read: false,
        }
    }

    pub(crate) fn get(call: ClientCall, path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(call, Verb::Get, path, None)
    }

    pub(crate) fn post(
        call: ClientCall,
        path: impl Into<Cow<'static, str>>,
        body: impl std::fmt::Display,
    ) -> Self {
        Self::new(call, Verb::Post, path, Some(body.to_string()))
    }

    pub(crate) fn put(
        call: ClientCall,
        path: impl Into<Cow<'static, str>>,
        body: Option<String>,
    ) -> Self {
        Self::new(call, Verb::Put, path, body)
    }

    /// That a timer was to start at this moment.
    pub(crate) fn at(mut self, intended: Instant) -> Self {
        self.intended = Some(intended);
        self
    }

    /// The same, if a timer starts it.
    pub(crate) fn at_if(mut self, intended: Option<Instant>) -> Self {
        self.intended = intended;
        self
    }

    /// Whose answer is read if somebody has use for it.
    pub(crate) fn read_if(mut self, read: bool) -> Self {
        self.read = read;
        self
    }

    /// Whose answer is read.
    pub(crate) fn read(mut self) -> Self {
        self.read = true;
        self
    }

    /// Says each header that is sent with it, but those that a protocol has for itself.
    fn headers(
        &self,
        session: Option<&SessionCookies>,
        context: Option<PageContext>,
        mut say: impl FnMut(&'static str, &str),
    ) {
        say("accept", "*/*");
        say("accept-encoding", "gzip");
        say("accept-language", "en");
        say("user-agent", USER_AGENT);
        say("x-requested-with", "XMLHttpRequest");
        if let Some(context) = context {
            say("x-page-load-context", context.as_str());
        }
        if let Some(session) = session {
            say("cookie", &session.line);
            if self.verb != Verb::Get {
                say("x-csrf-token", &session.csrf);
            }
        }
        if self.body.is_some() {
            say("content-type", "application/json");
        }
    }

    /// As HTTP/1.1 has it.
    pub(crate) fn http1(
        &self,
        route: &SocketRoute,
        session: Option<&SessionCookies>,
        context: Option<PageContext>,
    ) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        let mut text = String::with_capacity(600 + self.path.len() + body.len());
        text.push_str(self.verb.as_str());
        text.push(' ');
        text.push_str(&self.path);
        text.push_str(" HTTP/1.1\r\nhost: ");
        text.push_str(&route.authority);
        text.push_str("\r\n");
        self.headers(session, context, |name, value| {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        });
        if self.verb != Verb::Get {
            // Writing to a string does not fail.
            let _ = write!(text, "content-length: {}\r\n", body.len());
        }
        text.push_str("\r\n");
        text.push_str(body);
        text
    }

    /// As HTTP/2 has it, without the body.
    pub(crate) fn http2(
        &self,
        route: &SocketRoute,
        session: Option<&SessionCookies>,
        context: Option<PageContext>,
    ) -> Result<http::Request<()>, http::Error> {
        let mut request = http::Request::builder()
            .method(self.verb.as_str())
            .uri(format!("{}{}", route.origin, self.path));
        if let Some(headers) = request.headers_mut() {
            self.headers(session, context, |name, value| {
                if let Ok(value) = http::HeaderValue::from_str(value) {
                    headers.insert(name, value);
                }
            });
        }
        request.body(())
    }
}
