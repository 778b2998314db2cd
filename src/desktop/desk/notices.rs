//! What is worth a notification, and in which words. Pure: events go in, what to show or to take back comes out.
//!
//! One notification for a transport at a time, replaced by the next. What passes by itself (a server that can't be
//! reached, mail put off) is none: the schedule tries again, and the tray's tooltip tells. The same trouble is told once,
//! until a run goes well. Under No UI nothing is shown, nor for a run that was begun under it.

use std::collections::HashMap;

use super::super::sentence;
use super::super::state::{Notify, Privacy};
use super::super::text::{Text, count};
use crate::mapi::Class;
use crate::spooler::{Event, TransportResult};
use crate::transport::Question;

/// What a person can do from a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Button {
    /// Show the window with what needs a person.
    Open,
    /// Send and receive again.
    Retry,
}

/// A notification, or the end of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    Show(Shown),
    /// What was shown for this transport no longer holds.
    TakeBack(String),
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Which transport's: the next one replaces it.
    pub transport: String,
    pub summary: String,
    pub body: String,
    /// A person is needed.
    pub urgent: bool,
    pub buttons: Vec<(Button, String)>,
}

/// What was shown, as far as the next one depends on it.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// The question that each transport was shown to ask.
    questions: HashMap<String, u64>,
    /// The trouble that each transport was shown to be in.
    troubles: HashMap<String, String>,
}

impl Notices {
    /// What an event comes to.
    pub(super) fn of(&mut self, event: &Event, notify: Notify, no_ui: bool, text: &Text) -> Option<Notice> {
        match event {
            Event::Question { number, transport, question } if !no_ui && notify.needs_you => {
                self.questions.insert(transport.clone(), *number);
                Some(Notice::Show(asked(transport, question, notify.privacy, text)))
            }
            Event::QuestionGone(number) => {
                let transport = self.questions.iter().find(|(_, asked)| *asked == number)?.0.clone();
                self.questions.remove(&transport);
                Some(Notice::TakeBack(transport))
            }
            Event::FlushEnded { result, no_ui: begun_without } => {
                let quiet = no_ui || *begun_without;
                self.ended(result, notify, quiet, text)
            }
            _ => None,
        }
    }

    fn ended(&mut self, result: &TransportResult, notify: Notify, quiet: bool, text: &Text) -> Option<Notice> {
        let trouble = trouble(result, text);
        let is_new = match &trouble {
            Some(trouble) => self.troubles.get(&result.transport) != Some(trouble),
            None => {
                self.troubles.remove(&result.transport);
                false
            }
        };
        if quiet {
            return None;
        }
        let tells_trouble = notify.needs_you && is_new;
        if let Some(trouble) = trouble.as_ref().filter(|_| tells_trouble) {
            self.troubles.insert(result.transport.clone(), trouble.clone());
        }
        let moved = moved(result, notify, text);
        if !tells_trouble && moved.is_empty() {
            return None;
        }
        let trouble = trouble.filter(|_| tells_trouble);
        Some(Notice::Show(told(&result.transport, trouble, moved, notify.privacy, text)))
    }
}

/// What does not pass by waiting, in words.
fn trouble(result: &TransportResult, text: &Text) -> Option<String> {
    let failure = result.failure.as_ref().filter(|failure| {
        !matches!(failure.class, Class::Transient | Class::Offline | Class::Cancelled | Class::InDoubt)
    });
    let counted = |id: &str, number: u64| (number > 0).then(|| text.fmt(id, &[("n", count(number))]));
    let said = [
        failure.map(|failure| sentence::what_failed(failure, text)),
        counted("pr-refused", result.outgoing.failed),
        counted("pr-in-doubt", result.outgoing.in_doubt),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("\n"))
}

/// What came and went, in words.
fn moved(result: &TransportResult, notify: Notify, text: &Text) -> String {
    let counted = |on: bool, id: &str, number: u64| {
        if on && number > 0 { text.fmt(id, &[("n", count(number))]) } else { String::new() }
    };
    text.dotted([
        counted(notify.received, "notice-received", result.incoming.received),
        counted(notify.sent, "notice-sent", result.outgoing.sent),
    ])
}

fn asked(transport: &str, question: &Question, privacy: Privacy, text: &Text) -> Shown {
    let trouble = match question {
        Question::Password { user, host, .. } => {
            let whose = [("user", user.as_str().into()), ("host", host.as_str().into())];
            format!("{}\n{}", text.get("st-needs-password"), text.fmt("dlg-password-for", &whose))
        }
        Question::Consent(of) => {
            let whose = [("user", of.user.as_str().into()), ("host", of.provider.as_str().into())];
            format!("{}\n{}", text.get("st-needs-consent"), text.fmt("dlg-password-for", &whose))
        }
        Question::Certificate(of) => text.fmt("notice-certificate", &[("host", of.host.as_str().into())]),
    };
    let mut shown = told(transport, Some(trouble), String::new(), privacy, text);
    // It waits for an answer, not for another try.
    shown.buttons.retain(|(button, _)| *button == Button::Open);
    shown
}

/// Puts together what a person is told, as far as whoever looks over their shoulder may know it.
fn told(transport: &str, trouble: Option<String>, moved: String, privacy: Privacy, text: &Text) -> Shown {
    let urgent = trouble.is_some();
    let (summary, body) = match privacy {
        Privacy::All => (transport.to_owned(), joined([trouble.unwrap_or_default(), moved])),
        Privacy::Numbers => {
            let needs = if urgent { text.get("notice-needs-you") } else { String::new() };
            ("Mailsluice".to_owned(), joined([needs, moved]))
        }
        Privacy::Nothing => {
            ("Mailsluice".to_owned(), text.get(if urgent { "notice-needs-you" } else { "notice-news" }))
        }
    };
    let mut buttons = vec![(Button::Open, text.get("notice-open"))];
    if urgent {
        buttons.push((Button::Retry, text.get("pr-try-again")));
    }
    Shown { transport: transport.to_owned(), summary, body, urgent, buttons }
}

fn joined(parts: [String; 2]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
