//! Owns the collections `organizations`, `users` and `settings`.
//!
//! `settings` holds what all nodes must agree on and any of them may make first: one document for each, under a fixed key, put there if it
//! is absent. Whoever comes second reads what the first one made. Both wait for a majority, as all writes do, so what a node goes by cannot
//! be rolled back.

use std::time::Duration;

use async_trait::async_trait;
use mongodb::Collection;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::ReturnDocument;

use super::{Accounts, LocalOwner, ORGANIZATION, OWNER, Person, role_of};
use crate::access::{AccessError, Identity};
use crate::backend::mongo::Mongo;
use crate::clock::Millis;
use crate::id;

/// The server's code for a key that is there already.
const DUPLICATE_KEY: i32 = 11000;

/// The keys in `settings`.
const LOCAL_OWNER: &str = "local_owner";
const SIGNING_KEY: &str = "signing_key";

/// Longest wait for an answer. A request waits as long; a primary that was lost is replaced within it.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often an upsert is tried that lost the race for its key. The second try finds the document.
const TRIES: usize = 3;

/// Accounts in MongoDB, shared by every node.
#[derive(Clone)]
pub struct MongoAccounts {
    organizations: Collection<Document>,
    users: Collection<Document>,
    settings: Collection<Document>,
}

impl MongoAccounts {
    /// Accounts in this database.
    #[must_use]
    pub fn new(mongo: &Mongo) -> Self {
        let collection = |name| mongo.database().collection(name);
        Self {
            organizations: collection("organizations"),
            users: collection("users"),
            settings: collection("settings"),
        }
    }

    /// The key that signs tokens on every node: the one in `settings`, or `fresh` if there is none yet.
    ///
    /// # Errors
    /// The database does not answer, or what it holds is no key.
    pub async fn signing_key(&self, fresh: &str) -> Result<String, AccessError> {
        let setting = insert_if_absent(&self.settings, SIGNING_KEY, doc! { "key": fresh }).await?;
        let key = setting.get_str("key").unwrap_or_default();
        if key.len() < 32 {
            let what = "the collection settings holds a signing_key shorter than 32 characters; delete that document to have a new key \
                        made, which ends all tokens";
            return Err(AccessError(what.to_owned()));
        }
        Ok(key.to_owned())
    }
}

#[async_trait]
impl Accounts for MongoAccounts {
    async fn known_owner(&self) -> Result<Option<LocalOwner>, AccessError> {
        let Some(setting) = find(&self.settings, LOCAL_OWNER).await? else { return Ok(None) };
        let (org, user_id) = (text(&setting, "organization_id")?, text(&setting, "user_id")?);
        Ok(Some(LocalOwner { org, user_id, created: false }))
    }

    async fn local_owner(&self, now: Millis) -> Result<LocalOwner, AccessError> {
        let (org, user_id, at) = (id::generate(), id::generate(), DateTime::from_millis(now));
        let fresh = doc! { "organization_id": &org, "user_id": &user_id, "created_at": at };
        let setting = insert_if_absent(&self.settings, LOCAL_OWNER, fresh).await?;
        let (known_org, known_user) = (text(&setting, "organization_id")?, text(&setting, "user_id")?);
        let owner = LocalOwner { org: known_org, created: known_user == user_id, user_id: known_user };
        // Every start does this: the one that made the setting may have ended here.
        let organization = doc! { "name": ORGANIZATION, "created_at": at };
        insert_if_absent(&self.organizations, &owner.org, organization).await?;
        let user = doc! { "organization_id": &owner.org, "name": OWNER, "role": "owner", "created_at": at };
        insert_if_absent(&self.users, &owner.user_id, user).await?;
        Ok(owner)
    }

    async fn person(&self, user_id: &str) -> Result<Option<Person>, AccessError> {
        let Some(user) = find(&self.users, user_id).await? else { return Ok(None) };
        let identity = Identity::new(user_id.to_owned(), text(&user, "name")?, text(&user, "organization_id")?);
        Ok(Some(Person { identity, role: role_of(&text(&user, "role")?) }))
    }

    async fn organization_name(&self, org: &str) -> Result<Option<String>, AccessError> {
        let found = find(&self.organizations, org).await?;
        found.map(|organization| text(&organization, "name")).transpose()
    }
}

/// The document with this key; `fresh` is put there first if there is none.
async fn insert_if_absent(
    collection: &Collection<Document>,
    key: &str,
    fresh: Document,
) -> Result<Document, AccessError> {
    for _ in 0..TRIES {
        let upsert = collection
            .find_one_and_update(doc! { "_id": key }, doc! { "$setOnInsert": fresh.clone() })
            .upsert(true)
            .return_document(ReturnDocument::After);
        match in_time("set up an account", upsert.into_future()).await? {
            Ok(Some(document)) => return Ok(document),
            Ok(None) => {}
            // Two upserts of one absent key: both see nothing, one inserts, the other is told so and finds it now.
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(AccessError(format!(
        "{}: the document {key} is made and removed again; is somebody clearing it?",
        collection.name()
    )))
}

async fn find(collection: &Collection<Document>, key: &str) -> Result<Option<Document>, AccessError> {
    Ok(in_time("read an account", collection.find_one(doc! { "_id": key }).into_future()).await??)
}

async fn in_time<T>(
    what: &'static str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<Result<T, Error>, AccessError> {
    let late = |_| AccessError(format!("MongoDB: no answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, Mongo::counted(what, work)).await.map_err(late)
}

fn is_duplicate(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Command(failed) => failed.code == DUPLICATE_KEY,
        ErrorKind::Write(WriteFailure::WriteError(failed)) => failed.code == DUPLICATE_KEY,
        _ => false,
    }
}

fn text(document: &Document, field: &str) -> Result<String, AccessError> {
    let found = document.get_str(field).map(str::to_owned);
    found.map_err(|_| AccessError(format!("a document of users, organizations or settings has no text `{field}`")))
}
