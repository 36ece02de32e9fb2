//! Benign processes beside attacks at full rate, on the real engine over the real broker: none is lost. Timing is what
//! scripts/attacks measures, not this.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_tests::{
    attacks::{
        catalogue,
        load::{Place, benign, beside},
        orders::Order,
    },
    engine::broker_url,
    operating::Operated,
};
use std::time::Duration;

/// One of each kind: fuel, memory, a refused module, a refused definition, an expression, a message.
const ATTACKS: [&str; 6] = [
    "an endless loop",
    "growing memory without end",
    "20,000 functions",
    "22,000 activities",
    "deeply nested loops",
    "an answer of 10^5 levels",
];

#[tokio::test]
async fn benign_processes_complete_beside_attacks() {
    let mut operated = Operated::new(&format!("attacked.{}", std::process::id()), &[]).unwrap();
    operated.start().unwrap();
    operated.launch("<process/>").unwrap();
    let pid = operated.engine.pid();
    let name = |of| operated.engine.name(of);
    let place = Place {
        url: broker_url().unwrap(),
        launches: name("launches"),
        answers: name("answers"),
        events: name("events"),
        dead: name("dead"),
    };
    let attacks = catalogue();
    for name in ATTACKS {
        let attack = attacks.iter().find(|attack| attack.name == name).unwrap();
        let order = Order::of(attack).unwrap().unwrap();
        let words = |error| anyhow::anyhow!("{name}: {error:#}\n{}", operated.engine.log_tail());
        let time = Duration::from_secs(2);
        let alone = benign(&place, 20, time).await.map_err(words).unwrap();
        let attacked = beside(&place, &order, 20, time)
            .await
            .map_err(words)
            .unwrap();
        println!(
            "{name}: {:.0} attacks a second, p99 {:?} alone, {:?} beside",
            attacked.attacks_per_second, alone.p99, attacked.benign.p99
        );
        assert_eq!((alone.ended, attacked.benign.ended), (40, 40), "{name}");
        assert!(
            attacked.attacks_per_second > 0.0,
            "{name} was not even tried"
        );
        assert_eq!(operated.engine.pid(), pid);
    }
    operated.end().unwrap();
}
