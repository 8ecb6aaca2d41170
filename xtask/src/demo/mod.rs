//! `demo`: two containers on a private host, attached, talking, detached, and nothing left.

mod http;
mod leftovers;
mod stage;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Result, bail, ensure};
use clap::{ArgMatches, Command};
use cni_testkit::Namespace;

use crate::release::Release;
use crate::workspace::Workspace;
use crate::{debian, private_host};
use http::Server;
use stage::{IpVersion, Stage};

/// What the demonstration runs, of everything there is.
const PACKAGES: &[&str] = &[
    "cnitool",
    "cni-plugin-bridge",
    "cni-plugin-host-local",
    "cni-plugin-portmap",
    "cni-plugin-firewall",
    "cni-plugin-bandwidth",
    "cni-plugin-tuning",
];

/// How the task is called.
pub fn command() -> Command {
    Command::new("demo")
        .about("Attaches two containers in namespaces of its own and proves that it works")
}

/// Builds, then plays every step; a failed step does not keep the others from being tried.
///
/// # Errors
///
/// When the build or a step fails.
pub fn run(_arguments: &ArgMatches) -> Result<()> {
    let workspace = Workspace::load()?;
    debian::ensure(debian::DEMO, true)?;
    let release = Release::build_packages(&workspace, PACKAGES.to_vec())?;
    private_host::enter()?;

    let mut script = Script::default();
    let stage = Stage::set(&release)?;
    script.step("set the stage", || Ok(stage.description()));
    attach(&mut script, &stage);
    talk(&mut script, &stage)?;
    script.step("the plugins chained after the bridge", || stage.chained());
    for container in &stage.containers {
        script.step(&format!("cnitool check demo ({})", container.name()), || {
            stage.cnitool("check", container).map(|_| vec!["as it was made".to_owned()])
        });
    }
    for container in &stage.containers {
        script.step(&format!("cnitool del demo ({})", container.name()), || {
            stage.cnitool("del", container).map(|_| Vec::new())
        });
    }
    script.step("nothing is left", || leftovers::find(&stage));
    script.conclude()
}

/// Attaches both containers and shows what they got.
fn attach(script: &mut Script, stage: &Stage) {
    for container in &stage.containers {
        script.step(&format!("cnitool add demo ({})", container.name()), || {
            let result = stage.cnitool("add", container)?;
            stage::readable(&result)
        });
    }
}

/// Reads a token over every path that the network promises, once for each IP version.
fn talk(script: &mut Script, stage: &Stage) -> Result<()> {
    let [c1, c2] = &stage.containers;
    let inside = Server::start(c2)?;
    let outside = Server::start(&stage.outside)?;
    let unjudged = |_: IpAddr| true;
    for version in IpVersion::ALL {
        let to_c2 = || Ok(SocketAddr::new(stage.address_of(c2, version)?, http::PORT));
        let title = format!("c1 -> c2, {version}");
        script.read_token(&title, c1, &inside, to_c2, unjudged);
        let title = format!("host -> c2, {version}");
        script.read_token(&title, &stage.host, &inside, to_c2, unjudged);
        let title = format!("c1 -> outside, {version}, masqueraded");
        let to_outside = || Ok(SocketAddr::new(version.outside(), http::PORT));
        let is_host = |source| source == version.host();
        script.read_token(&title, c1, &outside, to_outside, is_host);

        let published = || Ok(SocketAddr::new(version.host(), stage::PUBLISHED));
        let readers =
            [("c1", &**c1), ("c2 itself", c2), ("host", &stage.host), ("outside", &stage.outside)];
        for (name, reader) in readers {
            let title = format!("{name} -> published port, {version}");
            script.read_token(&title, reader, &inside, published, unjudged);
        }
    }
    let local = || Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), stage::PUBLISHED));
    script.read_token("host -> published port, localhost", &stage.host, &inside, local, unjudged);
    Ok(())
}

/// The steps played so far.
#[derive(Default)]
struct Script {
    played: usize,
    failed: usize,
}

impl Script {
    /// Plays one step and prints how it went, with what there is to see.
    fn step(&mut self, title: &str, play: impl FnOnce() -> Result<Vec<String>>) {
        self.played += 1;
        match play() {
            Ok(lines) => {
                println!("{:>3}. ok      {title}", self.played);
                for line in lines {
                    println!("             {line}");
                }
            }
            Err(error) => {
                self.failed += 1;
                println!("{:>3}. FAILED  {title}: {error:#}", self.played);
            }
        }
    }

    /// Reads the server's token from a namespace and judges the address the server saw.
    fn read_token(
        &mut self,
        title: &str,
        from: &Namespace,
        server: &Server,
        address: impl FnOnce() -> Result<SocketAddr>,
        is_expected: impl FnOnce(IpAddr) -> bool,
    ) {
        self.step(&format!("token over HTTP, {title}"), || {
            let address = address()?;
            let answer = http::get(from, address)?;
            ensure!(answer.token == server.token, "read a foreign token from {address}");
            ensure!(
                IpVersion::of(answer.source) == IpVersion::of(address.ip())
                    && is_expected(answer.source),
                "{address} saw {} as the source",
                answer.source
            );
            Ok(vec![format!("{address} answered {} to {}", answer.token, answer.source)])
        });
    }

    fn conclude(self) -> Result<()> {
        if self.failed > 0 {
            bail!("{} of {} steps failed", self.failed, self.played);
        }
        println!("all {} steps worked", self.played);
        Ok(())
    }
}
