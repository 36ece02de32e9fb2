//! The row that counts commits: by it a commit whose connection ended is found, and a database that has lost some.

use crate::session::{Session, Trouble};

impl Session {
    /// The number of the last commit, and how many are known to be missing.
    pub async fn counted(&self) -> Result<(u64, u64), Trouble> {
        let asked = "SELECT number, lost FROM commits";
        let rows = self.client.query(asked, &[]).await?;
        let [row] = rows.as_slice() else {
            let what = format!("its table `commits` has {} rows instead of one", rows.len());
            return Err(Trouble::Refused(what));
        };
        let (number, lost): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok((number.unsigned_abs(), lost.unsigned_abs()))
    }

    /// Returns once everything that is there now is where the server has to bring it. What is found need not be: a commit
    /// that was waiting for a standby when its session was ended can be seen, and may be nowhere else. This one waits for
    /// the same standby, which takes commits in their order.
    pub async fn settled(&self) -> Result<(), Trouble> {
        let touch = "UPDATE commits SET lost = lost";
        self.client.execute(touch, &[]).await?;
        Ok(())
    }

    /// Notes how many confirmed commits are missing; 0 once that is accepted.
    pub async fn note_lost(&self, lost: u64) -> Result<(), Trouble> {
        let lost = i64::try_from(lost).unwrap_or(i64::MAX);
        let note = "UPDATE commits SET lost = $1";
        self.client.execute(note, &[&lost]).await?;
        Ok(())
    }
}
