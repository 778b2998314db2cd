//! A certificate's fingerprint into `profile.toml`, for a server a person trusts for good.
//!
//! The file is the user's: only the key `fingerprint` of that server changes, and everything else stays as it stands.

use toml_edit::{DocumentMut, Item, TableLike, value};

use super::model::ServerConfig;
use super::places::Places;
use super::save::{SaveError, rewrite};
use crate::mapi::{Certificate, Direction};

/// Writes the fingerprint of `certificate` to the servers of this transport that it came from, by host and port, in place of
/// the one that stands there. It holds from the next start on.
///
/// # Errors
/// The file is as it was.
pub fn pin(places: &Places, transport: &str, certificate: &Certificate) -> Result<(), SaveError> {
    rewrite(places, |old, file| {
        let (text, profile) = old.unwrap_or_default();
        let gone = || SaveError::NotThere { path: file.to_owned(), transport: transport.to_owned() };
        let meant = profile.transports.iter().find(|one| one.name == transport).ok_or_else(gone)?;
        let is_it = |server: &ServerConfig| server.host == certificate.host && server.port == certificate.port;
        let mut met = [(Direction::Outgoing, "outgoing"), (Direction::Incoming, "incoming")]
            .into_iter()
            .filter(|(direction, _)| meant.server(*direction).is_some_and(is_it))
            .peekable();
        met.peek().ok_or_else(gone)?;
        // It was loaded, so it is TOML.
        let mut text: DocumentMut = text.parse().map_err(|_not_toml| gone())?;
        let table = table(&mut text, transport).ok_or_else(gone)?;
        for (_, key) in met {
            let server = table.get_mut(key).and_then(Item::as_table_like_mut).ok_or_else(gone)?;
            server.insert("fingerprint", value(certificate.fingerprint.as_str()));
        }
        Ok(text.to_string())
    })
    .map(drop)
}

fn table<'a>(text: &'a mut DocumentMut, transport: &str) -> Option<&'a mut dyn TableLike> {
    let named = |table: &dyn TableLike| table.get("name").and_then(Item::as_str) == Some(transport);
    match text.get_mut("transport")? {
        Item::ArrayOfTables(tables) => {
            tables.iter_mut().map(|table| table as &mut dyn TableLike).find(|table| named(*table))
        }
        Item::Value(tables) => tables
            .as_array_mut()?
            .iter_mut()
            .filter_map(|table| table.as_inline_table_mut())
            .map(|table| table as &mut dyn TableLike)
            .find(|table| named(*table)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: &str = "\
        AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA";

    fn certificate(port: u16) -> Certificate {
        Certificate {
            host: "mail.example.org".to_owned(),
            port,
            names: Vec::new(),
            issuer: String::new(),
            from: None,
            until: None,
            fingerprint: PRINT.to_owned(),
            expected: None,
        }
    }

    /// What becomes of this profile.
    fn pinned(profile: &str, port: u16) -> Result<String, SaveError> {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(Some(folder.path()));
        std::fs::write(places.profile_file(), profile).unwrap();
        let done = pin(&places, "work", &certificate(port));
        let text = std::fs::read_to_string(places.profile_file()).unwrap();
        assert!(done.is_ok() || text == profile, "it failed, and changed the file");
        done.map(|()| text)
    }

    const PROFILE: &str = "\
# mine
[[transport]]
name = \"other\"
outgoing = { kind = \"smtp\", host = \"mail.example.org\" }

[[transport]] # the office
name = \"work\"
[transport.outgoing]
kind = \"smtp\"
host = \"mail.example.org\" # ask Bob
[transport.incoming]
kind = \"imap\"
host = \"mail.example.org\"
";

    #[test]
    fn only_the_server_that_was_met_is_pinned_and_all_else_stays() {
        let line = format!("fingerprint = \"{PRINT}\"\n");
        let text = pinned(PROFILE, 465).unwrap();
        assert_eq!(text, PROFILE.replace("# ask Bob\n", &format!("# ask Bob\n{line}")));
        let text = pinned(PROFILE, 993).unwrap();
        assert_eq!(text, format!("{PROFILE}{line}"));
        // Once more: in place of the old one.
        assert_eq!(pinned(&text.replace(PRINT, &PRINT.replace("AA", "BB")), 993).unwrap(), text);
    }

    #[test]
    fn tables_in_a_line_are_pinned_too() {
        let text = PROFILE.replace("\"other\"", "\"work\"").split("\n\n").next().unwrap().to_owned();
        let pinned = pinned(&text, 465).unwrap();
        assert!(pinned.contains(&format!("fingerprint = \"{PRINT}\" }}")) && pinned.lines().count() == 4, "{pinned}");
    }

    #[test]
    fn a_server_that_is_not_in_the_profile_any_more_is_said_so() {
        assert!(matches!(pinned(PROFILE, 25), Err(SaveError::NotThere { .. })));
        assert!(matches!(pinned("", 465), Err(SaveError::NotThere { .. })));
    }
}
