//! Where a task goes: how it is wrapped, to which exchange, under which routing key.
//!
//! A [`Route`] is for a participant's exact name or for a prefix of it; [`Routes`] finds the most
//! specific one, or the way that the dialect and the kind of task queue say. It is asked when a
//! task is written, and a task keeps the destination that it was written with. Whether a queue
//! exists, only the broker knows.

use crate::{Address, SHORT_TEXT_BYTES_MAX, Via};
use bureaucrat_model::Way;
use std::fmt;

/// The exchange and the routing key of Celery's tasks where nothing else is said, as Celery has
/// them.
const CELERY: &str = "celery";

/// The participants that a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    Name(String),
    /// Every name that begins like this; the empty one is for all.
    Prefix(String),
}

impl Pattern {
    /// A name, or a prefix that ends with `*`; none where a `*` is elsewhere.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, pattern) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, Self::Prefix(prefix.to_owned())),
            None => (text, Self::Name(text.to_owned())),
        };
        (!rest.contains('*') && !text.is_empty()).then_some(pattern)
    }

    /// How specific it is for a name that it is for: a name before any prefix, a long prefix before
    /// a short one.
    fn rank(&self, participant: &str) -> Option<(bool, usize)> {
        match self {
            Self::Name(name) => (name == participant).then_some((true, name.len())),
            Self::Prefix(prefix) => participant
                .starts_with(prefix)
                .then_some((false, prefix.len())),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// A destination that is told, in parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destination {
    /// The queue that the workers consume from. Without an exchange, tasks go straight to it.
    pub queue: Option<String>,
    pub exchange: Option<String>,
    /// The queue's name where it is not given.
    pub routing_key: Option<String>,
}

impl Destination {
    /// Where tasks go, if that is told.
    fn address(&self) -> Option<Address> {
        let routing_key = self.routing_key.as_ref().or(self.queue.as_ref());
        match (&self.exchange, routing_key) {
            (None, None) => None,
            (exchange, routing_key) => Some(Address {
                exchange: exchange.clone().unwrap_or_default(),
                routing_key: routing_key.cloned().unwrap_or_default(),
            }),
        }
    }
}

/// How tasks for some participants travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub pattern: Pattern,
    pub via: Via,
    pub destination: Destination,
}

impl fmt::Display for Route {
    /// As it is written in the settings: `celery-workitem queue=shop`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via.name())?;
        let Destination {
            queue,
            exchange,
            routing_key,
        } = &self.destination;
        let parts = [
            ("queue", queue),
            ("exchange", exchange),
            ("routing_key", routing_key),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                write!(f, " {name}={value}")?;
            }
        }
        Ok(())
    }
}

/// All routes, and what holds where none fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    default: Via,
    routes: Vec<Route>,
    /// The queue of Celery's workers where nothing else is said.
    celery_queue: Option<String>,
}

impl Routes {
    pub const fn new(default: Via, routes: Vec<Route>) -> Self {
        Self {
            default,
            routes,
            celery_queue: None,
        }
    }

    /// The same, with another queue of Celery's workers than Celery's own.
    #[must_use]
    pub fn with_celery_queue(self, celery_queue: Option<String>) -> Self {
        Self {
            celery_queue,
            ..self
        }
    }

