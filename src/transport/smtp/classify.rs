//! From a reply that says no to a [`Failure`]: what happens next, and who is set back by it. The one place where reply
//! codes become decisions; it looks at codes, never at text.

use crate::mapi::{Blame, Class, Failure, Outcome, Reply, Stage};

/// What the server was replying to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The connection itself.
    Greeting,
    /// EHLO, HELO, LHLO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH and what follows it.
    Login,
    /// RSET.
    Reset,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before the content.
    Data,
    /// The content: after the final dot or BDAT LAST.
    Content,
    /// QUIT.
    Quit,
}

impl Asked {
    /// How far that is.
    pub(super) const fn stage(self) -> Stage {
        match self {
            Self::Greeting | Self::Hello => Stage::Greeting,
            Self::StartTls => Stage::Tls,
            Self::Login => Stage::Login,
            Self::Reset | Self::Mail | Self::Rcpt => Stage::Envelope,
            Self::Data => Stage::Content,
            Self::Content => Stage::Reply,
            Self::Quit => Stage::Quit,
        }
    }
}

/// Whether the reply says yes (2yz).
pub(super) const fn positive(reply: &Reply) -> bool {
    reply.code / 100 == 2
}

/// What a reply other than the hoped-for one means.
pub(super) fn refusal(reply: Reply, asked: Asked, at: &str) -> Failure {
    use Asked::{Content, Data, Greeting, Hello, Login, Mail, Rcpt, Reset, StartTls};
    let (class, blame) = match (asked, reply.code) {
        // 421: service not available, whatever was asked (RFC 5321 section 3.8).
        (_, 421) | (Greeting | Hello | Reset, 400..) | (StartTls | Login, 400..=499) => (Class::Transient, Blame::Site),
        (StartTls, 500..) => (Class::Trust, Blame::Site),
        // Authentication required, too weak, wrong, only with encryption (RFC 4954 section 6).
        (Login, 500..) | (_, 530 | 534 | 535 | 538) => (Class::Login, Blame::Site),
        // Bad sequence of commands: we are out of step with each other.
        (Mail | Rcpt | Data | Content, 503) => (Class::Protocol, Blame::Session),
        // Too many recipients, by its old number (RFC 5321 section 4.5.3.1.10).
        (Rcpt, 552 | 400..=499) => (Class::Transient, Blame::Recipient),
        (Rcpt, 500..) => (Class::Permanent, Blame::Recipient),
        (_, 400..=499) => (Class::Transient, if about_the_site(&reply) { Blame::Site } else { Blame::Message }),
        (_, 500..) => (Class::Permanent, Blame::Message),
        (_, _) => (Class::Protocol, Blame::Session),
    };
    let what = if reply.code < 400 { "an answer to nothing that was asked" } else { "" };
    Failure::new(class, asked.stage(), at, what).blaming(blame).with_reply(reply)
}

/// The failure ends the session: what it says is not about the message.
pub(super) const fn ends_session(failure: &Failure) -> bool {
    !matches!(failure.class, Class::Transient | Class::Permanent)
}

/// What a refusal means for a recipient.
pub(super) fn outcome(failure: Failure) -> Outcome {
    if failure.class == Class::Permanent { Outcome::Failed(failure) } else { Outcome::Deferred(failure) }
}

/// The server, not the message, is in trouble: x.3.z is the mail system's status, x.4.z the network's (RFC 3463).
fn about_the_site(reply: &Reply) -> bool {
    matches!(reply.enhanced, Some((_, 3 | 4, _)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_own_reading_of_a_code() {
        use Asked::*;
        for (asked, code, enhanced, class, blame) in [
            (Greeting, 554, None, Class::Transient, Blame::Site),
            (Greeting, 421, None, Class::Transient, Blame::Site),
            (Hello, 550, None, Class::Transient, Blame::Site),
            (StartTls, 454, None, Class::Transient, Blame::Site),
            (StartTls, 502, None, Class::Trust, Blame::Site),
            (Login, 535, Some((5, 7, 8)), Class::Login, Blame::Site),
            (Login, 501, None, Class::Login, Blame::Site),
            (Login, 454, None, Class::Transient, Blame::Site),
            (Reset, 500, None, Class::Transient, Blame::Site),
            (Mail, 530, None, Class::Login, Blame::Site),
            (Mail, 538, None, Class::Login, Blame::Site),
            (Mail, 503, None, Class::Protocol, Blame::Session),
            (Mail, 451, None, Class::Transient, Blame::Message),
            (Mail, 452, Some((4, 3, 1)), Class::Transient, Blame::Site),
            (Mail, 550, None, Class::Permanent, Blame::Message),
            (Mail, 552, None, Class::Permanent, Blame::Message),
            (Rcpt, 450, Some((4, 2, 0)), Class::Transient, Blame::Recipient),
            (Rcpt, 550, Some((5, 1, 1)), Class::Permanent, Blame::Recipient),
            (Rcpt, 552, None, Class::Transient, Blame::Recipient),
            (Rcpt, 530, None, Class::Login, Blame::Site),
            (Data, 451, None, Class::Transient, Blame::Message),
            (Data, 554, None, Class::Permanent, Blame::Message),
            (Data, 250, None, Class::Protocol, Blame::Session),
            (Content, 451, None, Class::Transient, Blame::Message),
            (Content, 452, Some((4, 3, 1)), Class::Transient, Blame::Site),
            (Content, 554, Some((5, 6, 0)), Class::Permanent, Blame::Message),
            (Content, 552, None, Class::Permanent, Blame::Message),
            (Content, 354, None, Class::Protocol, Blame::Session),
        ] {
            let reply = Reply { code, enhanced, text: String::new() };
            let failure = refusal(reply.clone(), asked, "x:25");
            assert_eq!((failure.class, failure.blame), (class, blame), "{asked:?} {code}");
            assert_eq!((failure.stage, failure.reply), (asked.stage(), Some(reply)));
        }
    }

    #[test]
    fn only_a_permanent_refusal_is_final() {
        let failure = |class| Failure::new(class, Stage::Envelope, "x:25", "");
        assert!(matches!(outcome(failure(Class::Permanent)), Outcome::Failed(_)));
        assert!(matches!(outcome(failure(Class::Transient)), Outcome::Deferred(_)));
        assert!(ends_session(&failure(Class::Login)) && ends_session(&failure(Class::Protocol)));
        assert!(!ends_session(&failure(Class::Transient)) && !ends_session(&failure(Class::Permanent)));
    }
}
