//! Schema migrations, whatever database they are for. Owns what a migration is, how its state is judged and the errors of it; how one is
//! applied, recorded and locked is each backend's.
//!
//! A migration is a file of `migrations/<backend>/`, applied once, in the order of the list, and recorded in `schema_migrations` with its
//! checksum. A released file is never edited: data that was made with another text is refused by name, because nobody can say what it
//! looks like.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// One step of a schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The file's name without its direction: `0001_kernel` for `0001_kernel.up.sql`. The order of names is the order of steps.
    pub name: &'static str,
    /// The text that applies it: SQL (`.up.sql`), or for MongoDB a JSON array of database commands in extended JSON (`.up.json`).
    pub up: &'static str,
    /// The text that undoes it; `None` where a backend is only ever added to.
    pub down: Option<&'static str>,
}

impl Migration {
    /// What is recorded of it: SHA-256 of the text that applies it, in base64.
    pub fn checksum(&self) -> String {
        STANDARD.encode(Sha256::digest(self.up.as_bytes()))
    }
}

/// How one migration of a database stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Applied, with the text this build has.
    Applied,
    /// Not applied yet.
    Pending,
    /// Applied with another text than this build has.
    Changed,
    /// Recorded in the database, and no file of this build.
    Missing,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Changed => "changed",
            Self::Missing => "missing",
        })
    }
}

/// Why a schema cannot be brought where it was asked to be. Nothing but the migrations named as applied or undone before it has changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MigrateError {
    /// A migration that was applied has been edited since.
    #[error(
        "migration `{name}` of {backend} was applied with another text than this build has; use the build that applied it, or a fresh database"
    )]
    Changed {
        /// The database it is of.
        backend: &'static str,
        /// The migration.
        name: String,
    },
    /// A migration that was applied is not known to this build.
    #[error(
        "migration `{name}` was applied to {backend} and this build does not have it; a newer Jabiru wrote this database: use that one, or undo the \
         migration with it"
    )]
    Missing {
        /// The database it is of.
        backend: &'static str,
        /// The migration.
        name: String,
    },
    /// `down` was told to stop at a migration that is not applied.
    #[error("{backend} has no applied migration `{name}` to go down to")]
    NotApplied {
        /// The database it was asked of.
        backend: &'static str,
        /// The migration.
        name: String,
    },
    /// A migration cannot be undone.
    #[error("migration `{name}` of {backend} cannot be undone: the schema of {backend} is only ever added to")]
    NoDown {
        /// The database it is of.
        backend: &'static str,
        /// The migration.
        name: String,
    },
    /// A statement of a migration failed; it is not recorded.
    #[error("migration `{name}` of {backend} failed: {reason}")]
    Failed {
        /// The database it is of.
        backend: &'static str,
        /// The migration.
        name: String,
        /// What the database said. Never a URL with its password.
        reason: String,
    },
    /// The database does not answer, or the lock was not had in time.
    #[error("{backend} cannot be migrated: {reason}")]
    Unavailable {
        /// The database.
        backend: &'static str,
        /// What it said. Never a URL with its password.
        reason: String,
    },
}

/// A database with migrations.
#[async_trait]
pub trait Migrate: Send + Sync {
    /// What people call it: `sqlite`, `mongodb`, `clickhouse`.
    fn backend(&self) -> &'static str;

    /// How every migration of this build stands, in order, then what is recorded and not in this build. Changes nothing.
    ///
    /// # Errors
    /// The database does not answer.
    async fn status(&self) -> Result<Vec<(String, State)>, MigrateError>;

    /// Applies what is pending, in order, under a lock: two nodes that start at once apply each step once. The names of what this call
    /// applied.
    ///
    /// # Errors
    /// A migration changed or is missing (then nothing is applied), failed, or the database does not answer.
    async fn up(&self) -> Result<Vec<String>, MigrateError>;

    /// Undoes every migration after `to`, the last first; `""` undoes all of them. The names of what was undone.
    ///
    /// # Errors
    /// `to` is not applied, a migration changed, is missing or has no way back (then nothing is undone), failed, or the database does not
    /// answer.
    async fn down(&self, to: &str) -> Result<Vec<String>, MigrateError>;
}

/// How `known` stands against `recorded`, pairs of name and checksum: what [`Migrate::status`] answers.
pub fn states(known: &[Migration], recorded: &[(String, String)]) -> Vec<(String, State)> {
    let ours = known.iter().map(|migration| {
        let state = match recorded.iter().find(|(name, _)| name == migration.name) {
            None => State::Pending,
            Some((_, checksum)) if *checksum == migration.checksum() => State::Applied,
            Some(_) => State::Changed,
        };
        (migration.name.to_owned(), state)
    });
    let gone = recorded.iter().filter(|(name, _)| !known.iter().any(|migration| migration.name == name));
    ours.chain(gone.map(|(name, _)| (name.clone(), State::Missing))).collect()
}

/// What is to be applied, in order.
///
/// # Errors
/// Something changed or is missing.
pub fn pending<'a>(
    backend: &'static str,
    known: &'a [Migration],
    recorded: &[(String, String)],
) -> Result<Vec<&'a Migration>, MigrateError> {
    let states = sound(backend, known, recorded)?;
    Ok(known.iter().zip(states).filter(|(_, (_, state))| *state == State::Pending).map(|(known, _)| known).collect())
}

/// What is to be undone to come down to `to`, with the text that does it, in the order to do it in.
///
/// # Errors
/// Something changed, is missing or cannot be undone, or `to` is not applied.
pub fn undoing<'a>(
    backend: &'static str,
    known: &'a [Migration],
    recorded: &[(String, String)],
    to: &str,
) -> Result<Vec<(&'a Migration, &'static str)>, MigrateError> {
    let states = sound(backend, known, recorded)?;
    let applied =
        || known.iter().zip(&states).filter(|(_, (_, state))| *state == State::Applied).map(|(known, _)| known);
    let kept = match applied().position(|migration| migration.name == to) {
        Some(position) => position + 1,
        None if to.is_empty() => 0,
        None => return Err(MigrateError::NotApplied { backend, name: to.to_owned() }),
    };
    let mut undone = applied()
        .skip(kept)
        .map(|migration| match migration.down {
            Some(down) => Ok((migration, down)),
            None => Err(MigrateError::NoDown { backend, name: migration.name.to_owned() }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    undone.reverse();
    Ok(undone)
}

fn sound(
    backend: &'static str,
    known: &[Migration],
    recorded: &[(String, String)],
) -> Result<Vec<(String, State)>, MigrateError> {
    let states = states(known, recorded);
    for (name, state) in &states {
        let name = name.clone();
        match state {
            State::Changed => return Err(MigrateError::Changed { backend, name }),
            State::Missing => return Err(MigrateError::Missing { backend, name }),
            State::Applied | State::Pending => {}
        }
    }
    Ok(states)
}