    /// What holds where no route fits.
    pub const fn default_via(&self) -> Via {
        self.default
    }

    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    fn route(&self, participant: &str) -> Option<&Route> {
        let ranked = self.routes.iter().filter_map(|route| {
            let rank = route.pattern.rank(participant)?;
            Some((rank, route))
        });
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, route)| route)
    }

    /// How a participant's tasks are wrapped, and where they go.
    pub(crate) fn way(&self, participant: &str) -> (Via, Address) {
        match self.route(participant) {
            Some(route) => {
                let told = route.destination.address();
                let address = told.unwrap_or_else(|| self.usual(route.via, participant));
                (route.via, address)
            }
            None => (self.default, self.usual(self.default, participant)),
        }
    }

    /// The same for an action whose definition says something of it. A destination in the settings
    /// is for tasks that are wrapped as the settings say.
    pub(crate) fn way_of(&self, participant: &str, told: &Way) -> (Via, Address) {
        let (set, address) = self.way(participant);
        let via = told.via.unwrap_or(set);
        let destination = told.destination();
        let address = match destination {
            (None, None) if via == set => address,
            (None, None) => self.usual(via, participant),
            (exchange, routing_key) => Address {
                exchange: exchange.cloned().unwrap_or_default(),
                routing_key: routing_key.cloned().unwrap_or_default(),
            },
        };
        (via, address)
    }

    /// Where the tasks of an action go.
    pub fn address(&self, participant: &str, told: &Way) -> Address {
        self.way_of(participant, told).1
    }

    /// How the tasks of an action are wrapped.
    pub fn via(&self, participant: &str, told: Option<Via>) -> Via {
        told.unwrap_or_else(|| self.way(participant).0)
    }

    /// Where a participant's tasks go when nothing else is said.
    fn usual(&self, via: Via, participant: &str) -> Address {
        let both = |name: &str| Address {
            exchange: name.to_owned(),
            routing_key: name.to_owned(),
        };
        let straight = |queue: &str| Address {
            exchange: String::new(),
            routing_key: queue.to_owned(),
        };
        match (via, &self.celery_queue) {
            (Via::Taskqueue | Via::Message | Via::Request, _) => {
                straight(&format!("worker_{participant}"))
            }
            (Via::CeleryWorkitem | Via::CeleryMessage | Via::Celery, Some(queue)) => {
                straight(queue)
            }
            (Via::CeleryWorkitem, None) => both(CELERY),
            (Via::CeleryMessage, None) => both(participant.split('.').next().unwrap_or_default()),
            (Via::Celery, None) => straight(CELERY),
        }
    }

    /// Whether participants get their tasks through this exchange, as far as routes say.
    pub(crate) fn has_exchange(&self, exchange: &str) -> bool {
        let has_celery = self.default == Via::CeleryWorkitem;
        let is_of = |route: &Route| {
            let (Pattern::Name(name) | Pattern::Prefix(name)) = &route.pattern;
            let told = route.destination.address();
            let address = told.unwrap_or_else(|| self.usual(route.via, name));
            !name.is_empty() && address.exchange == exchange
        };
        (has_celery && exchange == CELERY) || self.routes.iter().any(is_of)
    }

    /// Whether workers may consume from a queue of this name, as far as routes and these
    /// participants say.
    pub(crate) fn is_of_workers(&self, queue: &str, participants: &[String]) -> bool {
        let is_told = self.routes.iter().any(|route| {
            let address = route.destination.address();
            let key = address.as_ref().map(|address| &*address.routing_key);
            route.destination.queue.as_deref() == Some(queue) || key == Some(queue)
        });
        let vias = self.routes.iter().map(|route| route.via);
        let has_celery = vias.chain([self.default]).any(Via::is_celery);
        is_told
            || (has_celery && queue == CELERY)
            || self.celery_queue.as_deref() == Some(queue)
            || participants
                .iter()
                .any(|name| self.way(name).1.routing_key == queue)
    }
}

