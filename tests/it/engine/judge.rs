//! What the in-memory cloud makes of answers, and what its calls share.

use std::future::Future;

use loadrig::blueprint::{Address, Kind};
use loadrig::engine::{CloudError, FailureClass, Observed, Request, State};

use super::account::{ADDRESS, ENVIRONMENT, RuleRow, Texts};
use super::wire::foreign;

/// What a call that makes something brings back.
pub(super) type Seen = Result<Observed, CloudError>;

/// What the adapter makes of a failure, as in `src/aws/error.rs`.
pub(super) trait Judge<T> {
    /// Success when it is not there.
    fn or_gone(self) -> Result<Option<T>, CloudError>;
    /// Success when somebody did it already.
    fn or_done(self, codes: &[&str]) -> Result<Option<T>, CloudError>;
    /// While creating, what is not found is not visible yet.
    fn or_soon(self) -> Result<T, CloudError>;
}

impl<T> Judge<T> for Result<T, CloudError> {
    fn or_gone(self) -> Result<Option<T>, CloudError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.class == FailureClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn or_done(self, codes: &[&str]) -> Result<Option<T>, CloudError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if codes.contains(&error.code.as_str()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn or_soon(self) -> Result<T, CloudError> {
        self.map_err(|mut error| {
            if error.class == FailureClass::NotFound {
                error.class = FailureClass::Converging;
            }
            error
        })
    }
}

pub(super) fn needed<'a>(
    request: &'a Request<'_>,
    address: &Address,
) -> Result<&'a Observed, CloudError> {
    request.inventory.get(address).ok_or_else(|| CloudError {
        operation: "inventory".to_owned(),
        target: request.address.to_string(),
        code: "DependencyMissing".to_owned(),
        message: format!("`{address}` does not exist yet"),
        request_id: None,
        class: FailureClass::Converging,
    })
}

pub(super) fn needed_ids(
    request: &Request<'_>,
    addresses: &[Address],
) -> Result<Vec<String>, CloudError> {
    addresses
        .iter()
        .map(|address| needed(request, address).map(|found| found.id.clone()))
        .collect()
}

pub(super) fn at(request: &Request<'_>) -> Option<String> {
    Some(request.address.to_string())
}

/// The tags that are stamped on in the call that creates.
pub(super) fn tags(request: &Request<'_>) -> Texts {
    let mut tags = request.tags.clone();
    tags.insert(ENVIRONMENT.into(), request.environment.into());
    tags.insert(ADDRESS.into(), request.address.to_string());
    tags
}

/// The address in tags that bear the environment's name.
pub(super) fn address_of(tags: &Texts, environment: &str) -> Option<Address> {
    let ours = tags.get(ENVIRONMENT).map(String::as_str) == Some(environment);
    tags.get(ADDRESS)
        .filter(|_| ours)
        .map(|text| Address::parse(text))
}

pub(super) async fn ids(
    look: impl Future<Output = Result<Vec<Observed>, CloudError>>,
) -> Result<Vec<String>, CloudError> {
    Ok(look.await?.into_iter().map(|found| found.id).collect())
}

/// Something usable, as the engine sees it.
pub(super) fn observed(
    address: &Address,
    kind: Kind,
    id: &str,
    attributes: &[(&str, &str)],
) -> Observed {
    Observed {
        address: address.clone(),
        kind,
        id: id.to_owned(),
        state: State::Ready,
        status: "available".to_owned(),
        attributes: attributes
            .iter()
            .map(|(name, text)| ((*name).to_owned(), kind.info().read(name, text)))
            .collect(),
    }
}

/// Adds what a call of its own told.
pub(super) fn tell(seen: &mut Observed, name: &'static str, text: &str) {
    let value = seen.kind.info().read(name, text);
    seen.attributes.insert(name, value);
}

/// Desired attributes as the services keep them.
pub(super) fn wanted(request: &Request<'_>) -> Texts {
    let attributes = request.desired.attributes();
    let texts = attributes.iter();
    texts
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect()
}

pub(super) fn line(row: &RuleRow, groups: &Texts) -> String {
    let from = groups.get(&row.from).unwrap_or(&row.from);
    format!("{} from {from}", row.port)
}

pub(super) fn visible(found: Vec<Observed>, id: &str) -> Seen {
    found.into_iter().next_back().ok_or_else(|| CloudError {
        operation: "look".to_owned(),
        target: id.to_owned(),
        code: "NotVisibleYet".to_owned(),
        message: "it was created but is not listed yet".to_owned(),
        request_id: None,
        class: FailureClass::Converging,
    })
}

pub(super) fn found_or(
    found: Option<Observed>,
    created: bool,
    operation: &str,
    name: &str,
) -> Seen {
    match found {
        Some(found) => Ok(found),
        None if created => visible(vec![], name),
        None => Err(foreign(operation, name)),
    }
}
