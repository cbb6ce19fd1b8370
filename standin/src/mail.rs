//! Messages to people, handed to a mail server by SMTP as Mattermost hands them over
//! (`platform/shared/mail` of the server): enough for the message with which an administrator tries the
//! settings. It may not know HTTP.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::EmailSettings;
use crate::id::{new_id, now_ms};
use crate::tls::{self, TlsError};

/// How long the whole conversation may take: the server's own default.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why a message was not taken, in the server's words.
#[derive(Debug, thiserror::Error)]
#[error("{failed}")]
pub(crate) struct MailError {
    /// What did not work.
    failed: &'static str,
    #[source]
    cause: MailFault,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailFault {
    #[error(transparent)]
    Connection(#[from] std::io::Error),
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    #[error("context deadline exceeded")]
    Slow,
    /// The mail server's own words.
    #[error("{0}")]
    Refused(String),
    #[error("unencrypted connection")]
    Unencrypted,
    #[error("unknown fromServer")]
    UnknownPrompt,
}

impl MailFault {
    fn to(self, failed: &'static str) -> MailError {
        MailError {
            failed,
            cause: self,
        }
    }
}

const CONNECT: &str = "unable to connect to the SMTP server";
const CONNECT_TLS: &str = "unable to connect to the SMTP server through TLS";
const HELLO: &str = "unable to send hello message";
const LOGIN: &str = "authentication failed";
const FROM: &str = "failed to set the from address";

/// Sends a message to one person.
///
/// # Errors
/// When the mail server does not take it.
pub(crate) async fn send(
    settings: &EmailSettings,
    to: &str,
    subject: &str,
    text: &str,
) -> Result<(), MailError> {
    let sent = tokio::time::timeout(DEADLINE, converse(settings, to, subject, text)).await;
    sent.map_err(|_| MailFault::Slow.to(CONNECT))?
}

async fn converse(
    settings: &EmailSettings,
    to: &str,
    subject: &str,
    text: &str,
) -> Result<(), MailError> {
    let mut smtp = Smtp::connect(settings).await?;
    let auth = settings.enable_smtp_auth;
    if settings.connection_security == "STARTTLS" {
        // The server has an error of this step only show in the next one, and goes on without TLS where
        // the mail server refuses it.
        let next = if auth { LOGIN } else { FROM };
        smtp = smtp
            .start_tls(settings)
            .await
            .map_err(|fault| fault.to(next))?;
    }
    if auth {
        let logged_in = smtp.log_in(&settings.smtp_username, &settings.smtp_password);
        logged_in.await.map_err(|fault| fault.to(LOGIN))?;
    }
    let from = &settings.feedback_email;
    let named = |address: &str| match settings.feedback_name.as_str() {
        "" => format!("<{address}>"),
        name => format!("\"{name}\" <{address}>"),
    };
    let message = format!(
        "From: {}\r\nTo: {to}\r\nReply-To: {}\r\nMessage-ID: <{id}-{time}@mattermost>\r\nAuto-Submitted: auto-generated\r\n\
         Subject: {subject}\r\n\r\n{text}\r\n.",
        named(from),
        named(&settings.reply_to_address),
        id = new_id(),
        time = now_ms() / 1000,
    );
    for (failed, line, wanted) in [
        (FROM, format!("MAIL FROM:<{from}>"), "250"),
        (
            "failed to set the to address",
            format!("RCPT TO:<{to}>"),
            "25",
        ),
        ("failed to add email message data", "DATA".to_owned(), "354"),
        (
            "failed to close connection to the SMTP server",
            message,
            "250",
        ),
    ] {
        let asked = smtp.ask(&line, wanted).await;
        asked.map_err(|fault| fault.to(failed))?;
    }
    // The message is taken, whatever is said to this.
    let _ = smtp.ask("QUIT", "221").await;
    Ok(())
}

/// What bytes go over: a connection with or without TLS.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A conversation with a mail server.
struct Smtp {
    stream: BufStream<Box<dyn Wire>>,
    is_encrypted: bool,
    /// Ways to log in that the mail server offers.
    logins: Vec<String>,
}

impl Smtp {
    /// A connection on which both have said who they are.
    async fn connect(settings: &EmailSettings) -> Result<Self, MailError> {
        let place = format!("{}:{}", settings.smtp_server, settings.smtp_port);
        let is_encrypted = settings.connection_security == "TLS";
        let failed = if is_encrypted { CONNECT_TLS } else { CONNECT };
        let stream = TcpStream::connect(&place).await;
        let stream = stream.map_err(|error| MailFault::from(error).to(failed))?;
        let mut stream: Box<dyn Wire> = Box::new(stream);
        if is_encrypted {
            let encrypted = encrypt(stream, settings).await;
            stream = encrypted.map_err(|fault| fault.to(failed))?;
        }
        let mut smtp = Self {
            stream: BufStream::new(stream),
            is_encrypted,
            logins: Vec::new(),
        };
        let greeted = smtp.reply("220").await;
        greeted.map_err(|fault| fault.to(CONNECT))?;
        smtp.hello().await.map_err(|fault| fault.to(HELLO))?;
        Ok(smtp)
    }

    async fn hello(&mut self) -> Result<(), MailFault> {
        let offers = self.ask("EHLO mattermost", "250").await?;
        let logins = offers.iter().find_map(|line| line.strip_prefix("AUTH "));
        let logins = logins.unwrap_or("").split_whitespace();
        self.logins = logins.map(str::to_owned).collect();
        Ok(())
    }

    /// The same with TLS, or without where the mail server refuses it.
    async fn start_tls(mut self, settings: &EmailSettings) -> Result<Self, MailFault> {
        match self.ask("STARTTLS", "220").await {
            Err(MailFault::Refused(_)) => return Ok(self),
            other => drop(other?),
        }
        let stream = encrypt(self.stream.into_inner(), settings).await?;
        let mut encrypted = Self {
            stream: BufStream::new(stream),
            is_encrypted: true,
            logins: self.logins,
        };
        encrypted.hello().await?;
        Ok(encrypted)
    }

    /// Logs in; never where others could read the password.
    async fn log_in(&mut self, name: &str, password: &str) -> Result<(), MailFault> {
        if !self.is_encrypted {
            return Err(MailFault::Unencrypted);
        }
        if self.logins.iter().any(|way| way == "PLAIN") {
            let account = STANDARD.encode(format!("\0{name}\0{password}"));
            self.ask(&format!("AUTH PLAIN {account}"), "235").await?;
            return Ok(());
        }
        let mut prompt = self.ask("AUTH LOGIN", "334").await?;
        for (wanted, told, code) in [("Username:", name, "334"), ("Password:", password, "235")] {
            if prompt != [STANDARD.encode(wanted)] {
                return Err(MailFault::UnknownPrompt);
            }
            prompt = self.ask(&STANDARD.encode(told), code).await?;
        }
        Ok(())
    }

    /// Says a line, and reads what is answered.
    async fn ask(&mut self, line: &str, wanted: &str) -> Result<Vec<String>, MailFault> {
        self.stream.write_all(line.as_bytes()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.stream.flush().await?;
        self.reply(wanted).await
    }

    /// The lines of a reply without their code, which all but the last have a `-` after.
    async fn reply(&mut self, wanted: &str) -> Result<Vec<String>, MailFault> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let line = line.trim_end();
            lines.push(line.get(4..).unwrap_or("").to_owned());
            if line.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            return match line.starts_with(wanted) {
                true => Ok(lines),
                false => Err(MailFault::Refused(line.to_owned())),
            };
        }
    }
}

async fn encrypt(
    stream: Box<dyn Wire>,
    settings: &EmailSettings,
) -> Result<Box<dyn Wire>, MailFault> {
    let config = match settings.skip_server_certificate_verification {
        true => tls::encrypting_only()?,
        false => tls::verifying(None)?,
    };
    let name = ServerName::try_from(settings.smtp_server.clone())
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?;
    let connector = TlsConnector::from(Arc::new(config));
    Ok(Box::new(connector.connect(name, stream).await?))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::error::chain;

    /// How a mail server of these tests is.
    #[derive(Clone, Copy, Default)]
    struct Kind {
        /// Whether it speaks TLS when it is asked to, or at once.
        offers_tls: bool,
        at_once: bool,
        /// What it offers of ways to log in.
        logins: &'static str,
        /// Whom it knows nobody of.
        refuses: &'static str,
    }

    fn acceptor() -> TlsAcceptor {
        let made = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]);
        let CertifiedKey { cert, signing_key } = made.expect("certificate");
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::Pkcs8(key));
        TlsAcceptor::from(Arc::new(config.expect("config")))
    }

    /// Takes one message, or refuses something; returns what it was told, with `(TLS)` where that began.
    async fn mail_server(listener: TcpListener, kind: Kind) -> Vec<String> {
        let (stream, _) = listener.accept().await.expect("accept");
        let mut told = Vec::new();
        let mut stream: Box<dyn Wire> = Box::new(stream);
        if kind.at_once {
            told.push("(TLS)".to_owned());
            stream = Box::new(acceptor().accept(stream).await.expect("TLS"));
        }
        let mut stream = BufStream::new(stream);
        let mut answer = "220-ready\r\n220 go on".to_owned();
        let mut in_message = false;
        loop {
            let text = format!("{answer}\r\n");
            if stream.write_all(text.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                return told;
            }
            if answer == "220 begin" {
                told.push("(TLS)".to_owned());
                match acceptor().accept(stream.into_inner()).await {
                    Ok(encrypted) => stream = BufStream::new(Box::new(encrypted)),
                    Err(_) => return told,
                }
            }
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return told;
                }
                told.push(line.trim_end().to_owned());
                in_message &= line != ".\r\n";
                if !in_message {
                    break;
                }
            }
            let last = told.last().expect("a line").as_str();
            answer = match last.split([' ', ':']).next() {
                Some(word) if word == kind.refuses => "550 5.1.1 not here".to_owned(),
                Some("EHLO") if !kind.logins.is_empty() => {
                    format!("250-hello\r\n250 AUTH {}", kind.logins)
                }
                Some("STARTTLS") if kind.offers_tls => "220 begin".to_owned(),
                Some("STARTTLS") => "502 no".to_owned(),
                Some("DATA") => "354 go on".to_owned(),
                Some("AUTH") if last == "AUTH LOGIN" => "334 VXNlcm5hbWU6".to_owned(),
                Some("Y2hhdA==") => "334 UGFzc3dvcmQ6".to_owned(),
                Some("AUTH" | "aHVudGVyMg==") => "235 welcome".to_owned(),
                Some("QUIT") => "221 bye".to_owned(),
                _ => "250 ok".to_owned(),
            };
            in_message = last == "DATA";
        }
    }

    /// Sends with an account and without questions about certificates, and with what differs from that.
    async fn try_sending(
        kind: Kind,
        differs: impl FnOnce(&mut EmailSettings),
    ) -> (Result<(), String>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("address").port();
        let mut settings = EmailSettings {
            smtp_server: "127.0.0.1".to_owned(),
            smtp_port: port.to_string(),
            connection_security: "STARTTLS".to_owned(),
            skip_server_certificate_verification: true,
            enable_smtp_auth: true,
            smtp_username: "chat".to_owned(),
            smtp_password: "hunter2".to_owned(),
            feedback_email: "chat@example.com".to_owned(),
            ..EmailSettings::default()
        };
        differs(&mut settings);
        let server = tokio::spawn(mail_server(listener, kind));
        let sent = send(&settings, "you@example.com", "Try", "It works.").await;
        let sent = sent.map_err(|error| chain(&error));
        (sent, server.await.expect("server"))
    }

    /// That these lines were told, in this order.
    #[track_caller]
    fn in_order(told: &[String], lines: &[&str]) {
        let mut rest = told.iter();
        for line in lines {
            assert!(rest.any(|one| one == line), "{line}: {told:?}");
        }
    }

    const STARTTLS: Kind = Kind {
        offers_tls: true,
        at_once: false,
        logins: "LOGIN PLAIN",
        refuses: "",
    };

    #[tokio::test]
    async fn a_message_is_handed_over_with_the_account_once_there_is_tls() {
        let (sent, told) = try_sending(STARTTLS, |_| ()).await;
        assert_eq!(sent, Ok(()));
        in_order(
            &told,
            &[
                "STARTTLS",
                "(TLS)",
                "AUTH PLAIN AGNoYXQAaHVudGVyMg==",
                "MAIL FROM:<chat@example.com>",
                "RCPT TO:<you@example.com>",
                "Subject: Try",
                "It works.",
                "QUIT",
            ],
        );
        let at_once = Kind {
            at_once: true,
            logins: "LOGIN",
            ..STARTTLS
        };
        let tls = |settings: &mut EmailSettings| settings.connection_security = "TLS".to_owned();
        let (sent, told) = try_sending(at_once, tls).await;
        assert_eq!(sent, Ok(()));
        in_order(&told, &["(TLS)", "AUTH LOGIN", "Y2hhdA==", "aHVudGVyMg=="]);
        assert!(!told.contains(&"STARTTLS".to_owned()), "{told:?}");
    }

    #[tokio::test]
    async fn a_certificate_of_a_stranger_is_refused() {
        let strict = |settings: &mut EmailSettings| {
            settings.skip_server_certificate_verification = false;
        };
        let (sent, told) = try_sending(STARTTLS, strict).await;
        let error = sent.expect_err("refused");
        assert!(
            error.starts_with("authentication failed: ") && error.contains("certificate"),
            "{error}"
        );
        assert!(
            !told.iter().any(|line| line.starts_with("AUTH")),
            "{told:?}"
        );
    }

    #[tokio::test]
    async fn refusals_are_told_in_the_servers_words() {
        for (refuses, expected) in [
            ("AUTH", "authentication failed: 550 5.1.1 not here"),
            ("MAIL", "failed to set the from address: 550 5.1.1 not here"),
            ("RCPT", "failed to set the to address: 550 5.1.1 not here"),
        ] {
            let (sent, _) = try_sending(
                Kind {
                    refuses,
                    ..STARTTLS
                },
                |_| (),
            )
            .await;
            assert_eq!(sent, Err(expected.to_owned()));
        }
    }

    #[tokio::test]
    async fn a_mail_server_without_tls_gets_messages_but_no_password() {
        let plain = Kind {
            offers_tls: false,
            ..STARTTLS
        };
        let (sent, told) = try_sending(plain, |_| ()).await;
        assert_eq!(
            sent,
            Err("authentication failed: unencrypted connection".to_owned())
        );
        assert!(
            !told.iter().any(|line| line.starts_with("AUTH")),
            "{told:?}"
        );
        // As Mattermost: where TLS is refused it goes on without.
        let nobody = |settings: &mut EmailSettings| settings.enable_smtp_auth = false;
        let (sent, told) = try_sending(plain, nobody).await;
        assert_eq!(sent, Ok(()));
        in_order(&told, &["STARTTLS", "Subject: Try"]);
    }
}
