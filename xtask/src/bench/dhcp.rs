//! dhcp: how long a lease takes, and what the daemon costs.

use std::cell::Cell;
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cni_testkit::{Container, Daemon, Namespace};
use serde_json::{Value, json};

use super::comparison::{Comparison, Samples, cpu, peak, wall};
use super::report::{Row, Unit, median};
use super::side::{Attachment, Side};
use crate::debian;

/// So many leases are held while the daemon's memory is looked at.
const LEASES: usize = 200;

/// So many packets pass a link while a daemon waits for an answer on it.
const PACKETS: usize = 50_000;

/// For how long the daemon is looked at meanwhile: long enough for it to ask twice more.
const WINDOW: Duration = Duration::from_millis(1500);

/// How often it is looked at.
const LOOKS: usize = 3;

/// A server answers at once; what takes longer than this is the client, in milliseconds.
const LONGEST_ADD: f64 = 50.0;

/// A set of plugins, a server, and the set's daemon.
struct Lan {
    side: Side,
    server: Container,
    kea: Option<Daemon>,
    daemon: Daemon,
    /// How many containers there have been: the kernel takes its time to forget their links.
    containers: Cell<usize>,
}

impl Comparison<'_> {
    /// Leases of kea, ours and the reference's in turns.
    ///
    /// # Errors
    ///
    /// When a plugin, a daemon or the server fails.
    pub fn dhcp(&self) -> Result<Vec<Row>> {
        debian::ensure(debian::SERVER, true)?;
        let mut lans = [Lan::new(self.ours)?, Lan::new(self.reference)?];
        let [ours, reference] = self.samples(&lans)?;
        let [a, b] = [&ours, &reference];
        let row = |what: &str, unit, limit, value: fn(&Samples) -> f64| Row {
            title: format!("dhcp, kea: {what}"),
            unit,
            ours: value(a),
            base: Some(value(b)),
            limit,
        };
        let mut rows = vec![
            row("ADD, wall", Unit::Ms, Some(1.1), |s| wall(&s.adds)),
            row("ADD, CPU", Unit::Ms, None, |s| cpu(&s.adds)),
            row("ADD, peak memory", Unit::Kib, None, |s| peak(&s.adds)),
            row("DEL, wall", Unit::Ms, None, |s| wall(&s.dels)),
        ];
        rows.push(Row {
            title: "dhcp, kea: ADD alone, wall".to_owned(),
            unit: Unit::Ms,
            ours: wall(&ours.adds),
            base: None,
            limit: Some(LONGEST_ADD),
        });
        let [ours, reference] = lans.each_ref().map(|lan| lan.memory_with_leases(self));
        rows.push(Row {
            title: format!("dhcp daemon with {LEASES} leases: memory"),
            unit: Unit::Kib,
            ours: ours?,
            base: Some(reference?),
            limit: Some(0.25),
        });
        let [ours, reference] = lans.each_mut().map(Lan::cost_of_waiting);
        let ([calm, flooded], [_, flooded_reference]) = (ours?, reference?);
        let waiting = |against: &str, base, limit| Row {
            title: format!("dhcp daemon waiting beside {PACKETS} packets, against {against}: CPU"),
            unit: Unit::Ms,
            ours: flooded,
            base: Some(base),
            limit,
        };
        rows.push(waiting("none", calm, Some(2.0)));
        rows.push(waiting("the reference", flooded_reference, None));
        Ok(rows)
    }

    fn samples(&self, lans: &[Lan; 2]) -> Result<[Samples; 2]> {
        let attachments = lans.each_ref().map(|lan| lan.containers(1));
        self.one_each(lans.each_ref().map(|lan| &lan.side), attachments)
    }
}

impl Lan {
    fn new(plugins: &Path) -> Result<Self> {
        let network = json!({ "cniVersion": "1.0.0", "name": "bench", "type": "dhcp",
            "ipam": { "type": "dhcp" } });
        let side = Side::new(plugins, &network);
        side.host().sh("ip link add br0 address 02:00:00:00:00:01 up type bridge");
        let server = side.host().container("server");
        plug(&side, &server, "server");
        server.sh("ip link set lo up; ip addr add 10.99.0.1/16 dev eth0; mkdir -p /run/kea");
        let config = kea_config().to_string();
        server.run(move || fs::write("/run/kea/kea.json", config)).context("configure kea")?;
        // Nobody reads what they write.
        let silent = |command: &str| format!("exec {command} >/dev/null 2>&1");
        let kea = server.daemon(&["sh", "-c", &silent("kea-dhcp4 -c /run/kea/kea.json")]);
        let daemon = silent(&format!("{}/dhcp daemon", plugins.display()));
        let daemon = side.host().daemon(&["sh", "-c", &daemon]);
        wait_for(side.host(), "/run/cni/dhcp.sock")?;
        wait_for(side.host(), "/run/kea/leases.csv")?;
        // It writes the file before it listens.
        thread::sleep(Duration::from_secs(1));
        Ok(Self { side, server, kea: Some(kea), daemon, containers: Cell::new(0) })
    }

