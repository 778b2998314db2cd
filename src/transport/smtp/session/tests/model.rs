//! Sessions against a model of a server, in all manners and all cuts of the bytes.

use proptest::prelude::*;

use super::*;
use crate::transport::smtp::testing::{Dialogue, Plan, Reaction, Taken};

/// Sends the jobs to a server with this plan. `cuts`: how many bytes go at a time, in either direction.
fn converse(plan: &Plan, jobs: Vec<Job>, cuts: &[usize]) -> (Vec<(RecipientId, String)>, Vec<Taken>, Vec<String>) {
    let mut session = session(&plan.extensions, plan.lmtp);
    let (mut server, mut parser) = (Dialogue::new(plan.clone()), ReplyParser::default());
    let (mut jobs, mut ended, mut said) = (VecDeque::from(jobs), Vec::new(), Vec::new());
    let mut cuts = cuts.iter().copied().cycle();
    loop {
        pump_and_submit(&mut session, &mut jobs);
        ended.extend(session.take_ended());
        if session.is_idle() && jobs.is_empty() {
            return (outcomes(ended), server.taken, server.commands);
        }
        let count = session.output().len().min(cuts.next().unwrap());
        let heard = session.output()[..count].to_vec();
        session.wrote(count);
        said.extend(server.hear(&heard));
        assert!(count > 0 || !said.is_empty(), "both wait for each other: {:?}", server.commands);
        for _ in 0..cuts.next().unwrap().div_ceil(20) {
            let Some(end) = said.windows(2).position(|two| two == b"\r\n") else { break };
            let line: Vec<u8> = said.drain(..end + 2).collect();
            if let Some(reply) = parser.line(&line[..end]).unwrap() {
                session.reply(reply).unwrap();
            }
        }
    }
}

/// Addresses that speak for themselves, and contents that do.
const RULES: [(&str, Reaction); 7] = [
    ("MAIL FROM:<refused", Reaction::Say("550 5.7.1 not from you")),
    ("MAIL FROM:<later", Reaction::Say("451 4.7.1 later")),
    ("RCPT TO:<no", Reaction::Say("550 5.1.1 no such user")),
    ("RCPT TO:<grey", Reaction::Say("450 4.2.0 greylisted")),
    ("CONTENT spam", Reaction::Say("554 5.7.1 spam")),
    ("CONTENT busy", Reaction::Say("451 4.3.0 busy")),
    ("LMTP full", Reaction::Say("452 4.2.2 over quota")),
];

fn plan(extensions: &[&'static str]) -> Plan {
    RULES.iter().fold(Plan::offering(extensions), |plan, (on, reaction)| plan.on(on, *reaction))
}

fn any_job() -> impl Strategy<Value = (String, Vec<String>, String)> {
    let sender = prop_oneof![3 => Just("ann@x"), 1 => Just("refused@x"), 1 => Just("later@x"), 1 => Just("")];
    let recipient = prop_oneof![3 => Just("yes@x"), 1 => Just("no@x"), 1 => Just("grey@x"), 1 => Just("full@x")];
    let line = prop_oneof![4 => "[.a ]{0,6}", 1 => Just("spam".to_owned()), 1 => Just("busy".to_owned())];
    (sender, prop::collection::vec(recipient, 1..4), prop::collection::vec(line, 0..6)).prop_map(|(from, to, lines)| {
        let content = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
        (from.to_owned(), to.into_iter().map(str::to_owned).collect(), content)
    })
}

fn build(jobs: &[(String, Vec<String>, String)]) -> Vec<Job> {
    let one = |(number, (sender, recipients, content)): (i64, &(String, Vec<String>, String))| {
        let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();
        Job { sender: sender.clone(), ..job(number, &recipients, content.clone()) }
    };
    (1..).zip(jobs).map(one).collect()
}

proptest! {
    #[test]
    fn every_manner_comes_to_the_same_whatever_the_cuts(
        jobs in prop::collection::vec(any_job(), 1..12),
        cuts in prop::collection::vec(1_usize..200, 2..20),
        wants_content_anyway: bool,
    ) {
        let by_steps = converse(&plan(STEPS), build(&jobs), &[usize::MAX, 1000]);
        for extensions in [FLIGHTS, STREAM] {
            let plan = Plan { wants_content_anyway, ..plan(extensions) };
            let (outcomes, taken, commands) = converse(&plan, build(&jobs), &cuts);
            prop_assert_eq!(&outcomes, &by_steps.0);
            prop_assert_eq!(&taken, &by_steps.1, "{:?}", commands);
        }
        for (taken, (sender, _, content)) in by_steps.1.iter().zip(jobs.iter().filter(|job| {
            matches!(job.0.as_str(), "ann@x" | "") && !job.2.contains("spam") && !job.2.contains("busy")
                && job.1.iter().any(|to| to == "yes@x" || to == "full@x")
        })) {
            prop_assert_eq!(&taken.sender, sender);
            prop_assert_eq!(&taken.content, content.as_bytes());
        }
    }

    #[test]
    fn lmtp_comes_to_the_same_with_and_without_pipelining(
        jobs in prop::collection::vec(any_job(), 1..8),
        cuts in prop::collection::vec(1_usize..200, 2..20),
    ) {
        let lmtp = |extensions| Plan { lmtp: true, ..plan(extensions) };
        let by_steps = converse(&lmtp(STEPS), build(&jobs), &[usize::MAX, 1000]);
        let (outcomes, taken, _) = converse(&lmtp(STREAM), build(&jobs), &cuts);
        prop_assert_eq!(outcomes, by_steps.0);
        prop_assert_eq!(taken, by_steps.1);
    }

    #[test]
    fn nothing_a_server_says_makes_it_panic(
        codes in prop::collection::vec(prop_oneof![Just(250), Just(354), Just(550), Just(450), 200_u16..600], 0..40),
        extensions in prop_oneof![Just(STEPS), Just(FLIGHTS), Just(STREAM)],
        lmtp: bool,
    ) {
        let mut session = session(extensions, lmtp);
        let mut jobs: VecDeque<_> = (1..9).map(|number| job(number, &["a@x", "b@x"], "Hi\r\n")).collect();
        let mut reason = Failure::new(Class::Transient, Stage::Reply, AT, "over");
        for code in codes {
            pump_and_submit(&mut session, &mut jobs);
            session.wrote(session.output().len());
            if let Err(failure) = session.reply(Reply { code, enhanced: None, text: String::new() }) {
                reason = failure;
                break;
            }
        }
        let ended = session.end(&reason, true).len();
        prop_assert!(ended <= 8);
    }
}
