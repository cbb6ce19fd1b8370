//! Client tokens: a call that is repeated with the token of an earlier one has no effect and is
//! told what that one created.

use std::collections::BTreeMap;

use crate::errors::AwsError;

use super::super::form::QueryForm;

/// Fields that two calls may differ in and still be the same call.
const NO_PARAMETERS: &[&str] = &["ClientToken", "Version", "Action", "DryRun"];

/// Tokens that were used, by action and token: the call's parameters and what it created. AWS
/// remembers them for longer than it lists what they created, so none is forgotten here.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct ClientTokens(BTreeMap<(String, String), (String, String)>);

impl ClientTokens {
    /// What an earlier call with the same token created.
    pub(super) fn created_before(
        &self,
        action: &str,
        form: &QueryForm<'_>,
    ) -> Result<Option<String>, AwsError> {
        let Some(token) = form.get("ClientToken") else {
            return Ok(None);
        };
        let key = (action.to_owned(), token.to_owned());
        match self.0.get(&key) {
            None => Ok(None),
            Some((parameters, id)) if *parameters == form.fingerprint(NO_PARAMETERS) => {
                Ok(Some(id.clone()))
            }
            Some(_) => Err(AwsError::new(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in \
                 previous request(s).",
            )),
        }
    }

    /// A call created this.
    pub(super) fn remember(&mut self, action: &str, form: &QueryForm<'_>, id: &str) {
        if let Some(token) = form.get("ClientToken") {
            let key = (action.to_owned(), token.to_owned());
            let parameters = form.fingerprint(NO_PARAMETERS);
            self.0.insert(key, (parameters, id.to_owned()));
        }
    }
}