    /// Containers with an interface beside the server.
    fn containers(&self, count: usize) -> Vec<Attachment> {
        let attachments = self.side.containers(count);
        for attachment in &attachments {
            let number = self.containers.replace(self.containers.get() + 1);
            plug(&self.side, attachment.container(), &format!("port{number}"));
        }
        attachments
    }

    fn memory_with_leases(&self, comparison: &Comparison<'_>) -> Result<f64> {
        let mut attachments = self.containers(LEASES);
        for some in attachments.chunks_mut(10) {
            self.side.add(comparison.spawner, some)?;
        }
        let path = format!("/proc/{}/status", self.daemon.id());
        let status = fs::read_to_string(path).context("read the daemon's status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|line| line.trim().strip_suffix("kB"));
        let resident = resident.context("the daemon has no memory")?.trim().parse()?;
        for some in attachments.chunks_mut(10) {
            self.side.del(comparison.spawner, some)?;
        }
        Ok(resident)
    }

    /// The processor time of a daemon that waits for an answer in vain, in milliseconds: without
    /// packets for others on the link, and with them.
    fn cost_of_waiting(&mut self) -> Result<[f64; 2]> {
        self.kea = None;
        let (mut calm, mut flooded) = (Vec::new(), Vec::new());
        for _ in 0..LOOKS {
            calm.push(self.cost_of_one_wait(0)?);
            flooded.push(self.cost_of_one_wait(PACKETS)?);
        }
        Ok([median(calm), median(flooded)])
    }

    fn cost_of_one_wait(&self, packets: usize) -> Result<f64> {
        let attachments = self.containers(1);
        let container = attachments[0].container();
        container.sh("ip link set eth0 address 02:00:00:00:00:99");
        self.server.sh("ip neigh replace 10.99.9.9 lladdr 02:00:00:00:00:99 dev eth0");
        let asking = self.ask_in_vain(container);
        thread::sleep(Duration::from_millis(500));
        let before = processor_time(self.daemon.id())?;
        let flood = move || -> std::io::Result<()> {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            for _ in 0..packets {
                // A queue that is full is no reason to stop.
                let _ = socket.send_to(&[0; 64], "10.99.9.9:9");
            }
            Ok(())
        };
        self.server.run(flood).context("flood the link")?;
        thread::sleep(WINDOW);
        let spent = processor_time(self.daemon.id())? - before;
        drop(asking);
        container.destroy();
        Ok(spent)
    }

    /// An ADD without a server; it ends with the value.
    fn ask_in_vain(&self, container: &Container) -> Daemon {
        let config = self.side.plugin();
        let job = self.side.job("ADD", config, (container.id(), container.netns_path()));
        let environment: Vec<String> =
            job.environment.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
        let (environment, program) = (environment.join(" "), job.program.display());
        let script = format!(
            "echo '{}' >/run/vain.json; exec env {environment} {program} </run/vain.json",
            job.input
        );
        self.side.host().daemon(&["sh", "-c", &script])
    }
}

/// Gives a container an interface on the bridge.
fn plug(side: &Side, container: &Container, port: &str) {
    let netns = container.netns_path();
    side.host()
        .sh(&format!("ip link add {port} up master br0 type veth peer name eth0 netns {netns}"));
    container.sh("ip link set eth0 up");
}

fn kea_config() -> Value {
    json!({ "Dhcp4": {
        "interfaces-config": { "interfaces": ["eth0"] },
        "lease-database": { "type": "memfile", "name": "/run/kea/leases.csv" },
        "valid-lifetime": 3600,
        "subnet4": [{
            "subnet": "10.99.0.0/16",
            "pools": [{ "pool": "10.99.1.0 - 10.99.250.255" }],
            "option-data": [{ "name": "routers", "data": "10.99.0.1" }]
        }]
    } })
}

fn wait_for(namespace: &Namespace, path: &'static str) -> Result<()> {
    for _ in 0..2000 {
        if namespace.run(move || Path::new(path).exists()) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    bail!("{path} does not appear")
}

/// What all threads of a process have had of the processors, in milliseconds.
fn processor_time(process: u32) -> Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).context("list threads")? {
        let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        nanoseconds += text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    }
    Ok(nanoseconds / 1e6)
}
