//! The rows that count commits, one for each engine and one for all commands: by it a commit whose connection ended is
//! found, and a database that has lost some.

use crate::session::{Session, Trouble};

impl Session {
    /// The number of the last commit of a holder, and how many of all holders are known to be missing.
    pub async fn counted(&self, holder: &str) -> Result<(u64, u64), Trouble> {
        let asked = "SELECT coalesce(max(number) FILTER (WHERE holder = $1), 0), \
                     coalesce(sum(lost), 0)::bigint FROM commits";
        let row = self.client.query_one(asked, &[&holder]).await?;
        let (number, lost): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok((number.unsigned_abs(), lost.unsigned_abs()))
    }

    /// Returns once everything that is there now is where the server has to bring it. What is found need not be: a commit
    /// that was waiting for a standby when its session was ended can be seen, and may be nowhere else. This one waits for
    /// the same standby, which takes commits in their order.
    pub async fn settled(&self, holder: &str) -> Result<(), Trouble> {
        let touch = "UPDATE commits SET lost = lost WHERE holder = $1";
        self.client.execute(touch, &[&holder]).await?;
        Ok(())
    }

    /// Notes how many confirmed commits of a holder are missing.
    pub async fn note_lost(&self, holder: &str, lost: u64) -> Result<(), Trouble> {
        let lost = i64::try_from(lost).unwrap_or(i64::MAX);
        let note = "INSERT INTO commits (holder, number, lost) VALUES ($1, 0, $2) \
                    ON CONFLICT (holder) DO UPDATE SET lost = excluded.lost";
        self.client.execute(note, &[&holder, &lost]).await?;
        Ok(())
    }

    /// From now on what is there is all that there was.
    pub async fn accept_lost(&self) -> Result<(), Trouble> {
        let accept = "UPDATE commits SET lost = 0 WHERE lost <> 0";
        self.client.execute(accept, &[]).await?;
        Ok(())
    }
}
