//! Rate limits and redirections, and the devices that queue what others receive.

use linux_net::{
    Errno, Link, Netns, Qdisc, Request, Result, Rtnl, TokenBucket, VethPair, VethPeer,
};

use crate::namespace::{isolated, name};

const BUCKET: TokenBucket = TokenBucket { rate: 125_000, limit: 103_125, buffer: 12_500_000 };

/// Makes a veth pair, whose first end it returns, and an ifb.
fn scene(rtnl: &Rtnl) -> (Link, Link) {
    let here = Netns::current().unwrap();
    let (base, far, ifb) = (name("base"), name("far"), name("ifb7"));
    let peer = VethPeer { name: &far, mac: None, netns: &here };
    let pair = VethPair { name: &base, controller: None, mtu: None, peer };
    let requests = [Request::create_veth_pair(&pair), Request::create_ifb(&ifb, 1400)];
    let (steps, links) = rtnl.run_and_get(&requests, &[(&base).into(), (&ifb).into()]);
    steps.into_iter().collect::<Result<Vec<()>>>().unwrap();
    let [base, ifb] = links.try_into().unwrap();
    (base.unwrap(), ifb.unwrap())
}

/// What `tc` prints.
fn tc(arguments: &str) -> String {
    let tc = std::process::Command::new("tc").args(arguments.split(' ')).output();
    let output = tc.unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_ifb_is_born_up_and_without_a_queue() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let (_, ifb) = scene(&rtnl);
        assert_eq!((ifb.kind.as_deref(), ifb.mtu, ifb.is_up()), (Some("ifb"), 1400, true));
        let output = std::process::Command::new("ip").args(["link", "show", "ifb7"]).output();
        let shown = String::from_utf8(output.unwrap().stdout).unwrap();
        assert!(!shown.contains("qlen"), "{shown}");
        assert!(rtnl.apply(Request::create_ifb(&name("base"), 1400)).unwrap_err().is_present());
    });
}

#[test]
fn ifbs_are_listed_with_their_aliases() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        assert_eq!(rtnl.list_ifbs().unwrap(), []);
        let (_, ifb) = scene(&rtnl);
        let longest = "a".repeat(255);
        rtnl.apply(Request::set_alias(ifb.index, &longest)).unwrap();
        let listed = rtnl.list_ifbs().unwrap();
        assert_eq!(listed, [Link { alias: Some(longest), ..ifb }]);
        assert!(rtnl.apply(Request::set_alias(listed[0].index, &"a".repeat(256))).is_err());
        rtnl.apply(Request::set_alias("ifb7", "")).unwrap();
        assert_eq!(rtnl.get_link("ifb7").unwrap().alias, None);
    });
}

#[test]
fn a_rate_is_limited_changed_and_set_free() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let (base, _) = scene(&rtnl);
        assert_eq!(rtnl.find_token_bucket(base.index).unwrap(), None);
        for bucket in [BUCKET, TokenBucket { rate: 5_000_000_000, ..BUCKET }] {
            rtnl.apply(Request::set_token_bucket(base.index, &bucket)).unwrap();
            assert_eq!(rtnl.find_token_bucket(base.index).unwrap(), Some(bucket));
        }
        assert!(tc("qdisc show dev base").starts_with("qdisc tbf 1: root "));
        assert!(rtnl.remove_qdisc(base.index, Qdisc::TokenBucket).unwrap());
        assert!(!rtnl.remove_qdisc(base.index, Qdisc::TokenBucket).unwrap());
        assert_eq!(rtnl.find_token_bucket(base.index).unwrap(), None);
        // What is asked next is not answered by what was.
        assert_eq!(rtnl.get_link("base").unwrap().index, base.index);
    });
}

#[test]
fn the_disciplines_of_others_are_left_alone() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let (base, _) = scene(&rtnl);
        for (other, refusal) in [
            (
                "qdisc add dev base root handle 2: tbf rate 1mbit burst 32k latency 20ms",
                Errno::EEXIST,
            ),
            ("qdisc add dev base root handle 1: pfifo", Errno::EINVAL),
        ] {
            tc(other);
            let before = tc("qdisc show dev base");
            let error = rtnl.apply(Request::set_token_bucket(base.index, &BUCKET)).unwrap_err();
            assert_eq!(error.errno(), Some(refusal), "{error:?}");
            assert_eq!(rtnl.find_token_bucket(base.index).unwrap(), None);
            assert!(!rtnl.remove_qdisc(base.index, Qdisc::TokenBucket).unwrap());
            assert_eq!(tc("qdisc show dev base"), before);
            tc("qdisc del dev base root");
        }
        tc("qdisc add dev base clsact");
        let error = rtnl.apply(Request::create_ingress(base.index)).unwrap_err();
        assert!(error.is_present(), "{error:?}");
        assert!(!rtnl.remove_qdisc(base.index, Qdisc::Ingress).unwrap());
        assert!(tc("qdisc show dev base").contains("clsact"));
    });
}

#[test]
fn what_is_received_is_redirected() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let (base, ifb) = scene(&rtnl);
        assert_eq!(rtnl.find_redirect(base.index).unwrap(), None);
        rtnl.apply(Request::create_ingress(base.index)).unwrap();
        assert!(rtnl.apply(Request::create_ingress(base.index)).unwrap_err().is_present());
        assert_eq!(rtnl.find_redirect(base.index).unwrap(), None);
        for _ in 0..2 {
            rtnl.apply(Request::set_redirect(base.index, ifb.index)).unwrap();
            assert_eq!(rtnl.find_redirect(base.index).unwrap(), Some(ifb.index));
            assert_eq!(tc("filter show dev base parent ffff:").matches("800::800").count(), 1);
        }
        rtnl.remove_link("ifb7").unwrap();
        assert_eq!(rtnl.find_redirect(base.index).unwrap(), Some(0));
        rtnl.apply(Request::create_ifb(&name("ifb8"), 1500)).unwrap();
        let other = rtnl.get_link("ifb8").unwrap();
        rtnl.apply(Request::set_redirect(base.index, other.index)).unwrap();
        assert_eq!(rtnl.find_redirect(base.index).unwrap(), Some(other.index));
        assert!(rtnl.remove_qdisc(base.index, Qdisc::Ingress).unwrap());
        assert!(!rtnl.remove_qdisc(base.index, Qdisc::Ingress).unwrap());
        assert_eq!(rtnl.find_redirect(base.index).unwrap(), None);
    });
}
