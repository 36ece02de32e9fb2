//! Where and how the HTTP API is served.
//!
//! Nothing is served unless a setting says where: a port that nobody asked for is one that nobody
//! watches, two engines of one machine would want the same, and any user of the machine could reach it.

use super::{
    Draft, Origin, Resolved,
    broker::{error_of, origin},
    resolve::Unfit,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

/// How the HTTP API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    pub listen: SocketAddr,
    pub hosts: Vec<String>,
    /// Certificate chain and key.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// # Errors
/// If they don't fit together, or say nothing that can be done.
pub fn settings(draft: &Draft, resolved: &[Resolved]) -> Result<Option<HttpSettings>, Unfit> {
    if draft.http_listen.is_empty() {
        return Ok(None);
    }
    let unfit = |name, reason: String| error_of(name, resolved, reason);
    let listen = address(&draft.http_listen).ok_or_else(|| {
        let reason =
            "it must be a port, or an IP address with one: 8017, 127.0.0.1:8017, [::1]:8017";
        unfit("http_listen", reason.to_owned())
    })?;
    let tls = match (&draft.http_cert_file, &draft.http_key_file) {
        (Some(chain), Some(key)) => Some((chain.clone(), key.clone())),
        (None, None) => None,
        (Some(_), None) => {
            let reason = "it needs the key of the certificate, too: set `http_key_file`";
            return Err(unfit("http_cert_file", reason.to_owned()));
        }
        (None, Some(_)) => {
            let reason = "it needs the certificate of the key, too: set `http_cert_file`";
            return Err(unfit("http_key_file", reason.to_owned()));
        }
    };
    if tls.is_none() && !listen.ip().is_loopback() {
        let reason = format!(
            "{listen} can be reached from other machines, which needs TLS: set `http_cert_file` and \
             `http_key_file`, or use an address of this machine alone, such as 127.0.0.1"
        );
        return Err(unfit("http_listen", reason));
    }
    let hosts = draft.http_hosts.split(',').map(str::trim);
    let hosts: Vec<String> = hosts
        .filter(|host| !host.is_empty())
        .map(str::to_owned)
        .collect();
    if let Some(host) = hosts
        .iter()
        .find(|host| host.contains(['/', '*', '@', ' ']))
    {
        let reason =
            format!("`{host}` is not the name of a host; write it without scheme and path");
        return Err(unfit("http_hosts", reason));
    }
    Ok(Some(HttpSettings { listen, hosts, tls }))
}

/// What has no effect, one sentence per item.
pub fn remarks(http: Option<&HttpSettings>, resolved: &[Resolved]) -> Vec<String> {
    let mut remarks = Vec::new();
    for name in ["http_hosts", "http_cert_file", "http_key_file"] {
        let origin = origin(name, resolved);
        if http.is_none() && origin != Origin::Default {
            remarks.push(format!(
                "{origin}: it has no effect, because nothing is served over HTTP; `http_listen` says where"
            ));
        }
    }
    remarks
}

fn address(text: &str) -> Option<SocketAddr> {
    let port = text.parse::<u16>().ok();
    let port = port.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    port.or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(text: &str) -> Draft {
        Draft {
            http_listen: text.to_owned(),
            ..Draft::default()
        }
    }

    #[test]
    fn other_machines_need_tls() {
        let of = |draft: &Draft| settings(draft, &[]).map_err(|unfit| unfit.to_string());
        assert_eq!(of(&listening("")), Ok(None));
        for text in ["8017", "127.0.0.1:8017", "[::1]:8017", "127.0.0.2:0"] {
            let listen = of(&listening(text)).ok().flatten().map(|http| http.listen);
            assert!(
                listen.is_some_and(|listen| listen.ip().is_loopback()),
                "{text}"
            );
        }
        for text in ["0.0.0.0:8017", "[::]:8017", "10.0.0.1:80"] {
            let words = of(&listening(text)).err().unwrap_or_default();
            assert!(words.contains("needs TLS"), "{text}: {words}");
            let with = Draft {
                http_cert_file: Some("c".into()),
                http_key_file: Some("k".into()),
                ..listening(text)
            };
            assert!(of(&with).is_ok(), "{text}");
        }
        for text in ["localhost:8017", "80000", ":80", "http://127.0.0.1:80"] {
            assert!(of(&listening(text)).is_err(), "{text}");
        }
        let half = Draft {
            http_key_file: Some("k".into()),
            ..listening("8017")
        };
        assert!(of(&half).is_err_and(|words| words.contains("http_cert_file")));
    }
}
