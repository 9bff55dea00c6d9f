//! The connection to MongoDB. Owns connecting; knows no collection.

use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Database};

/// A handle to one database; clones share its connections.
#[derive(Debug, Clone)]
pub struct Mongo {
    database: Database,
}

impl Mongo {
    /// Connects to the database that the URL names, `jabiru` if it names none.
    ///
    /// # Errors
    /// The URL is not one, or nobody answers there.
    pub async fn connect(url: &str) -> Result<Self, mongodb::error::Error> {
        let mut options = ClientOptions::parse(url).await?;
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
        let client = Client::with_options(options)?;
        let database = client.default_database().unwrap_or_else(|| client.database("jabiru"));
        database.run_command(mongodb::bson::doc! { "ping": 1 }).await?;
        Ok(Self { database })
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }
}
