//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side, without channel binding.

use std::fmt;
use std::num::NonZeroU32;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::sasl::{SaslError, decode, encode};

/// Rounds of hashing we do: RFC 7677 asks for at least 4096; the most is well under a second's work.
const ROUNDS: std::ops::RangeInclusive<u32> = 4096..=1_000_000;
/// Random bytes in our nonce.
const NONCE_BYTES: usize = 18;
/// The header that says "no channel binding", in base64.
const NO_BINDING: &str = "biws";

/// One exchange.
pub(super) struct Scram {
    nonce: Option<String>,
    first_bare: String,
    progress: Progress,
}

enum Progress {
    First,
    /// Waiting for the server's proof: its key and what it is to sign.
    Final {
        server_key: hmac::Key,
        auth_message: String,
    },
    Proven,
}

impl Scram {
    /// Ready to say [`Self::first`]. A machine without random numbers is found out at the first answer.
    pub(super) fn new(user: &str) -> Self {
        let mut random = [0; NONCE_BYTES];
        let nonce = SystemRandom::new().fill(&mut random).ok().map(|()| (*encode(&random)).clone());
        Self::with_nonce(user, nonce)
    }

    fn with_nonce(user: &str, nonce: Option<String>) -> Self {
        let name = user.replace('=', "=3D").replace(',', "=2C");
        let first_bare = format!("n={name},r={}", nonce.as_deref().unwrap_or_default());
        Self { nonce, first_bare, progress: Progress::First }
    }

    /// The client's first message.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.first_bare)
    }

    /// Whether the server's signature was right.
    pub(super) fn is_proven(&self) -> bool {
        matches!(self.progress, Progress::Proven)
    }

    pub(super) fn respond(&mut self, challenge: &[u8], password: &SecretString) -> Result<Vec<u8>, SaslError> {
        let challenge = std::str::from_utf8(challenge).map_err(|_not_text| SaslError::Malformed("it is not UTF-8"))?;
        match &self.progress {
            Progress::First => self.prove(challenge, password),
            Progress::Final { server_key, auth_message } => {
                check_signature(challenge, server_key, auth_message)?;
                self.progress = Progress::Proven;
                Ok(Vec::new())
            }
            Progress::Proven => Err(SaslError::Malformed("one too many")),
        }
    }

    /// Answers the server's first message with our proof.
    fn prove(&mut self, server_first: &str, password: &SecretString) -> Result<Vec<u8>, SaslError> {
        let ours = self.nonce.as_deref().ok_or(SaslError::Random)?;
        let mut fields = server_first.split(',');
        let nonce = field(fields.next(), "r=")?;
        let salt = decode(field(fields.next(), "s=")?)?;
        let rounds: u32 = field(fields.next(), "i=")?.parse().map_err(|_nan| SaslError::Malformed("rounds"))?;
        if !nonce.starts_with(ours) || nonce.len() == ours.len() {
            return Err(SaslError::Malformed("the nonce is not ours"));
        }
        let rounds = NonZeroU32::new(rounds).filter(|n| ROUNDS.contains(&n.get())).ok_or(SaslError::Rounds(rounds))?;

        let mut salted = Zeroizing::new([0; digest::SHA256_OUTPUT_LEN]);
        let secret = password.expose_secret().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, secret, &mut *salted);
        let salted = hmac::Key::new(hmac::HMAC_SHA256, &*salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let server_key = hmac::sign(&salted, b"Server Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());

        let unproven = format!("c={NO_BINDING},r={nonce}");
        let auth_message = format!("{},{server_first},{unproven}", self.first_bare);
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, stored_key.as_ref()), auth_message.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();

        let server_key = hmac::Key::new(hmac::HMAC_SHA256, server_key.as_ref());
        self.progress = Progress::Final { server_key, auth_message };
        Ok(format!("{unproven},p={}", *encode(&proof)).into_bytes())
    }
}

fn check_signature(server_final: &str, server_key: &hmac::Key, auth_message: &str) -> Result<(), SaslError> {
    let first = server_final.split(',').next();
    if let Ok(error) = field(first, "e=") {
        return Err(SaslError::Refused(error.to_owned()));
    }
    let signature = decode(field(first, "v=")?)?;
    hmac::verify(server_key, auth_message.as_bytes(), &signature).map_err(|_wrong| SaslError::Unproven)
}

fn field<'a>(field: Option<&'a str>, name: &str) -> Result<&'a str, SaslError> {
    field.and_then(|field| field.strip_prefix(name)).ok_or(SaslError::Malformed("a field is missing"))
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scram").field("proven", &self.is_proven()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn begun() -> (Scram, SecretString) {
        (Scram::with_nonce("user", Some("rOprNGfwEbeRWgbNEkqO".to_owned())), SecretString::from("pencil"))
    }

    #[test]
    fn speaks_the_example_of_rfc_7677() {
        let (mut scram, password) = begun();
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let proof = scram.respond(SERVER_FIRST.as_bytes(), &password).unwrap();
        let expected = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(String::from_utf8(proof).unwrap(), expected);
        assert!(!scram.is_proven());
        let last = scram.respond(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", &password).unwrap();
        assert!(last.is_empty());
        assert!(scram.is_proven());
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        let (mut scram, password) = begun();
        scram.respond(SERVER_FIRST.as_bytes(), &password).unwrap();
        let forged = scram.respond(b"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", &password);
        assert_eq!(forged, Err(SaslError::Unproven));
        assert!(!scram.is_proven());
    }

    #[test]
    fn bad_challenges_are_refused() {
        for (challenge, error) in [
            ("r=other,s=W22Z,i=4096", SaslError::Malformed("the nonce is not ours")),
            ("r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096", SaslError::Malformed("the nonce is not ours")),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1", SaslError::Rounds(1)),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4000000000", SaslError::Rounds(4_000_000_000)),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", SaslError::Malformed("it is not base64")),
            ("m=ext,r=rOprNGfwEbeRWgbNEkqOx", SaslError::Malformed("a field is missing")),
            ("", SaslError::Malformed("a field is missing")),
        ] {
            let (mut scram, password) = begun();
            assert_eq!(scram.respond(challenge.as_bytes(), &password), Err(error), "{challenge}");
        }
    }

    #[test]
    fn the_servers_own_refusal_is_told_apart() {
        let (mut scram, password) = begun();
        scram.respond(SERVER_FIRST.as_bytes(), &password).unwrap();
        let refused = scram.respond(b"e=invalid-proof", &password);
        assert_eq!(refused, Err(SaslError::Refused("invalid-proof".to_owned())));
    }

    #[test]
    fn debug_shows_no_secret() {
        let (mut scram, password) = begun();
        scram.respond(SERVER_FIRST.as_bytes(), &password).unwrap();
        assert!(!format!("{scram:?} {password:?}").contains("pencil"));
    }
}
