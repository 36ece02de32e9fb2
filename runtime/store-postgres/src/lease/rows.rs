//! The tables `lease` and `engines`: who has which group, and which engines share.

use super::{
    holder::{Holder, Wish},
    picture::{Picture, Wants},
};
use crate::{
    address::cause,
    session::{Session, Trouble},
    statements::Which,
};
use bureaucrat_store::{ShardGroup, ShardGroups};
use tokio_postgres::{Row, error::SqlState};

/// What is done while it is looked.
#[derive(Debug, Clone, Copy)]
pub enum Look<'a> {
    Reads,
    /// An engine that has no lease yet says that it shares.
    Lists(&'a Holder),
    Renews(&'a Holder, Wish),
}

/// The table is not as engines leave it.
fn altered(what: &str) -> Trouble {
    let last = ShardGroup::COUNT - 1;
    Trouble::Refused(format!(
        "the table `lease` was altered: {what}. Stop every engine that uses the schema, give the table its columns \
         `shard_group smallint`, `holder text` and `until timestamptz` if they are not there, and a row for each group that is \
         free: `DELETE FROM lease; INSERT INTO lease SELECT number, '', '-infinity' FROM generate_series(0, {last}) AS number`"
    ))
}

/// What a refused statement about the table means.
fn refused(error: tokio_postgres::Error) -> Trouble {
    match error.code() {
        Some(code) if *code == SqlState::UNDEFINED_COLUMN => altered(&cause(&error)),
        _ => error.into(),
    }
}

fn numbers(groups: ShardGroups) -> Vec<i16> {
    let numbers = groups.iter().map(|group| i16::from(group.number()));
    numbers.collect()
}

fn group(number: i32) -> Result<ShardGroup, Trouble> {
    let group = u8::try_from(number).ok().and_then(ShardGroup::new);
    group.ok_or_else(|| altered(&format!("it has a row of the group {number}")))
}

fn millis(holder: &Holder) -> i64 {
    i64::try_from(holder.term.as_millis()).unwrap_or(i64::MAX)
}

impl Session {
    pub async fn look(&self, look: Look<'_>) -> Result<Picture, Trouble> {
        let (holder, lists, renews) = match look {
            Look::Reads => (None, false, false),
            Look::Lists(holder) => (Some(holder), true, false),
            Look::Renews(holder, wish) => (Some(holder), wish == Wish::Share, true),
        };
        let (name, term, queues) = holder.map_or(("", 0, ""), |holder| {
            (holder.name.as_str(), millis(holder), holder.queues.as_str())
        });
        let statement = self.prepared(Which::Look).await.map_err(refused)?;
        let rows = self
            .client
            .query(&statement, &[&name, &term, &lists, &renews, &queues])
            .await
            .map_err(refused)?;
        let renewing = renews.then_some(name);
        pictured(&rows, renewing)
    }

    pub async fn take(&self, holder: &Holder, wants: &Wants) -> Result<ShardGroups, Trouble> {
        let statement = self.prepared(Which::Take).await.map_err(refused)?;
        let (groups, given) = (numbers(wants.groups), numbers(wants.given));
        let least = i64::try_from(wants.least).unwrap_or(i64::MAX);
        let rows = self
            .client
            .query(
                &statement,
                &[&holder.name, &millis(holder), &groups, &given, &least],
            )
            .await
            .map_err(refused)?;
        rows.iter().map(|row| group(row.try_get(0)?)).collect()
    }

    /// An engine that shares over other queues than these, and which.
    pub async fn sharer_elsewhere(
        &self,
        holder: &Holder,
    ) -> Result<Option<(String, String)>, Trouble> {
        let asked = "SELECT holder, queues FROM engines WHERE until > clock_timestamp() \
                     AND holder <> $1::text AND queues <> $2::text ORDER BY holder LIMIT 1";
        let found = self
            .client
            .query_opt(asked, &[&holder.name, &holder.queues])
            .await?;
        match found {
            Some(row) => Ok(Some((row.try_get(0)?, row.try_get(1)?))),
            None => Ok(None),
        }
    }

    /// Gives everything back.
    pub async fn release(&self, holder: &Holder) -> Result<(), Trouble> {
        let release = "WITH given AS (UPDATE lease SET holder = '', until = '-infinity' WHERE holder = $1) \
                       DELETE FROM engines WHERE holder = $1";
        self.client.execute(release, &[&holder.name]).await?;
        Ok(())
    }
}

/// What the rows say; of the leases of `renewing`, those that were renewed are its own, and others are another's by now.
fn pictured(rows: &[Row], renewing: Option<&str>) -> Result<Picture, Trouble> {
    let mut picture = Picture::default();
    let mut count = 0;
    for row in rows {
        let number: Option<i32> = row.try_get(0)?;
        let holder: Option<String> = row.try_get(1)?;
        let (is_over, is_renewed): (Option<bool>, bool) = (row.try_get(2)?, row.try_get(3)?);
        let Some(number) = number else {
            if is_over == Some(false) {
                picture.engines.extend(holder);
            }
            continue;
        };
        count += 1;
        let group = group(number)?;
        let Some(holder) = holder else {
            return Err(altered(&format!(
                "the column `holder` of its row {number} is null"
            )));
        };
        match (is_renewed, is_over) {
            (true, _) => {
                let name = renewing.map(ToOwned::to_owned).unwrap_or(holder);
                picture.hold(name, group);
            }
            (false, _) if renewing == Some(holder.as_str()) => {}
            (false, Some(true)) => picture.free(group, holder),
            (false, Some(false)) => picture.hold(holder, group),
            (false, None) => {
                return Err(altered(&format!(
                    "the column `until` of the row of `{holder}` is no time that ends"
                )));
            }
        }
    }
    match count == ShardGroup::COUNT {
        true => Ok(picture),
        false => Err(altered(&format!(
            "it has {count} rows, not {}",
            ShardGroup::COUNT
        ))),
    }
}
