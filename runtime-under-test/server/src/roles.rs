//! Who asks, and what each role may do (README of the contract, section 2).

use assay_package::{Code, Refusal};
use sha2::{Digest, Sha256};

use crate::routes::Operation;

/// The role of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// No token is needed. Nobody has this role; operations ask for it.
    Anyone,
    /// May look and execute.
    User,
    /// May do everything.
    Admin,
}

impl Role {
    /// The name in the contract and in a handler's `caller`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// One row of the authorisation table: an operation, and the least role that may use it.
pub type Grant = (Operation, Role);

/// The authorisation table (clause 2.2). What is not listed, only an admin may do.
pub const GRANTS: &[Grant] = &[
    (Operation::Discover, Role::Anyone),
    (Operation::Health, Role::Anyone),
    (Operation::ListHandlers, Role::User),
    (Operation::ShowHandler, Role::User),
    (Operation::DownloadPart, Role::User),
    (Operation::ListInstalled, Role::User),
    (Operation::ShowInstallation, Role::User),
    (Operation::Execute, Role::User),
    (Operation::ShowExecution, Role::User),
];

/// The role under which a request with this token's role is served where at least `least` is needed (README 2.1 to 2.3).
pub fn judge(role: Option<Role>, least: Role) -> Result<Role, Refusal> {
    match role {
        _ if least == Role::Anyone => Ok(role.unwrap_or(Role::Anyone)),
        None => Err(Refusal::new(Code::Unauthenticated, "there is no bearer token that this runtime knows")),
        Some(role) if role < least => {
            Err(Refusal::new(Code::Forbidden, format!("the role `{}` may not do this", role.name())))
        }
        Some(role) => Ok(role),
    }
}

/// The least role that may use an operation.
pub fn least_role(grants: &[Grant], operation: Operation) -> Role {
    grants.iter().find(|(granted, _)| *granted == operation).map_or(Role::Admin, |(_, role)| *role)
}

/// The tokens that the runtime knows, as digests, so that comparing them takes the same time for every guess.
pub struct Tokens {
    admin: [u8; 32],
    user: [u8; 32],
}

impl Tokens {
    /// The two tokens.
    ///
    /// # Errors
    /// A message for the person who configures, if one cannot be a bearer token or both are the same.
    pub fn new(admin: &str, user: &str) -> Result<Self, String> {
        for (name, token) in [("admin_token", admin), ("user_token", user)] {
            if token.len() < 8 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("{name} must have at least 8 visible ASCII characters and no spaces"));
            }
        }
        if admin == user {
            return Err("admin_token and user_token must differ".to_owned());
        }
        Ok(Self { admin: digest(admin), user: digest(user) })
    }

    /// The role of the token in an `Authorization` header, if it is one of ours.
    pub fn role(&self, authorization: &[u8]) -> Option<Role> {
        let token = digest(bearer(authorization)?);
        let (admin, user) = (same(&token, &self.admin), same(&token, &self.user));
        if admin { Some(Role::Admin) } else { user.then_some(Role::User) }
    }
}

/// The token in an `Authorization` header, if it is a bearer token.
pub fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii_start())
}

fn digest(token: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Compares without stopping at the first difference. What leaks of a digest would not lead to the token anyway.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_tokens_have_a_role() {
        let tokens = Tokens::new("admin-token", "user-token").unwrap();
        assert_eq!(tokens.role(b"Bearer admin-token"), Some(Role::Admin));
        assert_eq!(tokens.role(b"bearer user-token"), Some(Role::User));
        for wrong in ["Bearer admin-toke", "Bearer", "Basic admin-token", "admin-token", "Bearer admin-token x", ""] {
            assert_eq!(tokens.role(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
