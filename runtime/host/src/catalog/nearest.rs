//! "Did you mean", for the names of definitions and of modules.

use bureaucrat_model::Name;

/// Names that are compared, so that a refused launch takes a few milliseconds at most.
const COMPARED_MAX: usize = 500;
/// Longer names are nobody's slip.
const SLIP_BYTES_MAX: usize = 64;

/// The name that was most likely meant, among those that `may_be` allows.
pub(crate) fn nearest<'a, K: Ord, T>(
    wanted: &Name<K>,
    names: impl Iterator<Item = (&'a Name<K>, T)>,
    may_be: impl Fn(&Name<K>, &T) -> bool,
) -> Option<&'a Name<K>> {
    let length = wanted.as_str().len();
    if length > SLIP_BYTES_MAX {
        return None;
    }
    // More slips than this make another name.
    let slips = |name: &Name<K>| (name.as_str().len().max(length) / 3).max(1);
    let comparable = names.filter(|(name, of)| {
        name.as_str().len().abs_diff(length) <= slips(name) && may_be(name, of)
    });
    let compared = comparable.take(COMPARED_MAX).map(|(name, _)| {
        let distance = match wanted.as_str().eq_ignore_ascii_case(name.as_str()) {
            true => 0,
            false => strsim::damerau_levenshtein(wanted.as_str(), name.as_str()),
        };
        (distance, name)
    });
    let near = compared.filter(|(distance, name)| *distance <= slips(name));
    near.min().map(|(_, name)| name)
}
