//! The limits an attachment gets: contradictions refused, values typed.

use cni_core::{Error, Result};

use crate::conf::{Bandwidth, Conf};
use crate::limit::Limit;

/// Everything ADD needs to know before its first effect.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// What the container receives.
    pub(crate) ingress: Option<Limit>,
    /// What the container sends.
    pub(crate) egress: Option<Limit>,
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    ///
    /// The reference's texts, with keys and values in the details.
    pub(crate) fn new(conf: &Conf) -> Result<Self> {
        let Bandwidth { ingress_rate, ingress_burst, egress_rate, egress_burst } = conf.bandwidth();
        Ok(Self {
            ingress: limit("ingress", ingress_rate, ingress_burst)?,
            egress: limit("egress", egress_rate, egress_burst)?,
        })
    }

    /// Tells whether there is nothing to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.ingress.is_none() && self.egress.is_none()
    }
}

/// The limit of one direction, of bits per second and bits; zeros are none.
fn limit(direction: &str, rate: u64, burst: u64) -> Result<Option<Limit>> {
    let refuse = |msg: &str| {
        let details = format!("{direction}Rate is {rate} and {direction}Burst is {burst}");
        Err(Error::internal(msg).with_details(details))
    };
    // The reference refuses the greatest number, too.
    let bytes = u32::try_from(burst / 8).ok().filter(|bytes| *bytes < u32::MAX);
    match (rate, burst, bytes) {
        (0, 0, _) => Ok(None),
        (_, 0, _) => refuse("if rate is set, burst must also be set"),
        (0, _, _) => refuse("if burst is set, rate must also be set"),
        (_, _, None) => refuse("burst cannot be more than 4GB"),
        (..8, _, _) | (_, ..8, _) => refuse("rate and burst must be at least 8 bits"),
        (_, _, Some(burst)) => Ok(Some(Limit { rate: rate / 8, burst })),
    }
}

#[cfg(test)]
mod tests {
    use cni_core::spec::json;

    use super::*;

    fn plan(text: &str) -> Result<Plan> {
        let conf: Conf = json::from_slice(text.as_bytes()).expect("a configuration");
        Plan::new(&conf)
    }

    fn refused(text: &str) -> String {
        plan(text).expect_err(text).to_string()
    }

    const NONE: Plan = Plan { ingress: None, egress: None };

    fn ingress(rate: u64, burst: u32) -> Result<Plan> {
        Ok(Plan { ingress: Some(Limit { rate, burst }), ..NONE })
    }

    #[test]
    fn limits_are_bits_and_become_bytes() {
        let both = r#"{"ingressRate":8000,"ingressBurst":87,"egressRate":16,"egressBurst":8}"#;
        let (ingress, egress) = (Limit { rate: 1000, burst: 10 }, Limit { rate: 2, burst: 1 });
        assert_eq!(plan(both), Ok(Plan { ingress: Some(ingress), egress: Some(egress) }));
        for text in ["{}", r#"{"runtimeConfig":{}}"#, r#"{"ingressRate":0,"ingressBurst":0}"#] {
            assert_eq!(plan(text), Ok(NONE), "{text}");
        }
    }

    #[test]
    fn the_runtime_is_heard_where_the_network_says_nothing() {
        let runtime = r#""RuntimeConfig":{"bandWidth":{"ingressrate":8000,"INGRESSBURST":80}}"#;
        assert_eq!(plan(&format!("{{{runtime}}}")), ingress(1000, 10));
        for null in ["null", "{}", r#"{"bandwidth":null}"#] {
            assert_eq!(plan(&format!(r#"{{"runtimeConfig":{null}}}"#)), Ok(NONE));
        }
        // A null is nothing that was said.
        assert_eq!(plan(&format!(r#"{{"egressRate":null,{runtime}}}"#)), ingress(1000, 10));
        for key in ["ingressRate", "ingressBurst", "egressRate", "EGRESSBURST"] {
            assert_eq!(plan(&format!(r#"{{"{key}":0,{runtime}}}"#)), Ok(NONE), "{key}");
        }
        let own = format!(r#"{{"ingressRate":16,"ingressBurst":8,{runtime}}}"#);
        assert_eq!(plan(&own), ingress(2, 1));
    }

    #[test]
    fn rate_and_burst_belong_together() {
        let rate = "if rate is set, burst must also be set";
        let burst = "if burst is set, rate must also be set";
        for (text, refusal) in [
            (r#"{"ingressRate":123}"#, format!("{rate}; ingressRate is 123 and ingressBurst is 0")),
            (
                r#"{"ingressBurst":123}"#,
                format!("{burst}; ingressRate is 0 and ingressBurst is 123"),
            ),
            (r#"{"egressRate":123}"#, format!("{rate}; egressRate is 123 and egressBurst is 0")),
            (r#"{"egressBurst":123}"#, format!("{burst}; egressRate is 0 and egressBurst is 123")),
        ] {
            assert_eq!(refused(text), refusal);
        }
        // Ingress is looked at first, and only what counts.
        assert!(refused(r#"{"egressRate":1,"ingressBurst":1}"#).starts_with(burst));
        let ignored = r#"{"egressRate":0,"runtimeConfig":{"bandwidth":{"ingressRate":1}}}"#;
        assert_eq!(plan(ignored), Ok(NONE));
    }

    #[test]
    fn bursts_end_before_4_gib() {
        let largest = 4 * 1024_u64.pow(3) * 8 - 9;
        let text = |burst: u64| format!(r#"{{"ingressRate":8,"ingressBurst":{burst}}}"#);
        assert_eq!(plan(&text(largest)), ingress(1, u32::MAX - 1));
        for burst in [largest + 1, largest + 9, u64::MAX] {
            assert!(refused(&text(burst)).starts_with("burst cannot be more than 4GB; "));
        }
    }

    #[test]
    fn less_than_a_byte_is_nothing() {
        let refusal = "rate and burst must be at least 8 bits; ingressRate is";
        for (rate, burst) in [(7, 8), (8, 7), (1, 1)] {
            let text = format!(r#"{{"ingressRate":{rate},"ingressBurst":{burst}}}"#);
            assert_eq!(refused(&text), format!("{refusal} {rate} and ingressBurst is {burst}"));
        }
        assert_eq!(plan(r#"{"ingressRate":8,"ingressBurst":8}"#), ingress(1, 1));
    }
}
