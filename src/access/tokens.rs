//! Signed tokens for other apps' clients: JWT, HS256 with the server's secret. `[ACC-4]`

use std::str::FromStr;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::{Caller, Grant, Identity, Role};
use crate::clock::{Clock, Millis};
use crate::id::CanvasId;

/// Longest `sub` and `name`, bytes: they go into every presence entry and journal row.
const TEXT_BYTES: usize = 200;

/// What a token says. See "Tokens" in the README.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Stable id of the person.
    pub sub: String,
    /// The name others see.
    #[serde(default)]
    pub name: String,
    /// A canvas id, or `*` for every canvas of the signing organization.
    pub canvas: String,
    /// `owner`, `editor`, `commenter` or `viewer`.
    pub role: String,
    /// When it ends, seconds since the epoch.
    pub exp: i64,
}

/// Why a token is not accepted; each text is shown to the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It ended.
    #[error("this token has expired; ask the app that gave it for a new one")]
    Expired,
    /// The signature does not fit the secret, or the algorithm is another.
    #[error("this token was not signed by this server's key")]
    Forged,
    /// It is not a token, or lacks a claim.
    #[error("this is not a valid token: {0}")]
    Malformed(String),
}

/// Makes and checks tokens with one secret.
#[derive(Clone)]
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    clock: Clock,
    org: String,
}

impl Tokens {
    /// Tokens signed by `secret` on behalf of `org`.
    #[must_use]
    pub fn new(secret: &str, org: String, clock: Clock) -> Self {
        let bytes = secret.as_bytes();
        Self { encoding: EncodingKey::from_secret(bytes), decoding: DecodingKey::from_secret(bytes), clock, org }
    }

    /// Signs claims.
    ///
    /// # Errors
    /// The claims cannot be encoded.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        encode(&Header::new(Algorithm::HS256), claims, &self.encoding).map_err(|e| TokenError::Malformed(e.to_string()))
    }

    /// Who presents this token.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn check(&self, token: &str) -> Result<Caller, TokenError> {
        use jsonwebtoken::errors::ErrorKind;
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked below against our own clock.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &self.decoding, &validation).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => TokenError::Forged,
            ErrorKind::MissingRequiredClaim(claim) => TokenError::Malformed(format!("the claim `{claim}` is missing")),
            // What the library says ("expected value at line 1") helps nobody who holds the token.
            _ => TokenError::Malformed("it cannot be read; was it copied whole?".to_owned()),
        })?;
        self.accept(claims.claims)
    }

    fn accept(&self, claims: Claims) -> Result<Caller, TokenError> {
        let expires_at: Millis = claims.exp.saturating_mul(1000);
        if expires_at <= self.clock.now() {
            return Err(TokenError::Expired);
        }
        if claims.sub.is_empty() || claims.sub.len() > TEXT_BYTES || claims.name.len() > TEXT_BYTES {
            return Err(TokenError::Malformed(format!(
                "`sub` and `name` are at most {TEXT_BYTES} bytes, `sub` not empty"
            )));
        }
        let canvas = match claims.canvas.as_str() {
            "*" => None,
            id => {
                Some(CanvasId::from_str(id).map_err(|_| TokenError::Malformed("`canvas` is no canvas id".to_owned()))?)
            }
        };
        let role = claims.role.parse::<Role>().map_err(TokenError::Malformed)?;
        let name = if claims.name.is_empty() { claims.sub.clone() } else { claims.name };
        let identity = Identity::new(claims.sub, name, self.org.clone());
        Ok(Caller { identity, grant: Grant::Token { canvas, role }, expires_at: Some(expires_at) })
    }
}
