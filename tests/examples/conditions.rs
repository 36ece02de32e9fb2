//! Measures conditions alone, without a broker: `cargo run --release -p bureaucrat-tests --example
//! conditions [SECONDS]`.
#![forbid(unsafe_code)]

fn main() -> anyhow::Result<()> {
    let seconds = std::env::args().nth(1).map_or(Ok(3), |text| text.parse())?;
    bureaucrat_tests::conditions::print(std::time::Duration::from_secs(seconds))
}
