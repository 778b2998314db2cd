//! shim
use super::Parcel;
use crate::mapi::Failure;
use crate::transport::Support;
#[derive(Debug, Clone)]
pub(super) struct Lmtp;
impl Lmtp {
    pub(super) fn new(_: &str, _: Option<&str>) -> Self {
        Self
    }
    pub(super) async fn deliver(&self, _p: &Parcel, _support: &Support) -> Result<(), Failure> {
        Ok(())
    }
}
