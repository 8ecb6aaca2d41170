//! What the kernel and the routers of the link say, and what follows from it.

use linux_net::Ipv6News;

use super::{GATHERING, ROUTER_WAITS, Stage, Tenant6};
use crate::client::v6::{Action, Mode, Names};
use crate::daemon::clock::now;
use crate::daemon::port6::View;
use crate::daemon::tenant::Fate;

impl Tenant6 {
    /// Takes the news of the kernel.
    pub(super) fn hear(&mut self) -> Fate {
        let Some(watch) = &self.watch else { return Fate::Goes };
        let news = match watch.read() {
            Ok(news) => news,
            Err(error) => {
                self.log(&error.to_string());
                vec![Ipv6News::Changed]
            }
        };
        for news in &news {
            if let Ipv6News::RouterOption(option) = news {
                self.names.add_router_option(option);
            }
        }
        if news.is_empty() { Fate::Goes } else { self.look() }
    }

    /// Goes on if what was being waited for is there.
    pub(super) fn look(&mut self) -> Fate {
        match self.stage {
            Stage::Waiting { .. } => {}
            Stage::Trying { .. } => return self.judge(),
            Stage::Gathering { .. } | Stage::Settled => return Fate::Goes,
        }
        let view = match self.port.view_ipv6() {
            Ok(view) => view,
            Err(error) => {
                self.log(&error.to_string());
                return Fate::Goes;
            }
        };
        if view.link_local.is_none() {
            return Fate::Goes;
        }
        if self.mode == Mode::Dhcp {
            return self.acquire();
        }
        if !view.dynamic.is_empty() || self.has_server(&view) {
            self.stage = Stage::Gathering { until: now() + GATHERING };
        }
        Fate::Goes
    }

    /// Whether addresses come from a server, as far as routers have said so.
    pub(super) fn has_server(&self, view: &View) -> bool {
        self.mode == Mode::Auto && view.flags.is_managed
    }

    pub(super) fn acquire(&mut self) -> Fate {
        self.stage = Stage::Settled;
        let actions = self.client.acquire(now());
        self.perform(actions)
    }

    /// All that routers say is known.
    pub(super) fn conclude(&mut self) -> Fate {
        let view = match self.port.view_ipv6() {
            Ok(view) => view,
            Err(error) => return self.end(&error.to_string()),
        };
        // The kernel's work on a new address waits for whatever else is done to interfaces.
        if !view.tentative.is_empty() && now() < self.search_end {
            self.stage = Stage::Gathering { until: now() + GATHERING };
            return Fate::Goes;
        }
        if self.has_server(&view) {
            return self.acquire();
        }
        // Somebody else has had it, or the router has thought better of it.
        if view.dynamic.is_empty() {
            self.stage = Stage::Waiting { ask_at: now() + ROUTER_WAITS[0], asked: 0 };
            return Fate::Goes;
        }
        self.stage = Stage::Settled;
        let actions = if view.flags.has_other && self.names.is_empty() {
            self.client.inform(now())
        } else {
            vec![Action::Learn(Names::default())]
        };
        self.perform(actions)
    }
}
