//! Messages to people, handed to a mail server by SMTP without TLS: enough for the message with which an
//! administrator tries the settings. It may not know HTTP.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

use crate::config::EmailSettings;

/// How long the whole conversation may take: the server's own default.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error("the stand-in speaks SMTP without TLS alone, not `{0}`")]
    Security(String),
    #[error("cannot talk to the mail server `{place}`")]
    Connection {
        place: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the mail server did not finish within {} s", DEADLINE.as_secs())]
    Slow,
    #[error("the mail server answered `{reply}` to {to}")]
    Refused { to: &'static str, reply: String },
}

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
    if !settings.connection_security.is_empty() {
        return Err(MailError::Security(settings.connection_security.clone()));
    }
    let sent = tokio::time::timeout(DEADLINE, converse(settings, to, subject, text)).await;
    sent.map_err(|_| MailError::Slow)?
}

async fn converse(
    settings: &EmailSettings,
    to: &str,
    subject: &str,
    text: &str,
) -> Result<(), MailError> {
    let place = format!("{}:{}", settings.smtp_server, settings.smtp_port);
    let broken = |source| MailError::Connection {
        place: place.clone(),
        source,
    };
    let stream = TcpStream::connect(&place).await.map_err(broken)?;
    let mut stream = BufStream::new(stream);
    let from = &settings.feedback_email;
    let mut lines = vec![
        ("the connection", None, '2'),
        ("EHLO", Some("EHLO mattermost".to_owned()), '2'),
    ];
    if settings.enable_smtp_auth {
        let account = format!("\0{}\0{}", settings.smtp_username, settings.smtp_password);
        let line = format!("AUTH PLAIN {}", STANDARD.encode(account));
        lines.push(("AUTH", Some(line), '2'));
    }
    let message = format!(
        "From: <{from}>\r\nTo: <{to}>\r\nReply-To: <{}>\r\nSubject: {subject}\r\n\r\n{text}\r\n.",
        settings.reply_to_address
    );
    lines.extend([
        ("MAIL", Some(format!("MAIL FROM:<{from}>")), '2'),
        ("RCPT", Some(format!("RCPT TO:<{to}>")), '2'),
        ("DATA", Some("DATA".to_owned()), '3'),
        ("the message", Some(message), '2'),
        ("QUIT", Some("QUIT".to_owned()), '2'),
    ]);
    for (what, line, wanted) in lines {
        if let Some(line) = line {
            let line = format!("{line}\r\n");
            stream.write_all(line.as_bytes()).await.map_err(broken)?;
            stream.flush().await.map_err(broken)?;
        }
        let reply = reply(&mut stream).await.map_err(broken)?;
        if !reply.starts_with(wanted) {
            return Err(MailError::Refused { to: what, reply });
        }
    }
    Ok(())
}

/// The last line of a reply, which may have several: all but the last have a `-` after the code.
async fn reply(stream: &mut BufStream<TcpStream>) -> std::io::Result<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line.trim_end().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Takes one message, or refuses a person; returns what it was told.
    async fn mail_server(listener: TcpListener, takes: bool) -> Vec<String> {
        let (stream, _) = listener.accept().await.expect("accept");
        let mut stream = BufStream::new(stream);
        let mut told = Vec::new();
        let mut answer = "220-ready\r\n220 go on".to_owned();
        let mut in_message = false;
        loop {
            let text = format!("{answer}\r\n");
            stream.write_all(text.as_bytes()).await.expect("write");
            stream.flush().await.expect("flush");
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.expect("read") == 0 {
                    return told;
                }
                told.push(line.trim_end().to_owned());
                in_message &= line != ".\r\n";
                if !in_message {
                    break;
                }
            }
            let last = told.last().expect("a line");
            answer = match last.split([' ', ':']).next() {
                Some("DATA") => "354 go on".to_owned(),
                Some("RCPT") if !takes => "550 no such person".to_owned(),
                _ => "250 ok".to_owned(),
            };
            in_message = last == "DATA";
        }
    }

    async fn try_sending(takes: bool) -> (Result<(), MailError>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("address").port();
        let settings = EmailSettings {
            smtp_server: "127.0.0.1".to_owned(),
            smtp_port: port.to_string(),
            enable_smtp_auth: true,
            smtp_username: "chat".to_owned(),
            smtp_password: "hunter2".to_owned(),
            feedback_email: "chat@example.com".to_owned(),
            ..EmailSettings::default()
        };
        let server = tokio::spawn(mail_server(listener, takes));
        let sent = send(&settings, "you@example.com", "Try", "It works.").await;
        (sent, server.await.expect("server"))
    }

    #[tokio::test]
    async fn a_message_is_handed_over_with_the_account() {
        let (sent, told) = try_sending(true).await;
        sent.expect("sent");
        for line in [
            "AUTH PLAIN AGNoYXQAaHVudGVyMg==",
            "MAIL FROM:<chat@example.com>",
            "RCPT TO:<you@example.com>",
            "Subject: Try",
            "It works.",
            "QUIT",
        ] {
            assert!(told.iter().any(|one| one == line), "{line}: {told:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told() {
        let (sent, _) = try_sending(false).await;
        assert_eq!(
            sent.expect_err("refused").to_string(),
            "the mail server answered `550 no such person` to RCPT"
        );
        let settings = EmailSettings {
            connection_security: "TLS".to_owned(),
            ..EmailSettings::default()
        };
        let sent = send(&settings, "you@example.com", "", "").await;
        assert!(matches!(sent, Err(MailError::Security(_))), "{sent:?}");
    }
}