/// Whether a text can be an exchange's or a queue's name, or a routing key.
pub(crate) const fn is_short(text: &str) -> bool {
    text.len() <= SHORT_TEXT_BYTES_MAX
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn route(pattern: &str, via: Via, queue: Option<&str>, exchange: Option<&str>) -> Route {
        Route {
            pattern: Pattern::parse(pattern).unwrap(),
            via,
            destination: Destination {
                queue: queue.map(str::to_owned),
                exchange: exchange.map(str::to_owned),
                routing_key: None,
            },
        }
    }

    fn routes() -> Routes {
        Routes::new(
            Via::Taskqueue,
            vec![
                route("shop.*", Via::CeleryWorkitem, Some("shop"), None),
                route("shop.charge", Via::Message, None, None),
                route(
                    "shop.pay.*",
                    Via::CeleryWorkitem,
                    Some("pay"),
                    Some("money"),
                ),
                route("legacy*", Via::CeleryMessage, None, None),
            ],
        )
    }

    #[test]
    fn the_most_specific_route_wins() {
        let way = |name| {
            let (via, address) = routes().way(name);
            (via, address.exchange, address.routing_key)
        };
        let to = |via, exchange: &str, key: &str| (via, exchange.to_owned(), key.to_owned());
        let cases = [
            ("shop.pack", to(Via::CeleryWorkitem, "", "shop")),
            ("shop.charge", to(Via::Message, "", "worker_shop.charge")),
            ("shop.charge.twice", to(Via::CeleryWorkitem, "", "shop")),
            ("shop.pay.card", to(Via::CeleryWorkitem, "money", "pay")),
            ("legacy.a.b", to(Via::CeleryMessage, "legacy", "legacy")),
            ("shop", to(Via::Taskqueue, "", "worker_shop")),
            ("Shop.pack", to(Via::Taskqueue, "", "worker_Shop.pack")),
        ];
        for (name, expected) in cases {
            assert_eq!(way(name), expected, "{name}");
        }
    }

    #[test]
    fn what_a_definition_says_wins_over_the_settings() {
        let way = |participant, told: Way| {
            let (via, address) = routes().way_of(participant, &told);
            (via, address.exchange, address.routing_key)
        };
        let to = |via, exchange: &str, key: &str| (via, exchange.to_owned(), key.to_owned());
        let via = |via| Way {
            via: Some(via),
            ..Way::default()
        };
        let celery = Via::CeleryWorkitem;
        assert_eq!(way("shop.pack", via(celery)), to(celery, "", "shop"));
        let message = to(Via::Message, "", "worker_shop.pack");
        assert_eq!(way("shop.pack", via(Via::Message)), message);
        assert_eq!(way("x", via(celery)), to(celery, "celery", "celery"));
        let queue = Way {
            queue: Some("fast".to_owned()),
            ..Way::default()
        };
        assert_eq!(way("shop.pack", queue.clone()), to(celery, "", "fast"));
        let both = Way {
            exchange: Some("jobs".to_owned()),
            ..queue
        };
        assert_eq!(way("x", both.clone()), to(Via::Taskqueue, "jobs", "fast"));
        let key = Way {
            routing_key: Some("key".to_owned()),
            ..both
        };
        assert_eq!(way("x", key), to(Via::Taskqueue, "jobs", "key"));
    }

    #[test]
    fn one_route_may_be_for_all() {
        let all = route("*", Via::CeleryWorkitem, Some("jobs"), None);
        let routes = Routes::new(Via::Taskqueue, vec![all]);
        assert_eq!(routes.way("anybody").1.routing_key, "jobs");
        assert!(Pattern::parse("a*b").is_none() && Pattern::parse("").is_none());
    }

    #[test]
    fn queues_of_workers_are_known() {
        let participants = ["legacy.x".to_owned(), "plain".to_owned()];
        let is_known = |queue| routes().is_of_workers(queue, &participants);
        for queue in ["shop", "pay", "celery", "legacy", "worker_plain"] {
            assert!(is_known(queue), "{queue}");
        }
        assert!(!is_known("replies") && !is_known("money"));
        let plain = Routes::new(Via::Taskqueue, Vec::new());
        assert!(!plain.is_of_workers("celery", &participants));
    }

    #[test]
    fn a_route_is_shown_as_it_is_written() {
        let shown: Vec<String> = routes().iter().map(ToString::to_string).collect();
        assert_eq!(shown[2], "celery-workitem queue=pay exchange=money");
        assert_eq!(shown[1], "message");
        for via in Via::ALL {
            assert_eq!(via.name().parse(), Ok(via));
        }
    }
}
