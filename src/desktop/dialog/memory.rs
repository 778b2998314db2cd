//! What a dialog remembers while it is open.

use super::super::row_view::Asked;
use crate::mapi::{Certificate, EnvelopeId};
use crate::spool::{QueueVerb, Selection};
use crate::transport::{Consent, Question};

/// A dialog that is open. There is one at most.
#[derive(Debug)]
pub enum Dialog {
    /// A password is asked for.
    Password(PasswordDialog),
    /// A certificate is asked about.
    Certificate(CertificateDialog),
    /// Somebody is to sign in with a provider.
    Consent(ConsentDialog),
    /// Message files are to be added.
    Add(PathDialog),
    /// A message is to be saved.
    Save(EnvelopeId, PathDialog),
    /// Something that can't be undone is about to be done.
    Confirm(Confirm),
    /// Another transport is to be chosen.
    Reroute(Selection, u64),
    /// The program is to end.
    Quit(QuitDialog),
    /// All shortcuts.
    Help,
    /// How the window looks and speaks.
    Settings,
}

impl Dialog {
    /// The dialog that puts this question.
    pub fn asking(transport: String, asked: Asked) -> Self {
        let question = asked.number;
        match asked.question {
            Question::Password { user, host, refused } => {
                Self::Password(PasswordDialog { question, transport, user, host, refused, ..PasswordDialog::default() })
            }
            Question::Certificate(certificate) => {
                Self::Certificate(CertificateDialog { question, transport, certificate, for_good: false })
            }
            Question::Consent(consent) => {
                Self::Consent(ConsentDialog { question, transport, consent, browses: false, was_shown: false })
            }
        }
    }

    /// The question it puts, if it is one: its number, and which transport asks.
    pub fn asked(&self) -> Option<(u64, &str)> {
        match self {
            Self::Password(dialog) => Some((dialog.question, &dialog.transport)),
            Self::Certificate(dialog) => Some((dialog.question, &dialog.transport)),
            Self::Consent(dialog) => Some((dialog.question, &dialog.transport)),
            _ => None,
        }
    }

    /// The number of that question.
    pub fn question(&self) -> Option<u64> {
        self.asked().map(|(question, _)| question)
    }
}

/// The certificate that is asked about.
#[derive(Debug)]
pub struct CertificateDialog {
    /// Number of the question.
    pub question: u64,
    /// Which transport waits.
    pub transport: String,
    /// What the server presented.
    pub certificate: Box<Certificate>,
    /// Its fingerprint is to go into the profile.
    pub for_good: bool,
}

/// The sign-in that is asked for. It ends by itself when the browser is through.
#[derive(Debug)]
pub struct ConsentDialog {
    /// Number of the question.
    pub question: u64,
    /// Which transport waits.
    pub transport: String,
    /// Where, who and why.
    pub consent: Box<Consent>,
    /// The browser was opened.
    pub browses: bool,
    /// It was drawn once, so its button had the focus.
    pub was_shown: bool,
}

/// The password that is asked for.
#[derive(Default)]
pub struct PasswordDialog {
    /// Number of the question.
    pub question: u64,
    /// Which transport waits.
    pub transport: String,
    /// Who signs in.
    pub user: String,
    /// Where.
    pub host: String,
    /// Why the last one was refused.
    pub refused: Option<String>,
    /// What is typed. Never in a log: [`std::fmt::Debug`] leaves it out.
    pub secret: String,
    /// It is shown in clear.
    pub show: bool,
    /// It was drawn once, so the field had its focus.
    pub was_shown: bool,
}

impl std::fmt::Debug for PasswordDialog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordDialog").field("question", &self.question).finish_non_exhaustive()
    }
}

/// A path that is typed or chosen.
#[derive(Debug, Default)]
pub struct PathDialog {
    /// What is typed.
    pub path: String,
    /// The system's file chooser is open.
    pub choosing: bool,
    /// The system has no file chooser, or it answered nothing at once.
    pub no_chooser: bool,
    /// It was drawn once.
    pub was_shown: bool,
}

/// The program is to end, and there is something to ask first.
#[derive(Debug, Default)]
pub struct QuitDialog {
    /// The window was closed where no tray shows the program.
    pub by_closing: bool,
    /// What is still there could not be sent just now.
    pub tried: bool,
    /// It was drawn once, so its first button had the focus.
    pub was_shown: bool,
}

/// What is to be confirmed.
#[derive(Debug)]
pub struct Confirm {
    /// What.
    pub verb: QueueVerb,
    /// To which.
    pub selection: Selection,
    /// How many they are.
    pub count: u64,
}
