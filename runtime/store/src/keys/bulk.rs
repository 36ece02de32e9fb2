//! The keys of bulk jobs, and of what became of their processes.

use super::{KeyError, Place};

/// The shard that bulk jobs belong to (1), the number of the job (8).
pub fn bulk_job(job: u64) -> Vec<u8> {
    let mut key = vec![0];
    key.extend_from_slice(&job.to_be_bytes());
    key
}

/// The number of the bulk job in a key.
///
/// # Errors
/// If the key has another form.
pub fn bulk_job_of(key: &[u8]) -> Result<u64, KeyError> {
    let rest = key.strip_prefix(&[0]).ok_or(KeyError)?;
    let number = rest.try_into().map_err(|_| KeyError)?;
    Ok(u64::from_be_bytes(number))
}

/// The number of a bulk job (8), the process's place in lists: the complement of the time of its launch (8), process (16).
pub fn bulk_outcome(job: u64, place: Place) -> Vec<u8> {
    let mut key = job.to_be_bytes().to_vec();
    key.extend_from_slice(&place.bytes());
    key
}

/// The first key of the outcomes of a job, and the first after all of them.
pub fn bulk_outcomes(job: u64) -> (Vec<u8>, Vec<u8>) {
    let first = job.to_be_bytes().to_vec();
    let end = super::prefix_end(&first);
    (first, end)
}

/// The bulk job and the place in a key.
///
/// # Errors
/// If the key has another form.
pub fn bulk_outcome_of(key: &[u8]) -> Result<(u64, Place), KeyError> {
    let (job, rest) = key.split_first_chunk::<8>().ok_or(KeyError)?;
    Ok((u64::from_be_bytes(*job), Place::of(rest)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bureaucrat_model::{ProcessId, Timestamp};

    #[test]
    fn keys_read_back_and_those_of_a_job_are_together() {
        let place = Place {
            launched_at: Timestamp(7),
            process: ProcessId::from_bytes([9; 16]),
        };
        for job in [0, 258, u64::MAX - 1] {
            assert_eq!(bulk_job_of(&bulk_job(job)), Ok(job));
            let key = bulk_outcome(job, place);
            assert_eq!(bulk_outcome_of(&key), Ok((job, place)));
            let (from, to) = bulk_outcomes(job);
            assert!(from < key && key < to);
            let (from, _) = bulk_outcomes(job + 1);
            assert!(key < from);
            for cut in [&key[..31], &key[..8], &[]] {
                assert_eq!(bulk_outcome_of(cut), Err(KeyError));
            }
        }
        assert_eq!(bulk_job_of(&[1; 9]), Err(KeyError));
        assert_eq!(bulk_job_of(&[0; 8]), Err(KeyError));
    }
}
